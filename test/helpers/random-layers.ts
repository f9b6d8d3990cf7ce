// Random layers as nobody would write them: every mark everywhere, right and wrong.
import type { Lab } from './lab.ts';
import { age, asUser, at, own } from './scene.ts';

/** The same numbers for the same seed, on every machine (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1);
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  of<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }
}

export type Node =
  | { readonly type: 'directory' | 'whiteout' | 'fifo' | 'symlink' | 'device' }
  | { readonly type: 'file'; readonly content: string };

export interface Entry {
  readonly path: string;
  readonly node: Node;
  readonly mode?: number;
  /** Names without the prefix, in hexadecimal where JSON would not show them. */
  readonly marks: Readonly<Record<string, string>>;
}

/** Parents first. */
export type RandomLayer = readonly Entry[];

const names = ['a', 'b', 'c', 'a.b'] as const;
const contents = ['', 'one', 'two', 'three'] as const;
const opaques = ['y', 'y', 'y', 'x', 'yy', ''] as const;
const redirects = [
  'a',
  'b',
  'c',
  '/a',
  '/b',
  '/a/b',
  '/b/a',
  '/c/a/b',
  '/a.b',
  'nothing',
  '/nothing/a',
] as const;
const wrong = ['', '//', 'a/b', '/a/'] as const;

function marksOf(random: Random, node: Node): Record<string, string> {
  const marks: Record<string, string> = {};
  const redirect = (): string => (random.oneIn(60) ? random.of(wrong) : random.of(redirects));
  const file = node.type === 'file';
  if (node.type === 'directory') {
    if (random.oneIn(4)) marks.opaque = random.of(opaques);
    // A user's mount refuses what has one.
    if (!asUser && random.oneIn(4)) marks.redirect = redirect();
    if (random.oneIn(20)) marks.metacopy = '';
  } else if (file) {
    if (random.oneIn(node.content === '' ? 3 : 12)) marks.whiteout = random.of(['', 'y']);
    if (!asUser && random.oneIn(14)) {
      marks.metacopy = random.oneIn(20) ? 'y' : '';
      if (random.oneIn(2)) marks.redirect = redirect();
    }
    if (random.oneIn(12)) marks.opaque = 'y';
    if (!asUser && random.oneIn(20)) marks.redirect ??= redirect();
  }
  // Other types cannot have user.* attributes.
  if (file || node.type === 'directory') {
    if (random.oneIn(10)) marks[random.of(['impure', 'origin', 'protattr', 'uuid'])] = 'y';
    if (random.oneIn(10)) marks[`overlay.${random.of(['opaque', 'whiteout'])}`] = 'y';
  }
  return marks;
}

function nodeOf(random: Random, deep: boolean): Node {
  const choice = random.below(deep ? 12 : 20);
  if (choice >= 10) return deep ? { type: 'whiteout' } : { type: 'directory' };
  if (choice === 9) return { type: random.of(['fifo', asUser ? 'fifo' : 'device']) };
  if (choice === 8) return { type: 'symlink' };
  if (choice >= 6) return { type: 'whiteout' };
  return { type: 'file', content: random.of(contents) };
}

function grow(random: Random, prefix: string, depth: number, into: Entry[]): void {
  for (const name of names) {
    if (!random.oneIn(2)) continue;
    const path = `${prefix}${name}`;
    const node = nodeOf(random, depth === 3);
    const mode = node.type === 'file' && random.oneIn(5) ? { mode: 0o600 } : {};
    into.push({ path, node, ...mode, marks: marksOf(random, node) });
    if (node.type === 'directory') grow(random, `${path}/`, depth + 1, into);
  }
}

export function randomLayer(random: Random): RandomLayer {
  const entries: Entry[] = [];
  grow(random, '', 1, entries);
  return entries;
}

/** All requests at once: the lab answers them in order. */
export async function writeLayer(lab: Lab, root: Buffer, layer: RandomLayer): Promise<void> {
  const done: Promise<void>[] = [];
  for (const { path: name, node, mode, marks } of layer) {
    const path = at(root, name);
    if (node.type === 'directory') done.push(lab.mkdir(path));
    else if (node.type === 'whiteout') done.push(lab.whiteout(path));
    else if (node.type === 'fifo') done.push(lab.fifo(path));
    else if (node.type === 'symlink') done.push(lab.symlink('a', path));
    else if (node.type === 'device') done.push(lab.mknod(path, 'c', 0o600, 0, 1));
    else if (node.type === 'file') done.push(lab.write(path, node.content));
    if (mode !== undefined) done.push(lab.chmod(path, mode));
    for (const [mark, value] of Object.entries(marks)) {
      done.push(lab.setXattr(path, `${own}.overlay.${mark}`, value));
    }
    done.push(age(lab, path));
  }
  await Promise.all(done);
}
