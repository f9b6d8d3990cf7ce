// Sessions of an ordinary user, applied.
import { sessionApplyCases } from './helpers/session-apply-cases.ts';

sessionApplyCases();
