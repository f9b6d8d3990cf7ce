import type { ReadStream } from 'node:fs';
import { createReadStream } from 'node:fs';
import type { PathLike } from './arguments.ts';
import {
  oneOf,
  optionalBoolean,
  optionalInteger,
  optionalSignal,
  optionsObject,
  pathBytes,
  patternList,
} from './arguments.ts';
import type { ChangesMethod, ChangesSource, OpenableSource } from './change-source.ts';
import { openableSource } from './change-source.ts';
import type { Aspect, Change } from './entries.ts';
import { argumentType } from './errors.ts';
import { ignoreList } from './ignore-list.ts';
import { native, unwrap } from './native.ts';
import type { ChangesHandle, NativeChangesOptions } from './native-walks.ts';
import { aspectOrder, decodeChanges } from './packed.ts';
import type { Pulled } from './pull.ts';
import { PulledEntries } from './pull.ts';
import { SideReader } from './side-reader.ts';

export interface ChangesOptions {
  /**
   * When the bytes of two files of equal size are compared. `'auto'` (default): unless they are
   * certainly equal, being one and the same inode, or sharing all their extents. `'always'`: without
   * exception. `'never'` leaves it open: such a file is reported only if something else differs, with
   * `content: 'unknown'`.
   */
  readonly content?: 'auto' | 'always' | 'never';
  /** Also list what lay below a removed or replaced directory. Default: one entry for the tree. */
  readonly expand?: boolean;
  /** Aspects that do not count; what differs in nothing else is not reported. */
  readonly ignore?: readonly Aspect[];
  /**
   * Patterns of what is reported, relative to the root of the overlay, with what lies below a match.
   * `*`, `?` and `[…]` match bytes within a name, a component `**` any number of directories: `*.log` is at
   * the top only, `**\/*.log` everywhere, `dist/**` is `dist` and everything in it. Nothing is
   * looked at where no pattern can match.
   */
  readonly include?: readonly PathLike[];
  /** Patterns of what is left out, with everything below; stronger than `include`. */
  readonly exclude?: readonly PathLike[];
  /**
   * Patterns of what is left out by the rules of gitignore, the last that matches deciding; an element may
   * be the text of a whole file of them. They are relative to the root of the overlay and apply to the list
   * that `include` and `exclude` leave, where a pattern that begins with `!` takes back what one before it
   * leaves out, not what those do. Upper and lower case differ; matching is in bytes. What they leave out
   * is looked at all the same: `exclude` is what saves time.
   */
  readonly ignorePatterns?: readonly (string | Buffer)[];
  /** Every change also has `before` and `after`, what stat(2) tells of both sides. */
  readonly stat?: boolean;
  /**
   * Where the marks of the layers cannot be read (`trusted.*` without CAP_SYS_ADMIN in the initial
   * user namespace): `'error'` (default), or `'unknown'` to go on and mark every entry that a mark
   * could make another one with `unknown`.
   */
  readonly onUnreadable?: 'error' | 'unknown';
  /** `'buffer'`: every change has `pathBytes`. */
  readonly encoding?: 'utf8' | 'buffer';
  /**
   * How many threads work on the list at most, 1 to 64. Default: one for every processor that the
   * process may use, up to 8. A small upper takes one in any case, and where a limit on tasks is
   * reached there are fewer. The list is the same for every number.
   */
  readonly threads?: number;
  /** Stops the walk: the iteration rejects with an `AbortError` at once. */
  readonly signal?: AbortSignal;
}

/** How many changes there are of each kind. */
export interface ChangeCounts {
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
}

const contentModes = ['auto', 'always', 'never'] as const;
const encodings = ['utf8', 'buffer'] as const;
/** Every key of `ChangesOptions`. */
export const changesOptionNames = [
  'content',
  'expand',
  'ignore',
  'include',
  'exclude',
  'ignorePatterns',
  'stat',
  'onUnreadable',
  'encoding',
  'threads',
  'signal',
] as const;
export const mostThreads = 64;

function ignoredBits(value: unknown): number {
  if (value === undefined) {
    return 0;
  }
  if (!Array.isArray(value)) {
    throw argumentType('options.ignore', 'an array', value);
  }
  return Array.from(value)
    .map(
      (aspect, i) => 1 << aspectOrder.indexOf(oneOf(aspect, `options.ignore[${i}]`, aspectOrder)),
    )
    .reduce((bits, bit) => bits | bit, 0);
}

/** The same list, every change of it with what is there on both sides. */
function withSides(
  list: Pulled<ChangesHandle, Change>,
  sides: SideReader,
  source: OpenableSource,
  options: NativeChangesOptions,
): Pulled<ChangesHandle, Change> {
  return {
    ...list,
    open: () =>
      source.with(async (layers) => {
        const walk = await native().openChanges(layers, options);
        if ('failure' in walk) {
          return walk;
        }
        const opened = await sides.open(layers);
        if ('failure' in opened) {
          await native().closeChanges(walk.value);
          return opened;
        }
        return walk;
      }),
    close: (walk) => Promise.all([list.close(walk), sides.close()]),
    complete: (items) => sides.read(items),
  };
}

/** A list of changes, iterable once. Leaving the loop frees everything. */
export class Changes extends PulledEntries<ChangesHandle, Change> {
  /** Which way they are found out. */
  readonly method: ChangesMethod;
  readonly #source: OpenableSource;
  readonly #sides: SideReader | undefined;
  /** Of what the walk finds: what is in the list. Undefined: everything. */
  readonly #keep: ((change: Change) => boolean) | undefined;

