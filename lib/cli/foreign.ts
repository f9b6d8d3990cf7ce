/** What lies where sessions lie, and is none. */
import type { Session, SessionRest } from '../session-list.ts';
import { isSession } from '../session-list.ts';
import { complain } from './messages.ts';

export function isForeign(found: Session | SessionRest): found is SessionRest {
  return !isSession(found) && found.problem === 'foreign';
}

const mostNames = 5;

/** Once of all of them: there may be many, where sessions lie among other things. */
export function tellForeign(found: readonly SessionRest[]): void {
  if (found.length === 0) {
    return;
  }
  const names = found.slice(0, mostNames).map(({ path }) => path);
  const more = found.length - names.length;
  const are =
    found.length === 1 ? 'is not a session, and left alone' : 'are not sessions, and left alone';
  complain(`${names.join(', ')}${more > 0 ? ` and ${more} more` : ''} ${are}`);
}
