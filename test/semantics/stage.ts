// The directories and mounts of one history.

import type { Lab } from '../helpers/lab.ts';
import type { LabPath } from '../helpers/lab-process.ts';
import { at } from '../helpers/scene.ts';
import type { Cell, Filesystem } from './cells.ts';

/** A directory on each filesystem in which a worker may do as it likes. */
export type Grounds = Readonly<Partial<Record<Filesystem, string>>>;

/** Where lowers lie that are on another filesystem. */
const elsewhere: Readonly<Record<Filesystem, Filesystem>> = {
  ext4: 'xfs',
  xfs: 'btrfs',
  btrfs: 'tmpfs',
  tmpfs: 'ext4',
  temp: 'tmpfs',
};

interface Stack {
  /** Top-most first. */
  readonly lowers: readonly Buffer[];
  readonly data?: readonly Buffer[];
  readonly upper?: Buffer;
  readonly work?: Buffer;
}

/** Two filesystems that are not that of the upper, or as many as there are. */
function apart(filesystem: Filesystem, grounds: Grounds, id: string): Buffer[] {
  const first = elsewhere[filesystem];
  const places = [grounds[first] ?? grounds.temp, grounds[elsewhere[first]]];
  const found = places.filter((place) => place !== undefined);
  if (found.length === 0) throw new Error('there is but one filesystem');
  return found.map((place, i) => at(place, `${id}-apart${i}`));
}

function list(paths: readonly Buffer[]): string {
  return paths.map((path) => path.toString('latin1')).join(':');
}

export class Stage implements AsyncDisposable {
  readonly lab: Lab;
  readonly cell: Cell;
  readonly target: Buffer;
  readonly before: Buffer;
  /** Top-most first. */
  readonly lowers: Buffer[] = [];
  readonly data: Buffer[] = [];
  upper: Buffer;
  work: Buffer;
  readonly #root: Buffer;
  /** Where the lowers are instead, the bottom-most first. */
  readonly #apart: readonly Buffer[];
  readonly #nothing: Buffer;
  #mounts: Buffer[] = [];
  #number = 0;

  private constructor(lab: Lab, cell: Cell, grounds: Grounds, id: string) {
    const ground = grounds[cell.filesystem];
    if (ground === undefined) throw new Error(`there is no ${cell.filesystem}`);
    this.lab = lab;
    this.cell = cell;
    this.#root = at(ground, id);
    this.#apart = cell.shape === '2-apart' ? apart(cell.filesystem, grounds, id) : [];
    this.target = at(this.#root, 'merged');
    this.before = at(this.#root, 'before');
    this.#nothing = at(this.#root, 'nothing');
    this.upper = at(this.#root, 'upper');
    this.work = at(this.#root, 'work');
  }

  static async make(lab: Lab, cell: Cell, grounds: Grounds, id: string): Promise<Stage> {
    const stage = new Stage(lab, cell, grounds, id);
    await lab.mkdir(stage.#root);
    for (const path of stage.#apart) await lab.mkdir(path);
    for (const path of [stage.target, stage.before, stage.#nothing]) await lab.mkdir(path);
    return stage;
  }

  /** An empty directory where a lower of this cell belongs. */
  async makeLower(name: string, number = 0): Promise<Buffer> {
    return await this.makeDirectory(name, this.#apart[number] ?? this.#apart.at(-1));
  }

  async makeDirectory(name: string, parent: Buffer = this.#root): Promise<Buffer> {
    const path = at(parent, name);
    await this.lab.mkdir(path);
    return path;
  }

  async mount(target: LabPath, stack: Stack, options: readonly string[]): Promise<void> {
    const { lowers, data = [], upper, work } = stack;
    const hidden = data.map((path) => `::${path.toString('latin1')}`).join('');
    const words = [`lowerdir=${list(lowers)}${hidden}`];
    if (upper !== undefined) words.push(`upperdir=${upper.toString('latin1')}`);
    if (work !== undefined) words.push(`workdir=${work.toString('latin1')}`);
    const text = [...words, ...options].join();
    await this.lab.mount('overlay', target, 'overlay', [], Buffer.from(text, 'latin1'));
    this.#mounts.push(Buffer.from(target));
  }

  async umount(target: Buffer): Promise<void> {
    await this.lab.umount(target);
    this.#mounts = this.#mounts.filter((mount) => !mount.equals(target));
  }

  /** The view of the lowers alone, with every mark understood. */
  async mountBefore(): Promise<void> {
    const words =
      this.cell.set.own === 'user' ? ['userxattr'] : ['redirect_dir=follow', 'metacopy=on'];
    // Two lowers are needed without an upper. But unless redirects are followed, only the lowest one
    // may lead to data-only lowers, and these count as well.
    const lowers = this.data.length > 0 ? this.lowers : [...this.lowers, this.#nothing];
    await this.mount(this.before, { lowers, data: this.data }, words);
  }

  async newUpper(): Promise<void> {
    this.#number++;
    this.upper = await this.makeDirectory(`upper${this.#number}`);
    this.work = await this.makeDirectory(`work${this.#number}`);
  }

  async mountMerged(): Promise<void> {
    const { lowers, data, upper, work, cell } = this;
    await this.mount(this.target, { lowers, data, upper, work }, cell.options);
  }

  async umountMerged(): Promise<void> {
    await this.umount(this.target);
    if (!this.cell.options.includes('volatile')) return;
    // The kernel wants to be told that the data is known to be good.
    await this.lab.rmtree(at(this.work, 'work', 'incompat'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const mount of this.#mounts.reverse()) await this.lab.umount(mount);
    this.#mounts = [];
    await this.lab.rmtree(this.#root);
    for (const path of this.#apart) await this.lab.rmtree(path);
  }
}
