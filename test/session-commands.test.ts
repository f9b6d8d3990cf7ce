// What the commands about sessions say to root, and to the root of a user namespace.
import { sessionCommandCases } from './helpers/session-command-cases.ts';

sessionCommandCases();
