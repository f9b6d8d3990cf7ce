// Programs on an overlay that was mounted in our own namespaces.
import { runCases } from './helpers/run-cases.ts';

runCases();
