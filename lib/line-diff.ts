/** Finds the lines that two texts have in common, with bounded work, and makes hunks of the rest. */
import { require } from './package.ts';

type DiffSequences = typeof import('@jest/diff-sequences').default;

/**
 * Comparisons of two lines at most. Texts of many lines that have little in common would take time by the
 * square; they are then shown as replaced between what they begin and end with.
 */
const mostComparisons = 10_000_000;
const context = 3;

class TooMuch extends Error {}

/** Every line with its newline; a text that does not end with one has a last line without. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** A run of lines that both have: where it starts on each side. */
interface Common {
  readonly before: number;
  readonly after: number;
  readonly length: number;
}

/** The lines of one side that the other has as well, by number and place. */
interface Shared {
  readonly ids: number[];
  readonly places: number[];
}

function shared(lines: readonly string[], from: number, to: number, ids: Map<string, number>) {
  const out: Shared = { ids: [], places: [] };
  for (let place = from; place < to; place++) {
    const id = ids.get(lines[place] ?? '');
    if (id !== undefined) {
      out.ids.push(id);
      out.places.push(place);
    }
  }
  return out;
}

/** A line that only one side has cannot be common, and need not be compared with any. */
function longestCommon(a: Shared, b: Shared, found: (common: Common) => void): void {
  const diff: DiffSequences = require('@jest/diff-sequences').default;
  let left = mostComparisons;
  const isCommon = (i: number, j: number): boolean => {
    if (left-- === 0) {
      throw new TooMuch();
    }
    return a.ids[i] === b.ids[j];
  };
  diff(a.ids.length, b.ids.length, isCommon, (length, i, j) => {
    for (let n = 0; n < length; n++) {
      found({ before: a.places[i + n] ?? 0, after: b.places[j + n] ?? 0, length: 1 });
    }
  });
}

function commonRuns(before: readonly string[], after: readonly string[]): readonly Common[] {
  const least = Math.min(before.length, after.length);
  let head = 0;
  while (head < least && before[head] === after[head]) {
    head++;
  }
  let tail = 0;
  while (tail < least - head && before.at(-1 - tail) === after.at(-1 - tail)) {
    tail++;
  }
  const [beforeEnd, afterEnd] = [before.length - tail, after.length - tail];
  const ids = new Map<string, number>();
  for (let place = head; place < beforeEnd; place++) {
    const line = before[place] ?? '';
    ids.set(line, ids.get(line) ?? ids.size);
  }
  const b = shared(after, head, afterEnd, ids);
  const inBoth = new Map<string, number>();
  for (const place of b.places) {
    const line = after[place] ?? '';
    inBoth.set(line, ids.get(line) ?? 0);
  }
  const a = shared(before, head, beforeEnd, inBoth);
  const middle: Common[] = [];
  try {
    longestCommon(a, b, (common) => middle.push(common));
  } catch (error) {
    if (!(error instanceof TooMuch)) {
      throw error;
    }
    middle.length = 0;
  }
  return [
    { before: 0, after: 0, length: head },
    ...middle,
    { before: beforeEnd, after: afterEnd, length: tail },
  ];
}

/** Lines of one side that the other does not have, and those it has in their place. */
interface Edit {
  readonly beforeStart: number;
  beforeEnd: number;
  readonly afterStart: number;
  afterEnd: number;
}

function edits(runs: readonly Common[]): Edit[] {
  const out: Edit[] = [];
  let [before, after] = [0, 0];
  for (const run of runs) {
    if (run.before > before || run.after > after) {
      out.push({
        beforeStart: before,
        beforeEnd: run.before,
        afterStart: after,
        afterEnd: run.after,
      });
    }
    [before, after] = [run.before + run.length, run.after + run.length];
  }
  return out;
}

/** Edits whose contexts touch are one hunk. */
function together(list: readonly Edit[]): Edit[][] {
  const hunks: Edit[][] = [];
  for (const edit of list) {
    const last = hunks.at(-1)?.at(-1);
    if (last !== undefined && edit.beforeStart - last.beforeEnd <= 2 * context) {
      hunks.at(-1)?.push(edit);
    } else {
      hunks.push([edit]);
    }
  }
  return hunks;
}

/** `@@ -12,3 +12,4 @@`: where there is nothing, the line before counts. */
function range(start: number, end: number): string {
  const length = end - start;
  const first = length === 0 ? start : start + 1;
  return length === 1 ? `${first}` : `${first},${length}`;
}

function marked(sign: string, lines: readonly string[]): string {
  return lines
    .map((line) =>
      line.endsWith('\n') ? `${sign}${line}` : `${sign}${line}\n\\ No newline at end of file\n`,
    )
    .join('');
}

/** The hunks of a unified diff; empty where the texts are the same. */
export function unifiedHunks(before: string, after: string): string {
  const [old, now] = [linesOf(before), linesOf(after)];
  return together(edits(commonRuns(old, now)))
    .map((hunk) => {
      const [first, last] = [hunk[0], hunk.at(-1)];
      if (first === undefined || last === undefined) {
        return '';
      }
      const lead = Math.min(context, first.beforeStart);
      const trail = Math.min(context, old.length - last.beforeEnd);
      const [start, end] = [first.beforeStart - lead, last.beforeEnd + trail];
      const ranges = [
        `-${range(start, end)}`,
        `+${range(first.afterStart - lead, last.afterEnd + trail)}`,
      ];
      let text = `@@ ${ranges.join(' ')} @@\n`;
      let at = start;
      for (const edit of hunk) {
        text += marked(' ', old.slice(at, edit.beforeStart));
        text += marked('-', old.slice(edit.beforeStart, edit.beforeEnd));
        text += marked('+', now.slice(edit.afterStart, edit.afterEnd));
        at = edit.beforeEnd;
      }
      return text + marked(' ', old.slice(at, end));
    })
    .join('');
}
