/**
 * Changes as a tree, drawn while they come: nothing but the directories that lead to the present one is
 * kept. What was added or removed as a whole is one line with a count.
 */
import type { Change } from '../entries.ts';
import { changeDetails, letterOf, renamedText } from './change-text.ts';
import type { Paint } from './colour.ts';
import { escapeBytes } from './escape.ts';
import { sizeText } from './sizes.ts';

/** A change, and what lies below it and is not drawn. */
interface Node {
  readonly change: Change;
  /** In latin1; empty for the root. */
  readonly path: string;
  readonly below: Record<Change['kind'], number>;
  /** Of regular files below. */
  bytes: number;
}

function nodeOf(change: Change): Node {
  const { path, pathBytes } = change;
  const name = path === '.' ? '' : (pathBytes ?? Buffer.from(path)).toString('latin1');
  return { change, path: name, below: { added: 0, modified: 0, deleted: 0 }, bytes: 0 };
}

const inside = (path: string, directory: string): boolean =>
  directory === '' || path.startsWith(`${directory}/`);

/** Everything below it is of one kind: that of what came, or of what went. */
function isWhole({ kind, type, previousType }: Change): boolean {
  return (type === 'directory' && kind !== 'modified') || previousType !== undefined;
}

function shown(latin1: string): string {
  return escapeBytes(Buffer.from(latin1, 'latin1'));
}

export interface TreeOptions {
  /** Draw what is in added and removed directories as well. */
  readonly whole: boolean;
  readonly paint: Paint;
}

export class ChangeTree {
  readonly #whole: boolean;
  readonly #paint: Paint;
  /** The directories that have a line and lead to the last node, in latin1 with a slash at the end. */
  #drawn: string[] = [];
  /** What the last change is, or lies below; it may yet get more below it. */
  #gathering: Node | undefined;

  constructor({ whole, paint }: TreeOptions) {
    this.#whole = whole;
    this.#paint = paint;
  }

  /** The lines that are certain now. */
  add(change: Change): string {
    const node = nodeOf(change);
    const last = this.#gathering;
    if (last !== undefined && this.#folds(last, node)) {
      last.below[change.kind]++;
      const file = change.after ?? change.before;
      last.bytes += file?.type === 'file' ? file.size : 0;
      return '';
    }
    this.#gathering = node;
    return last === undefined ? '' : this.#draw(last, node);
  }

  end(): string {
    const last = this.#gathering;
    this.#gathering = undefined;
    return last === undefined ? '' : this.#draw(last, undefined);
  }

  #folds(last: Node, next: Node): boolean {
    return !this.#whole && isWhole(last.change) && inside(next.path, last.path) && last.path !== '';
  }

  /** Directories without a change of their own get a line where two nodes share them. */
  #draw(node: Node, next: Node | undefined): string {
    while (!node.path.startsWith(this.#drawn.at(-1) ?? '')) {
      this.#drawn.pop();
    }
    let lines = '';
    const parent = next !== undefined && inside(next.path, node.path);
    const common = next === undefined || parent ? '' : commonDirectory(node.path, next.path);
    const top = this.#drawn.at(-1) ?? '';
    if (common.length > top.length) {
      lines += `   ${this.#indent()}${this.#paint('dim', shown(common.slice(top.length)))}\n`;
      this.#drawn.push(common);
    }
    lines += this.#line(node);
    if (parent && node.path !== '') {
      this.#drawn.push(`${node.path}/`);
    }
    return lines;
  }

  #indent(): string {
    return '  '.repeat(this.#drawn.length);
  }

  #line({ change, path, below, bytes }: Node): string {
    const name = path === '' ? '.' : shown(path.slice(this.#drawn.at(-1)?.length ?? 0));
    const slash = change.type === 'directory' && path !== '' ? '/' : '';
    const counts = (['added', 'modified', 'deleted'] as const)
      .filter((kind) => below[kind] > 0)
      .map((kind) => `${below[kind]} ${kind}`);
    const size = counts.length > 0 ? [`${sizeText(bytes)}`] : [];
    const details = changeDetails(change);
    // The slash says that it is a directory.
    const said =
      change.previousType === undefined ? details.replace(/^directory(: )?/, '') : details;
    const all = [...(said === '' ? [] : [said]), ...counts, ...size].join(', ');
    const bracket = all === '' ? '' : this.#paint('dim', `  [${all}]`);
    const letter = letterOf(change.kind, this.#paint);
    return `${letter}  ${this.#indent()}${name}${slash}${renamedText(change, this.#paint)}${bracket}\n`;
  }
}

/** The deepest directory that both lie in, with a slash at its end; empty for the root. */
function commonDirectory(a: string, b: string): string {
  let end = 0;
  for (let at = 0; at < a.length && a[at] === b[at]; at++) {
    if (a[at] === '/') {
      end = at + 1;
    }
  }
  return a.slice(0, end);
}
