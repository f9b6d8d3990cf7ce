// What people do in a sandbox, as an ordinary user.
import { realProjectCases } from './helpers/real-project-cases.ts';

realProjectCases();
