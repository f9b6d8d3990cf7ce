// What programs of root, and of the root of a user namespace, are kept from.
import { isolationCases } from './helpers/isolation-cases.ts';

isolationCases();
