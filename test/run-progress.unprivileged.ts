// What is said to an ordinary user on a terminal while a run ends, and an apply goes on.
import { progressCases } from './helpers/run-progress-cases.ts';

progressCases();
