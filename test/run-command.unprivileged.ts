// `overlayfs run` of an ordinary user.
import { runCommandCases } from './helpers/run-command-cases.ts';

runCommandCases();
