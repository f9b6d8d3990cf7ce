import { optionalInteger, optionsObject } from './arguments.ts';
import type { ChangesSource, OpenableSource } from './change-source.ts';
import { openableSource } from './change-source.ts';
import type { ChangeTotals, MutableTotals } from './change-totals.ts';
import { addTotals, ByteCounter, noTotals, totalsOf } from './change-totals.ts';
import type { ChangesOptions, CheckedOptions } from './changes.ts';
import { changesOptionNames, checkedOptions, listOf } from './changes.ts';
import type { Change } from './entries.ts';
import type { Name } from './names.ts';
import { nameOf } from './names.ts';
import { native } from './native.ts';
import type { ChangesHandle, SidesHandle } from './native-walks.ts';
import { decodeTotals } from './packed-totals.ts';
import { PulledEntries } from './pull.ts';

/** What the changes in one directory and below come to. */
export interface DirectoryTotals extends ChangeTotals {
  /** Relative to the root of the overlay; `.` is the root, and with it everything. */
  readonly path: string;
  /** The same in bytes: with `encoding: 'buffer'`, and always where `path` is not UTF-8. */
  readonly pathBytes?: Buffer;
}

export interface SummarizeOptions extends Omit<ChangesOptions, 'stat' | 'expand'> {
  /** How many levels of directories are told apart. Default: 0, the total alone. */
  readonly depth?: number;
}

interface Level {
  /** In bytes, as latin1; empty for the root. */
  readonly path: string;
  readonly totals: MutableTotals;
}

const slash = '/';
const summaryOptionNames = [
  'depth',
  ...changesOptionNames.filter((name) => name !== 'stat' && name !== 'expand'),
];

/** Of a path in latin1. */
function directoryOf(path: string, type: Change['type']): string {
  return type === 'directory' ? path : path.slice(0, Math.max(0, path.lastIndexOf(slash)));
}

function named({ text, bytes }: Name, totals: ChangeTotals): DirectoryTotals {
  return { path: text, ...(bytes === undefined ? {} : { pathBytes: bytes }), ...totals };
}

/**
 * The directories that are still being counted; the root is the first. For lists whose changes are in
 * JavaScript anyway: native/core/change_totals.cc does the same for others.
 */
export class DirectoryCounter {
  readonly #depth: number;
  readonly #withBytes: boolean;
  readonly #levels: Level[] = [{ path: '', totals: noTotals() }];
  readonly #bytes = new ByteCounter();

  constructor(depth: number, withBytes: boolean) {
    this.#depth = depth;
    this.#withBytes = withBytes;
  }

  /** Counts a change, and gives the directories that are complete before it. */
  add(change: Change): DirectoryTotals[] {
    const { path, pathBytes, type } = change;
    const name = path === '.' ? '' : (pathBytes ?? Buffer.from(path)).toString('latin1');
    const directory = directoryOf(name, type);
    const complete: DirectoryTotals[] = [];
    let level = 0;
    let at = '';
    for (const each of directory === '' ? [] : directory.split(slash, this.#depth)) {
      at = at === '' ? each : `${at}${slash}${each}`;
      level++;
      if (this.#levels[level]?.path !== at) {
        complete.push(...this.#leave(level));
        this.#levels.push({ path: at, totals: noTotals() });
      }
    }
    complete.push(...this.#leave(level + 1));
    const last = this.#levels[level];
    if (last !== undefined) {
      addTotals(last.totals, totalsOf(change, this.#bytes.measure(change)));
    }
    return complete;
  }

  /** At the end: what is left, the root last. */
  end(): DirectoryTotals[] {
    return [...this.#leave(0)];
  }

  /** From this level on. What they hold counts for those above as well. */
  *#leave(level: number): Generator<DirectoryTotals> {
    while (this.#levels.length > level) {
      const { path, totals } = this.#levels.pop() as Level;
      const above = this.#levels.at(-1);
      if (above !== undefined) {
        addTotals(above.totals, totals);
      }
      const bytes = Buffer.from(path === '' ? '.' : path, 'latin1');
      yield named(nameOf(bytes, this.#withBytes), totals);
    }
  }
}

/**
 * Counts changes and their bytes by directory. A directory comes after those in it (as with du(1)), and the
 * last is `.`, the total: `addedBytes - freedBytes` is by how much the files of the tree have grown. Of a
 * renamed tree the bytes count as added and as freed. Bytes are sizes of regular files, not blocks of a
 * disk; hard links count once. What is kept in memory are the directories that lead to the present one, and
 * the files of several names.
 *
 * @throws TypeError, RangeError for wrong arguments; the iteration rejects as that of `changes` does.
 */
export function summarizeChanges(
  source: ChangesSource,
  options?: SummarizeOptions,
): AsyncIterableIterator<DirectoryTotals> {
  return summaryOf(source, options, () => undefined);
}

/** The same; `found` is told how many changes there were so far. */
export function summaryOf(
  source: ChangesSource,
  options: SummarizeOptions | undefined,
  found: (changes: number) => void,
): AsyncIterableIterator<DirectoryTotals> {
  const { depth, ...rest } = optionsObject(options, 'options', summaryOptionNames);
  const levels = optionalInteger(depth, 'options.depth', 0, 0x7fff_ffff) ?? 0;
  const checked = checkedOptions({ ...(rest as ChangesOptions), stat: true, expand: true });
  const opened = openableSource(source);
  // What patterns leave out is known where the list is.
  return checked.keep === undefined
    ? summed(opened, checked, levels, found)
    : counted(listOf(opened, checked), new DirectoryCounter(levels, checked.withBytes), found);
}

async function* counted(
  list: AsyncIterable<Change>,
  counter: DirectoryCounter,
  found: (changes: number) => void,
): AsyncGenerator<DirectoryTotals, void, undefined> {
  let count = 0;
  for await (const change of list) {
    found(++count);
    yield* counter.add(change);
  }
  yield* counter.end();
}

interface SummaryWalk {
  readonly changes: ChangesHandle;
  readonly sides: SidesHandle;
}

/** Only totals come from the addon. */
function summed(
  source: OpenableSource,
  { spec, withBytes, signal }: CheckedOptions,
  depth: number,
  found: (changes: number) => void,
): PulledEntries<SummaryWalk, DirectoryTotals> {
  return new PulledEntries<SummaryWalk, DirectoryTotals>(
    {
      open: () =>
        source.with(async (layers) => {
          const walk = await native().openChanges(layers, spec);
          if ('failure' in walk) {
            return walk;
          }
          const sides = await native().openSides(layers, spec.unknown);
          if ('failure' in sides) {
            await native().closeChanges(walk.value);
            return sides;
          }
          return { value: { changes: walk.value, sides: sides.value } };
        }),
      next: async (walk) => {
        const batch = await native().summarizeChanges(walk.changes, walk.sides, depth);
        if ('value' in batch) {
          found(batch.value.found);
        }
        return batch;
      },
      cancel: (walk) => native().cancelChanges(walk.changes),
      close: (walk) =>
        Promise.all([native().closeChanges(walk.changes), native().closeSides(walk.sides)]),
      decode: (block) =>
        decodeTotals(block, withBytes).map(({ name, totals }) => named(name, totals)),
    },
    signal,
  );
}
