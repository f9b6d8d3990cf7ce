// The directories that sessions of an ordinary user were made from.
import { sessionPendingCases } from './helpers/session-pending-cases.ts';

sessionPendingCases();
