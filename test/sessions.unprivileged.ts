// Sessions of an ordinary user.
import { sessionCases } from './helpers/session-cases.ts';

sessionCases();