  constructor(
    source: OpenableSource,
    options: NativeChangesOptions,
    decode: (bytes: Buffer) => Change[],
    keep: ((change: Change) => boolean) | undefined,
    sides: SideReader | undefined,
    signal: AbortSignal | undefined,
  ) {
    const list: Pulled<ChangesHandle, Change> = {
      open: () => source.with((layers) => native().openChanges(layers, options)),
      next: (walk) => native().nextChanges(walk),
      cancel: (walk) => native().cancelChanges(walk),
      close: (walk) => native().closeChanges(walk),
      decode,
      keep,
    };
    super(sides === undefined ? list : withSides(list, sides, source, options), signal);
    this.method = source.method;
    this.#source = source;
    this.#sides = sides;
    this.#keep = keep;
  }

  /**
   * How many there are of each kind, instead of the list: nothing is made of a single change, unless
   * there are `ignorePatterns`. It rejects as the iteration does, but for what
   * only the details of a change need (bytes, attributes, where it came from).
   */
  async count(): Promise<ChangeCounts> {
    if (this.#keep !== undefined) {
      return await this.#countKept(); // the walk does not know what is left out of the list
    }
    const { added, modified, deleted } = await this.runToEnd((walk) => native().countChanges(walk));
    return { added, modified, deleted };
  }

  async #countKept(): Promise<ChangeCounts> {
    const counts = { added: 0, modified: 0, deleted: 0 };
    for await (const batch of this.batches()) {
      for (const { kind } of batch) {
        counts[kind]++;
      }
    }
    return counts;
  }

  /**
   * The content of a regular file on one side, from the layer that has it: of a metacopy the data in
   * a lower, of a hard link that an index keeps together the changed file. The layers are opened anew
   * (not during an iteration with `stat`, where they are open), so it can be called during the iteration and
   * after it, for every path of the overlay.
   *
   * @throws OverlayError `EPERM` where the marks cannot be read, `ENOENT` where that side has no such file, `EINVAL` where it is not a regular
   * file, `EIO` where it is a metacopy without data.
   */
  async open(
    change: Pick<Change, 'path' | 'pathBytes'>,
    side: 'before' | 'after',
  ): Promise<ReadStream> {
    if (typeof change !== 'object' || change === null) {
      throw argumentType('change', 'a change', change);
    }
    const path = pathBytes(change.pathBytes ?? change.path, 'change.path');
    const after = oneOf(side, 'side', ['before', 'after']) === 'after';
    const outcome = await (this.#sides?.content(path, after) ??
      this.#source.with((layers) => native().openSide(layers, path, after)));
    return createReadStream('', { fd: unwrap(outcome) });
  }
}

/** Options, checked. */
export interface CheckedOptions {
  readonly spec: NativeChangesOptions;
  /** Undefined: there are no patterns of what is left out. */
  readonly keep: ((change: Change) => boolean) | undefined;
  readonly withBytes: boolean;
  readonly stat: boolean;
  readonly signal: AbortSignal | undefined;
}

/** @throws TypeError for wrong ones. */
export function checkedOptions(options: ChangesOptions | undefined): CheckedOptions {
  const given = optionsObject(options, 'options', changesOptionNames);
  return {
    spec: {
      content: contentModes.indexOf(
        oneOf(given.content ?? 'auto', 'options.content', contentModes),
      ),
      ignore: ignoredBits(given.ignore),
      expand: optionalBoolean(given.expand, 'options.expand') ?? false,
      include: patternList(given.include, 'options.include'),
      exclude: patternList(given.exclude, 'options.exclude'),
      unknown:
        oneOf(given.onUnreadable ?? 'error', 'options.onUnreadable', ['error', 'unknown']) ===
        'unknown',
      threads: optionalInteger(given.threads, 'options.threads', 1, mostThreads) ?? 0,
    },
    withBytes: oneOf(given.encoding ?? 'utf8', 'options.encoding', encodings) === 'buffer',
    signal: optionalSignal(given.signal, 'options.signal'),
    keep: ignoreList(given.ignorePatterns, 'options.ignorePatterns'),
    stat: optionalBoolean(given.stat, 'options.stat') ?? false,
  };
}

/**
 * Everything an upper changes, in order: parents before their children, names compared as bytes,
 * component by component. Nothing is read before the first entry is asked for.
 *
 * The list is exact: applied to the lowers it gives the overlay. A file that was copied up and is no
 * different, and a whiteout that hides nothing, are no changes. See `Aspect` for what counts, and
 * docs/classification.md for every rule.
 *
 * @throws TypeError for wrong arguments. The iteration rejects with an `OverlayError`: `EPERM` where
 * the marks of the layers cannot be read, `ENOTSUP` for marks that cannot be resolved, and whatever
 * opening and reading the layers gives.
 */
export function changes(source: ChangesSource, options?: ChangesOptions): Changes {
  const checked = checkedOptions(options);
  return listOf(openableSource(source), checked);
}

export function listOf(source: OpenableSource, options: CheckedOptions): Changes {
  const { spec, keep, withBytes, stat, signal } = options;
  const decode = (bytes: Buffer): Change[] => decodeChanges(bytes, withBytes);
  const sides = stat ? new SideReader({ unread: spec.unknown, withBytes }) : undefined;
  return new Changes(source, spec, decode, keep, sides, signal);
}
