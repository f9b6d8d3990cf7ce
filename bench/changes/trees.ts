/** Makes the layers of a case, or finds them where they were kept. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { compile, root, run } from '../tools.ts';
import type { Case, Lower } from './cases.ts';

export type Space = 'trusted' | 'user';

export interface Layers {
  readonly upper: string;
  readonly lower: string;
  readonly xattrs: Space;
}

/** Of the programs that make the trees: what others have made is not taken for theirs. */
function fingerprint(): string {
  const hash = createHash('sha256');
  const directory = join(root, 'bench', 'store-tree');
  for (const file of readdirSync(directory).sort()) {
    hash.update(readFileSync(join(directory, file)));
  }
  return hash.digest('hex');
}

const options: Readonly<Record<Space, string>> = {
  trusted: 'redirect_dir=on,index=off,metacopy=off,xino=off,volatile',
  user: 'userxattr,index=off,xino=off,volatile',
};

export class Trees {
  readonly #base: string;
  readonly #space: Space;
  readonly #program: string;
  readonly #made: string;

  /** `base` is in a mount namespace of ours. */
  constructor(base: string, space: Space) {
    this.#base = join(base, `overlayfs-bench-${space}`);
    this.#space = space;
    this.#program = compile('store-tree');
    this.#made = fingerprint();
    mkdirSync(this.#base, { recursive: true });
  }

  layers(one: Case): Layers {
    this.#once(one.lower.name, (directory) => this.#makeLower(directory, one.lower));
    this.#once(`upper-${one.name}`, (directory) => this.#makeUpper(directory, one));
    return {
      lower: this.#at(one.lower.name),
      upper: this.#at(`upper-${one.name}`),
      xattrs: this.#space,
    };
  }

  /** The merged view, mounted while `use` runs: of two lowers, so that the upper is nobody's. */
  async merged<T>({ upper, lower }: Layers, use: (merged: string) => T | Promise<T>): Promise<T> {
    const merged = this.#at('merged');
    mkdirSync(merged, { recursive: true });
    const redirects = this.#space === 'trusted' ? 'redirect_dir=follow' : 'userxattr';
    const layers = `lowerdir=${upper}:${lower}`.replaceAll(`${this.#base}/`, '');
    this.#run('mount', '-t', 'overlay', 'overlay', '-o', `${layers},${redirects}`, merged);
    try {
      return await use(merged);
    } finally {
      this.#run('umount', merged);
      rmdirSync(merged);
    }
  }

  #at(name: string): string {
    return join(this.#base, name);
  }

  /** Relative names: options of a mount cannot hold every character of a path. */
  #run(program: string, ...args: readonly string[]): void {
    run('env', '-C', this.#base, program, ...args);
  }

  #once(name: string, make: (directory: string) => void): void {
    const done = this.#at(`${name}.made`);
    if (existsSync(done) && readFileSync(done, 'utf8') === this.#made) {
      return;
    }
    const started = performance.now();
    process.stderr.write(`making ${name} … `);
    rmSync(done, { force: true });
    run('rm', '-rf', '--', this.#at(name)); // a million files
    mkdirSync(this.#at(name));
    make(this.#at(name));
    run('sync', '--file-system', this.#base);
    writeFileSync(done, this.#made);
    process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  }

  #makeLower(directory: string, { make, inside }: Lower): void {
    const [command, ...numbers] = make;
    run(this.#program, command, join(directory, inside), ...numbers.map(String));
  }

  #makeUpper(upper: string, one: Case): void {
    const [command, ...numbers] = one.make;
    const merged = this.#at('merged');
    const lower = one.opaque ? this.#at('empty') : this.#at(one.lower.name);
    const passing = ['work', 'merged', 'empty'];
    const remove = (name: string): void => rmSync(this.#at(name), { recursive: true, force: true });
    passing.forEach(remove); // of a run that was ended
    for (const name of passing) {
      mkdirSync(this.#at(name));
    }
    if (one.opaque) {
      mkdirSync(join(lower, one.inside), { recursive: true });
    }
    const layers = `lowerdir=${lower},upperdir=${upper},workdir=work`;
    const relative = layers.replaceAll(`${this.#base}/`, '');
    this.#run(
      'mount',
      '-t',
      'overlay',
      'overlay',
      '-o',
      `${relative},${options[this.#space]}`,
      merged,
    );
    try {
      const inside = join(merged, one.inside);
      if (one.opaque) {
        rmdirSync(inside);
        mkdirSync(inside);
      }
      run(this.#program, command, inside, ...numbers.map(String));
    } finally {
      this.#run('umount', merged);
    }
    passing.forEach(remove);
  }
}
