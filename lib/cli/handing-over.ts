/** Commands on what holds files of the user's subordinate ids: they are run in a namespace of these. */
import type { PathLike } from '../arguments.ts';
import { workingDirectory } from '../arguments.ts';
import { native, unwrap } from '../native.ts';
import type { Session } from '../session-list.ts';
import type { ForeignEntry } from '../session-owners.ts';
import { foreignEntryOf, foreignEntryOfPending } from '../session-owners.ts';
import { withSubordinateIds } from '../subordinate-ids.ts';
import { escapeBytes, escapeText } from './escape.ts';
import { complain } from './messages.ts';
import type { Word } from './words.ts';
import { bytesOf, commandWords } from './words.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

/** The words of this very command. */
function ownWords(): readonly Word[] {
  return commandWords(process.argv.slice(2));
}

interface Handed {
  /** What to run there. Default: this very command. */
  readonly words?: readonly Word[];
  /** What it says on standard output is of no interest. */
  readonly quiet?: boolean;
}

export interface HandingOver extends Handed {
  /** Where sessions lie. */
  readonly directory?: PathLike | undefined;
}

/**
 * Where a session holds files that are not the user's own, the command is run in a process that has the
 * rights over files of his subordinate ids, and this one has no more to do.
 *
 * @returns its status; undefined where there is no need for it, or it cannot be, which is said.
 */
export function handedOver(
  session: Session,
  { directory, ...how }: HandingOver = {},
): Promise<number | undefined> {
  return handOver(() => foreignEntryOf(session, directory), how);
}

/** The same where an apply on one of the directories was interrupted. */
export function pendingHandedOver(destinations: readonly Buffer[]): Promise<number | undefined> {
  return handOver(async () => {
    for (const destination of destinations) {
      const found = await foreignEntryOfPending(destination);
      if (found !== undefined) {
        return found;
      }
    }
    return undefined;
  });
}

async function handOver(
  find: () => Promise<ForeignEntry | undefined>,
  { words = ownWords(), quiet = false }: Handed = {},
): Promise<number | undefined> {
  if (process.geteuid?.() === 0 || native().mayChown()) {
    return undefined;
  }
  const foreign = await find();
  if (foreign === undefined) {
    return undefined;
  }
  const own = [process.execPath, ...process.execArgv, process.argv[1] ?? ''].map(bytes);
  const program = {
    file: bytes(process.execPath),
    args: [...own, ...words.map(bytesOf)],
    env: null,
    cwd: workingDirectory(),
    stdio: [0, quiet ? -1 : 1, 2],
  };
  const end = await withSubordinateIds(
    async (namespace) => unwrap(await native().runInNamespace(namespace, program)),
    (why) =>
      complain(
        `warning: ${escapeBytes(foreign.path)} belongs to ${foreign.owner}; ${escapeText(why)}`,
      ),
  );
  return end && (end.signal === 0 ? end.code : 128 + end.signal);
}
