/** Sessions as the command line names them. */
import { absolutePath } from '../arguments.ts';
import { isSessionName } from '../session-kind.ts';
import type { Session, SessionOverlay, SessionRest } from '../session-list.ts';
import { isSession } from '../session-list.ts';
import { overlaysAt, targetsOf } from '../session-target.ts';
import { UsageError } from './command-errors.ts';
import { escapeText } from './escape.ts';
import { complain } from './messages.ts';
import { pathOf } from './options.ts';
import type { Word } from './words.ts';
import { textOf } from './words.ts';

/** Where they lie, if it is said. */
export function sessionsOption(dir: Word | undefined): { readonly directory?: Buffer } {
  return dir === undefined ? {} : { directory: pathOf(dir, '--dir') };
}

export function sessionNameOf(word: Word, name: string): string {
  const text = textOf(word);
  if (!isSessionName(text)) {
    throw new UsageError(
      `${name} must be the name of a session, but is '${escapeText(text)}': up to 100 letters, digits, dots, dashes ` +
        'and underscores, and no dot or dash at the beginning',
    );
  }
  return text;
}

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

/** What `--of` names, or all that the session covers. */
export function overlaysNamed(session: Session, of: Word | undefined): readonly SessionOverlay[] {
  const wanted = of === undefined ? undefined : absolutePath(pathOf(of, '--of'), '--of');
  const found = overlaysAt(session, wanted);
  if (of !== undefined && found.length === 0) {
    const covered = targetsOf(session);
    throw new UsageError(
      `--of '${textOf(of)}': the session '${session.name}' covers ${covered}, and not that`,
    );
  }
  return found;
}
