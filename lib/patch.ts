import { buffer } from 'node:stream/consumers';
import { optionalInteger, optionsObject } from './arguments.ts';
import type { ChangesSource } from './change-source.ts';
import type { Changes, ChangesOptions } from './changes.ts';
import { changes, changesOptionNames } from './changes.ts';
import type { Aspect, Change, FileStat } from './entries.ts';
import { unifiedHunks } from './line-diff.ts';
import type { Renames } from './patch-renames.ts';
import { findRenames, latin1 } from './patch-renames.ts';
import type { PatchSide, Shown } from './patch-text.ts';
import { gitMode, note, section } from './patch-text.ts';

export interface PatchOptions extends Omit<ChangesOptions, 'stat' | 'expand'> {
  /** Files above this size, in bytes, are treated as binary. Default: 4 MiB. */
  readonly maxSize?: number;
}

/** What a patch says of one change. */
export interface PatchPart {
  readonly change: Change;
  /** Whole lines, in bytes: the lines of a file are as they are in it, in whatever encoding. */
  readonly text: Buffer;
  /**
   * - `text`: a section with hunks, or one for which a header says all
   * - `binary`: a section that says no more than that the content differs: it has a NUL byte among its
   *   first 8000
   * - `large`: the same of a file above `maxSize`
   * - `note`: a line that begins with `# `, of what a patch cannot say; git apply and patch(1) pass over it
   */
  readonly form: 'text' | 'binary' | 'large' | 'note';
}

const defaultMaxSize = 4 * 1024 * 1024;
const patchOptionNames = [
  'maxSize',
  ...changesOptionNames.filter((name) => name !== 'stat' && name !== 'expand'),
];

/** As git does it. */
const binaryLook = 8000;

/** One side of one change. */
interface Side extends PatchSide {
  readonly stat: FileStat;
  readonly content: () => Promise<Buffer>;
}

interface Parts {
  readonly text: string;
  readonly form: PatchPart['form'];
}

/** The content, or it is not known to be the same. */
function differs({ kind, aspects, content }: Change): boolean {
  const other = (['content', 'target', 'type'] as const).some((each) => aspects.includes(each));
  return kind !== 'modified' || other || content === 'unknown';
}

/** Whether the sections have it. */
function said(aspect: Aspect, before: Side | undefined, after: Side | undefined): boolean {
  switch (aspect) {
    case 'content':
    case 'target':
      return true;
    case 'type':
      return before !== undefined && after !== undefined;
    case 'mode': {
      const change = (before?.stat.mode ?? 0) ^ (after?.stat.mode ?? 0);
      return before?.mode !== after?.mode && (change & ~0o111) === 0;
    }
    default:
      return false;
  }
}

class Patcher {
  readonly #list: Changes;
  readonly #renames: Renames;
  readonly #maxSize: number;

  constructor(list: Changes, renames: Renames, maxSize: number) {
    this.#list = list;
    this.#renames = renames;
    this.#maxSize = maxSize;
  }

  /** `inhabited`: the next change lies below this one. */
  async *parts(change: Change, inhabited: boolean): AsyncGenerator<PatchPart> {
    const path = latin1(change.path, change.pathBytes);
    for (const { text, form } of await this.#sections(change, path, inhabited)) {
      if (text !== '') {
        yield { change, text: Buffer.from(text, 'latin1'), form };
      }
    }
  }

