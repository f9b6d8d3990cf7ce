// What people do in a sandbox, as root and as the root of a user namespace.
import { realProjectCases } from './helpers/real-project-cases.ts';

realProjectCases();
