// Writes the operations of one history, one recipe after the other.
import type { Cell } from './cells.ts';
import type { Operation } from './operations.ts';
import type { Random } from './random.ts';
import type { Recipe } from './recipes.ts';
import { growing, recipes } from './recipes.ts';
import type { Inode, Spot } from './tree.ts';
import { inode, Tree } from './tree.ts';

/** Awkward ones: not UTF-8, sorted differently with and without a suffix, marks of other systems. */
const names = ['a', 'b', 'a.b', 'a-', 'A', '.wh.a', '..x', '\xff\xfe', 's p\n', '-c', 'd:e,f\\'];

/** Where operations are played, which decides what may happen. */
export type Role = 'lower' | 'hand' | 'upper';

export class Author {
  readonly random: Random;
  readonly cell: Cell;
  readonly tree: Tree = new Tree();
  readonly names: readonly string[];
  role: Role = 'lower';
  rotations = 0;
  /** What is by turns a directory and a file in layers that are written by hand. */
  #alternating: string | undefined;

  constructor(random: Random, cell: Cell) {
    this.random = random;
    this.cell = cell;
    this.names = random.some(names, 4 + random.below(2));
  }

  /** Fills an empty directory. */
  grow(length: number): Operation[] {
    this.role = 'hand';
    return this.#write(length, growing);
  }

  change(length: number, role: Role): Operation[] {
    this.role = role;
    return this.#write(length, recipes);
  }

