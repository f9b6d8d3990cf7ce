// `overlayfs run` of root, and of the root of a user namespace.
import { runCommandCases } from './helpers/run-command-cases.ts';

runCommandCases();
