// Copies of an ordinary user's sessions.
import { sessionCloneCases } from './helpers/session-clone-cases.ts';

sessionCloneCases();
