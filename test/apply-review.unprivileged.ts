// Changes of an ordinary user's session that are applied as somebody at a terminal says.
import { reviewCases } from './helpers/review-cases.ts';

reviewCases();
