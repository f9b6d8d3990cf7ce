/** Sessions as the command line names them. */
import { absolutePath } from '../arguments.ts';
import { isSessionName } from '../session-kind.ts';
import type { Session, SessionOverlay } from '../session-list.ts';
import { overlaysAt, targetsOf } from '../session-target.ts';
import { UsageError } from './command-errors.ts';
import { escapeText } from './escape.ts';
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

export function sayWhich(session: Session, wrong = ''): UsageError {
  return new UsageError(
    `${wrong}the session '${session.name}' covers ${targetsOf(session)}; say which with --of DIR`,
  );
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
