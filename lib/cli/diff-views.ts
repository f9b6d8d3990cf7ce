/** What `diff` shows of a list of changes: one piece of text after another. */
import type { Change } from '../entries.ts';
import type { DirectoryTotals } from '../summarize.ts';
import { DirectoryCounter } from '../summarize.ts';
import { ChangeTree } from './change-tree.ts';
import type { Paint } from './colour.ts';
import { escapeName } from './escape.ts';
import { base64Of, jsonLine } from './json.ts';
import { sizeText } from './sizes.ts';

export interface View {
  add(change: Change): string | Buffer;
  end(): string;
}

/** In latin1, with a slash at the end: `ab` does not lie in `a`. */
function inBytes({ path, pathBytes }: Change): string {
  return `${(pathBytes ?? Buffer.from(path)).toString('latin1')}/`;
}

export function listView(print: (change: Change) => string | Buffer): View {
  return { add: print, end: () => '' };
}

/** Of a list with `expand`: leaves out what lay below removed and replaced directories. */
export function withoutRemoved(view: View): View {
  let tree: string | undefined;
  return {
    add(change) {
      const path = inBytes(change);
      const removed = change.kind === 'deleted';
      if (removed && tree !== undefined && path.startsWith(tree)) {
        return '';
      }
      const gone = change.previousType === 'directory' || (removed && change.type === 'directory');
      tree = gone ? path : tree !== undefined && path.startsWith(tree) ? tree : undefined;
      return view.add(change);
    },
    end: () => view.end(),
  };
}

/**
 * Shows `most` additions and says at the end how many more there are; of what was modified or deleted
 * nothing is left out. `folded`: what is in an added directory is no line of its own.
 */
export function capped(view: View, most: number, folded: boolean): View {
  let shown = 0;
  let left = 0;
  let tree: { readonly path: string; readonly shown: boolean } | undefined;
  const allows = (change: Change): boolean => {
    const path = inBytes(change);
    if (tree !== undefined && !path.startsWith(tree.path)) {
      tree = undefined;
    }
    if (folded && tree !== undefined) {
      return tree.shown;
    }
    const allowed = shown < most;
    shown += allowed ? 1 : 0;
    tree ??= change.type === 'directory' ? { path, shown: allowed } : undefined;
    return allowed;
  };
  return {
    add(change) {
      if (change.kind !== 'added' || allows(change)) {
        return view.add(change);
      }
      left++;
      return '';
    },
    end() {
      const note = `... and ${left} more added, not shown (--max-additions-shown ${most})\n`;
      return left === 0 ? view.end() : `${view.end()}${note}`;
    },
  };
}

export function treeView(whole: boolean, paint: Paint): View {
  const tree = new ChangeTree({ whole, paint });
  return { add: (change) => tree.add(change), end: () => tree.end() };
}

const columns = [9, 9, 9, 10, 10, 10];

function row(cells: readonly string[], last: string): string {
  return `${cells.map((cell, i) => cell.padStart(columns[i] ?? 0)).join('')}  ${last}\n`;
}

function totalsRow(totals: DirectoryTotals, paint: Paint): string {
  const { path, pathBytes, added, modified, deleted } = totals;
  const { addedBytes, freedBytes, changedBytes } = totals;
  const counts = [added, modified, deleted].map(String);
  const sizes = [addedBytes, freedBytes, changedBytes].map(sizeText);
  const total = path === '.';
  const name = total ? 'total' : `${escapeName(path, pathBytes)}/`;
  const line = row([...counts, ...sizes], name);
  return total ? `${paint('bold', line.slice(0, -1))}\n` : line;
}

function totalsObject({ path, pathBytes, ...totals }: DirectoryTotals): string {
  return jsonLine({ path, pathBase64: base64Of(pathBytes), ...totals });
}

const heads = ['added', 'modified', 'deleted', 'bytes+', 'bytes-', 'changed'];

/** Counts and bytes by directory, each after those in it; the first text has the heads. */
export function totalsPrinter(
  json: boolean,
  paint: Paint,
): (list: readonly DirectoryTotals[]) => string {
  let head = json ? '' : row(heads, 'directory');
  return (list) => {
    const lines = list.map((each) => (json ? totalsObject(each) : totalsRow(each, paint))).join('');
    const all = lines === '' ? '' : `${head}${lines}`;
    head = lines === '' ? head : '';
    return all;
  };
}

/** The same of a list that is read anyway. */
export function statView(depth: number, json: boolean, paint: Paint): View {
  const counter = new DirectoryCounter(depth, false);
  const print = totalsPrinter(json, paint);
  return { add: (change) => print(counter.add(change)), end: () => print(counter.end()) };
}
