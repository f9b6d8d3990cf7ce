// What programs of an ordinary user are kept from.
import { isolationCases } from './helpers/isolation-cases.ts';

isolationCases();
