// What the commands about sessions say to an ordinary user.
import { sessionCommandCases } from './helpers/session-command-cases.ts';

sessionCommandCases();
