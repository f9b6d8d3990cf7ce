// What is said on a terminal while a run ends, and an apply goes on.
import { progressCases } from './helpers/run-progress-cases.ts';

progressCases();
