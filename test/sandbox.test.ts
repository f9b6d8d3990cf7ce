// Sandboxes of root, and of the root of a user namespace.
import { sandboxCases } from './helpers/sandbox-cases.ts';
import { sandboxEndCases } from './helpers/sandbox-end-cases.ts';

sandboxCases();
sandboxEndCases();