  async #sections(change: Change, path: string, inhabited: boolean): Promise<Parts[]> {
    const { kind, aspects } = change;
    if (this.#renames.from.has(path) && kind === 'deleted') {
      return []; // told with its new name
    }
    const renamed = kind === 'added' ? this.#renames.to.get(path) : undefined;
    const before =
      renamed === undefined
        ? this.#side(path, change, 'before')
        : this.#side(latin1(renamed.path, renamed.pathBytes), renamed, 'before');
    const after = this.#side(path, change, 'after');
    const sameKind = before?.stat.type === after?.stat.type;
    const sections =
      before !== undefined && after !== undefined && !sameKind
        ? [await this.#section(before, undefined), await this.#section(undefined, after)]
        : before === undefined && after === undefined
          ? []
          : differs(change)
            ? [await this.#section(before, after)]
            : [{ text: section(before, after, { hunks: '' }), form: 'text' } as const];
    const told = sections.some(({ text }) => text !== '');
    const left = aspects.filter(
      (aspect) => !said(aspect, before, after) && !(told && aspect === 'times'),
    );
    const isOther = before === undefined && after === undefined && !inhabited;
    const noted = kind === 'modified' ? left.length > 0 : isOther;
    return noted
      ? [...sections, { text: note({ ...change, aspects: left }, path), form: 'note' }]
      : sections;
  }

  #side(path: string, change: Change, which: 'before' | 'after'): Side | undefined {
    const stat = change[which];
    const mode = gitMode(stat);
    if (stat === undefined || mode === undefined) {
      return undefined;
    }
    const content =
      stat.type === 'symlink'
        ? () => Promise.resolve(stat.targetBytes ?? Buffer.from(stat.target ?? ''))
        : async () => buffer(await this.#list.open(change, which));
    return { path, mode, stat, content };
  }

  async #section(before: Side | undefined, after: Side | undefined): Promise<Parts> {
    const large = [before, after].some((side) => (side?.stat.size ?? 0) > this.#maxSize);
    if (large) {
      return { text: section(before, after, { binary: true }), form: 'large' };
    }
    const [old, now] = [await before?.content(), await after?.content()];
    const shown = this.#shown(old ?? Buffer.alloc(0), now ?? Buffer.alloc(0));
    return {
      text: section(before, after, shown),
      form: 'binary' in shown ? 'binary' : 'text',
    };
  }

  #shown(before: Buffer, after: Buffer): Shown {
    if (before.equals(after)) {
      return { hunks: '' };
    }
    const binary = [before, after].some((side) => side.subarray(0, binaryLook).includes(0));
    return binary
      ? { binary }
      : { hunks: unifiedHunks(before.toString('latin1'), after.toString('latin1')) };
  }
}

/**
 * The changes as a patch in git's form, for reading and for git apply: unified diffs of text files, and
 * headers for what is new, deleted, renamed, a symbolic link, or executable now. What git does not store
 * (other modes, owners, attributes, empty directories, devices) is in notes. A removed tree is told file by
 * file. Where the patch is for a git repository: git apply refuses the sections of binary files, which are
 * there for reading.
 *
 * @throws TypeError, RangeError for wrong arguments; the iteration rejects as that of `changes` does, and
 * where a file cannot be read.
 */
export function createPatch(
  source: ChangesSource,
  options?: PatchOptions,
): AsyncIterableIterator<PatchPart> {
  return patchOf(source, options, () => undefined);
}

/** The same; `seen` is called with every change, also where the patch has nothing to say of it. */
export function patchOf(
  source: ChangesSource,
  options: PatchOptions | undefined,
  seen: (change: Change) => void,
): AsyncIterableIterator<PatchPart> {
  const { maxSize, ...rest } = optionsObject(options, 'options', patchOptionNames);
  const given = rest as ChangesOptions;
  const limit = optionalInteger(maxSize, 'options.maxSize', 0, 0x7fff_ffff) ?? defaultMaxSize;
  const list = changes(source, { ...given, stat: true, expand: true });
  return patchParts(list, () => findRenames(source, given), limit, seen);
}

async function* patchParts(
  list: Changes,
  renames: () => Promise<Renames>,
  maxSize: number,
  seen: (change: Change) => void,
): AsyncGenerator<PatchPart, void, undefined> {
  const patcher = new Patcher(list, await renames(), maxSize);
  let waiting: Change | undefined;
  for await (const change of list) {
    seen(change);
    if (waiting !== undefined) {
      const above = latin1(waiting.path, waiting.pathBytes);
      const inhabited = latin1(change.path, change.pathBytes).startsWith(`${above}/`);
      yield* patcher.parts(waiting, inhabited);
    }
    waiting = change;
  }
  if (waiting !== undefined) {
    yield* patcher.parts(waiting, false);
  }
}
