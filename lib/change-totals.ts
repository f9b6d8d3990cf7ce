/** Counts changes, and the bytes that come and go with them. */
import type { Change, FileStat } from './entries.ts';

/** How many changes there are, and the bytes of the regular files among them. */
export interface ChangeTotals {
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
  /** Bytes that are there now and were not: of added files, and by which modified ones have grown. */
  readonly addedBytes: number;
  /** Bytes that were there: of deleted files, and by which modified ones have shrunk. */
  readonly freedBytes: number;
  /** The size, as it is now, of the modified files whose content is another one. */
  readonly changedBytes: number;
}

export type MutableTotals = { -readonly [Key in keyof ChangeTotals]: number };

export function noTotals(): MutableTotals {
  return { added: 0, modified: 0, deleted: 0, addedBytes: 0, freedBytes: 0, changedBytes: 0 };
}

export function addTotals(to: MutableTotals, more: ChangeTotals): void {
  to.added += more.added;
  to.modified += more.modified;
  to.deleted += more.deleted;
  to.addedBytes += more.addedBytes;
  to.freedBytes += more.freedBytes;
  to.changedBytes += more.changedBytes;
}

/** The bytes that one change brings, takes away, or writes anew. */
export interface ChangeBytes {
  readonly addedBytes: number;
  readonly freedBytes: number;
  readonly changedBytes: number;
}

const size = (stat: FileStat | undefined): number => (stat?.type === 'file' ? stat.size : 0);

/**
 * Measures one change after another. Hard links are names of one file: what is there counts with the first
 * of them, and what was there with the last, since until then it is not gone. For that every file of
 * several names is remembered, and nothing else.
 */
export class ByteCounter {
  readonly #seen = new Set<string>();
  readonly #namesLeft = new Map<string, number>();

  measure({ before, after, aspects }: Change): ChangeBytes {
    const now = this.#isFirst(after) ? size(after) : 0;
    const was = this.#isLast(before) ? size(before) : 0;
    return {
      addedBytes: Math.max(0, now - was),
      freedBytes: Math.max(0, was - now),
      changedBytes: aspects.includes('content') ? size(after) : 0,
    };
  }

  #isFirst(stat: FileStat | undefined): boolean {
    if (stat === undefined || stat.nlink < 2 || stat.type !== 'file') {
      return true;
    }
    const key = `${stat.dev}:${stat.ino}`;
    const first = !this.#seen.has(key);
    this.#seen.add(key);
    return first;
  }

  #isLast(stat: FileStat | undefined): boolean {
    if (stat === undefined || stat.nlink < 2 || stat.type !== 'file') {
      return true;
    }
    const key = `${stat.dev}:${stat.ino}`;
    const left = (this.#namesLeft.get(key) ?? stat.nlink) - 1;
    this.#namesLeft.set(key, left);
    return left === 0;
  }
}

/** Of one change. */
export function totalsOf(change: Change, bytes: ChangeBytes): ChangeTotals {
  return { ...noTotals(), [change.kind]: 1, ...bytes };
}
