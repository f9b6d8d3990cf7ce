// What `overlayfs run` of root, and of the root of a user namespace, looks at before and after.
import { runCheckCases } from './helpers/run-check-cases.ts';

runCheckCases();