  #write(length: number, table: readonly (readonly [number, Recipe])[]): Operation[] {
    const operations: Operation[] = [];
    for (let tries = 0; operations.length < length && tries < length * 20; tries++) {
      operations.push(...(this.random.weighted(table)(this) ?? []));
    }
    return operations.slice(0, length);
  }

  /** Files without data, and the data-only lower that has it. */
  metacopies(count: number): { data: Operation[]; layer: Operation[] } {
    const data: Operation[] = [['mkdir', 'objects', 0o755]];
    const layer: Operation[] = [];
    for (let i = 0; i < count; i++) {
      const path = this.freshPath();
      if (path === undefined) continue;
      const content = this.text();
      const object = `objects/${i}`;
      data.push(['write', object, content, 0o600]);
      layer.push(['write', path, '', 0o644], ['truncate', path, content.length]);
      layer.push(['mark', path, 'metacopy', ''], ['mark', path, 'redirect', `/${object}`]);
      layer.push(['utimens', path, this.time()]);
      this.put(path, inode('file', 0o644, content));
    }
    return { data, layer };
  }

  /** What tools leave in layers that they write without mounting them. */
  marks(): Operation[] {
    const operations: Operation[] = [];
    // The root of a layer is never opaque, and is where it is.
    if (this.random.chance(0.3)) operations.push(['mark', '.', 'opaque', 'y']);
    if (this.random.chance(0.2)) operations.push(['mark', '.', 'redirect', '/nowhere']);
    for (const spot of this.random.some(this.tree.spots(), 4)) {
      // Its parent must be there: an existing directory that merges with those below.
      const above = spot.path.split('/').slice(0, -1);
      for (let depth = 1; depth <= above.length; depth++) {
        operations.push(['mkdir', above.slice(0, depth).join('/'), 0o755]);
      }
      if (spot.inode.type === 'directory' && this.random.chance(0.5)) {
        operations.push(['mkdir', spot.path, 0o750], ...this.#alone(spot.path));
        spot.inode.children.clear();
      } else if (above.length > 0 && this.random.chance(0.4)) {
        operations.push(['mark', above.join('/'), 'opaque', 'x']);
        operations.push(['write', spot.path, '', 0o644], ['mark', spot.path, 'whiteout', '']);
        spot.parent.children.delete(spot.name);
      } else if (this.random.chance(0.2)) {
        // Stale: it is no metacopy. Of a directory made above it would be another matter.
        operations.push(['rmtree', spot.path], ['write', spot.path, 'plain', 0o600]);
        operations.push(['mark', spot.path, 'redirect', '/nowhere']);
        this.put(spot.path, inode('file', 0o600, 'plain'));
      } else {
        operations.push(['whiteout', spot.path]);
        spot.parent.children.delete(spot.name);
      }
    }
    return operations;
  }

  /**
   * A mount makes a directory opaque where a file was below. Others do not, and then the file ends what
   * merges, whatever is below it.
   */
  alternate(): Operation[] {
    this.#alternating ??= this.spot(
      ({ inode: { type, children }, depth }) =>
        type === 'directory' && depth === 1 && children.size > 0,
    )?.path;
    const path = this.#alternating;
    if (path === undefined) return [];
    if (this.get(path)?.type === 'directory') {
      this.put(path, inode('file', 0o644, 'flat'));
      return [
        ['rmtree', path],
        ['write', path, 'flat', 0o644],
      ];
    }
    this.put(path, inode('directory', 0o755));
    return [
      ['unlink', path],
      ['mkdir', path, 0o755],
    ];
  }

  /** Marks of a directory that merges with nothing below it. */
  #alone(path: string): Operation[] {
    // With userxattr a redirect is not to be followed, and the directory not to be seen.
    if (this.cell.set.own === 'user' || this.random.chance(0.6)) {
      return [['mark', path, 'opaque', 'y']];
    }
    // What it leads to is missing; that it is opaque comes first.
    const target = this.random.pick(['/nowhere', 'nowhere', '/nowhere/a']);
    const opaque: Operation[] = this.random.chance(0.3) ? [['mark', path, 'opaque', 'y']] : [];
    return [['mark', path, 'redirect', target], ...opaque];
  }

  /** Set through an overlay these are ordinary attributes of it, and marks for one above it. */
  innerMarks(): Operation[] {
    const operations: Operation[] = [];
    const directories = this.tree.spots().filter(({ inode: { type } }) => type === 'directory');
    for (const { path, inode: directory } of this.random.some(directories, 2)) {
      operations.push(['mark', path, 'opaque', this.random.pick(['x', 'y', 'n'])]);
      const free = this.names.find((name) => !directory.children.has(name));
      if (free === undefined || this.random.chance(0.5)) continue;
      // A new file in any case: an unprivileged inner overlay goes on showing the old size of a name
      // whose hard link was emptied, and the outer one goes by that.
      const whiteout = `${path}/${free}`;
      operations.push(['rmtree', whiteout], ['write', whiteout, '', 0o644]);
      operations.push(['mark', whiteout, 'whiteout', 'y']);
    }
    return operations;
  }

  // ---- choices that the recipes make ----

  spot(wanted: (spot: Spot) => boolean): Spot | undefined {
    const found = this.tree.spots().filter(wanted);
    return found.length === 0 ? undefined : this.random.pick(found);
  }

  file(): Spot | undefined {
    return this.spot(({ inode: { type } }) => type === 'file');
  }

  directory(): Spot | undefined {
    return this.spot(({ inode: { type } }) => type === 'directory');
  }

  nonDirectory(): Spot | undefined {
    return this.spot(({ inode: { type } }) => type !== 'directory');
  }

  any(): Spot | undefined {
    return this.spot(() => true);
  }

  /** The root now and then, else anything. */
  target(): { path: string; inode: Inode } | undefined {
    return this.random.chance(0.05) ? { path: '.', inode: this.tree.root } : this.any();
  }

  /** A path that is free, in a directory that is not too deep. */
  freshPath(): string | undefined {
    const directories: { path: string; inode: Inode }[] = [{ path: '', inode: this.tree.root }];
    for (const { path, inode: node, depth } of this.tree.spots()) {
      if (node.type === 'directory' && depth < 4)
        directories.push({ path: `${path}/`, inode: node });
    }
    // The shallow ones more often, where everything else happens.
    const { path, inode: directory } = this.random.chance(0.3)
      ? (directories[0] ?? this.random.pick(directories))
      : this.random.pick(directories);
    const free = this.names.filter((name) => !directory.children.has(name));
    return free.length === 0 ? undefined : path + this.random.pick(free);
  }

  /** Another name in the same directory, free or not. */
  sibling({ path }: Spot): string {
    const parent = path.slice(0, path.lastIndexOf('/') + 1);
    return parent + this.random.pick(this.names);
  }

  // ---- changes to what is believed ----

  #parent(path: string): { children: Map<string, Inode>; name: string } | undefined {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    let at: Inode | undefined = this.tree.root;
    for (const part of parts) at = at?.children.get(part);
    return at === undefined ? undefined : { children: at.children, name };
  }

  put(path: string, node: Inode): void {
    const parent = this.#parent(path);
    parent?.children.set(parent.name, node);
  }

  drop(path: string): void {
    const parent = this.#parent(path);
    parent?.children.delete(parent.name);
  }

  get(path: string): Inode | undefined {
    const parent = this.#parent(path);
    return parent?.children.get(parent.name);
  }

  // ---- values ----

  /** Short, often the same length, seldom the same. */
  text(): string {
    const letter = String.fromCharCode(97 + this.random.below(26));
    return (
      letter.repeat(this.random.pick([0, 1, 8, 8, 8, 30])) + (this.random.chance(0.2) ? '\0' : '')
    );
  }

  /** Seconds since 1970, from so few that equal ones are common. */
  time(): number {
    return this.random.pick([-1, 0, 1_000_000_000, 1_500_000_000, 4_000_000_000]);
  }

  mode(): number {
    return this.random.pick([0o644, 0o600, 0o755, 0o4755, 0o2711, 0o444, 0o000, 0o1777]);
  }
}
