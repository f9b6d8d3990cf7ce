/** Applying to the lower, in a Node that runs already, against copying the upper there. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { applyChanges } from 'overlayfs';
import { median, run } from '../tools.ts';
import type { Judged, Took } from './figures.ts';
import { printRows, timesOf, within } from './figures.ts';

interface Contestant {
  readonly title: string;
  readonly how: (upper: string, lower: string) => void | Promise<void>;
  readonly judge?: (took: Took, all: ReadonlyMap<string, Took>) => Judged;
}

interface Tree {
  readonly title: string;
  readonly plantUpper: (upper: string) => void;
  readonly plantLower: (lower: string) => void;
  readonly contestants: readonly Contestant[];
  readonly runs: number;
}

/** There are no marks in these trees, and those of `user.*` can be read by everybody. */
async function apply(upper: string, lower: string, sync: boolean): Promise<void> {
  const { complete } = await applyChanges({ upper, lower, xattrs: 'user' }, { sync });
  if (!complete) {
    throw new Error('Not everything was applied.');
  }
}

const works = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0;

/** Neither lists what is there nor changes it, where both are the same; without rsync(1) by diff(1). */
function checkSame(upper: string, lower: string): void {
  const [program, ...args] = works('rsync', '--version')
    ? ['rsync', '-ainHAX', '--checksum', '--delete', '--omit-dir-times', `${upper}/`, `${lower}/`]
    : ['diff', '-r', '--no-dereference', upper, lower];
  const found = spawnSync(program ?? '', args, { encoding: 'utf8' });
  if (found.status !== 0 || found.stdout !== '') {
    throw new Error(`What was applied differs: ${found.stdout}${found.stderr}`);
  }
}

/** Each time somebody else is the first: what was removed before is still being written for a while. */
function inTurn<T>(all: readonly T[], turn: number): readonly T[] {
  const first = turn % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

/** All take turns; what another one has left to be written is written first, and not counted. */
async function measure(directory: string, tree: Tree): Promise<void> {
  const took = new Map<string, number[]>();
  const [upper, lower] = ['upper', 'lower'].map((name) => join(directory, name)) as [
    string,
    string,
  ];
  mkdirSync(upper);
  tree.plantUpper(upper);
  for (let i = -1; i < tree.runs; i++) {
    for (const { title, how } of inTurn(tree.contestants, i + 1)) {
      mkdirSync(lower);
      tree.plantLower(lower);
      run('sync', '-f', directory);
      const started = performance.now();
      await how(upper, lower);
      const time = performance.now() - started;
      if (i < 0) {
        checkSame(upper, lower);
      } else {
        took.set(title, [...(took.get(title) ?? []), time]);
      }
      rmSync(lower, { recursive: true });
    }
  }
  rmSync(upper, { recursive: true });
  const rows = tree.contestants.map(({ title, judge }) => {
    const own = took.get(title) ?? [];
    return judge === undefined
      ? { title, took: own }
      : { title, took: own, judged: judge(own, took) };
  });
  printRows(tree.title, rows);
}

const cp = (upper: string, lower: string): unknown => run('cp', '-a', `${upper}/.`, lower);

const againstCopy = (took: Took, all: ReadonlyMap<string, Took>): Judged =>
  timesOf(took, all.get('cp -a') ?? [], 1.5, 'cp -a');

const copying: Contestant = { title: 'cp -a', how: (upper, lower) => void cp(upper, lower) };
const applying: Contestant = {
  title: 'applyChanges, sync: false',
  how: (upper, lower) => apply(upper, lower, false),
  judge: againstCopy,
};

function unflushed(): readonly Contestant[] {
  const rsync: Contestant = {
    title: 'rsync -a',
    how: (upper, lower) => void run('rsync', '-a', `${upper}/`, `${lower}/`),
  };
  return [copying, ...(works('rsync', '--version') ? [rsync] : []), applying];
}

function flushed(): readonly Contestant[] {
  const copied = 'cp -a, then sync -f';
  const compared = (took: Took, all: ReadonlyMap<string, Took>): Judged => [
    `${(median(took) / median(all.get(copied) ?? [])).toFixed(2)} × cp -a and sync -f`,
  ];
  return [
    copying,
    {
      title: copied,
      how: (upper, lower) => {
        cp(upper, lower);
        run('sync', '-f', lower);
      },
    },
    applying,
    {
      title: 'applyChanges',
      how: (upper, lower) => apply(upper, lower, true),
      judge: compared,
    },
  ];
}

const perDirectory = 100;

function plantFiles(upper: string, files: number): void {
  for (let i = 0; i < files; i++) {
    const directory = join(upper, `directory-${Math.floor(i / perDirectory)}`);
    if (i % perDirectory === 0) {
      mkdirSync(directory, { recursive: true });
    }
    writeFileSync(join(directory, `file-${i}`), `${i}\n`.repeat(200));
  }
}

function plantDirectories(lower: string, files: number): void {
  for (let i = 0; i < files; i += perDirectory) {
    mkdirSync(join(lower, `directory-${i / perDirectory}`));
  }
}

/** Up to 1.2 KB each, a hundred in a directory; in memory, and where flushing costs something. */
export async function measureFiles(directory: string, files: number, runs: number): Promise<void> {
  const memory = join(directory, 'memory');
  mkdirSync(memory);
  run('mount', '-t', 'tmpfs', 'tmpfs', memory);
  const plantUpper = (upper: string): void => plantFiles(upper, files);
  await measure(memory, {
    title: `tmpfs, ${files} small files in new directories`,
    plantUpper,
    plantLower: () => undefined,
    contestants: unflushed(),
    runs,
  });
  await measure(memory, {
    title: `tmpfs, ${files} small files in directories that are there`,
    plantUpper,
    plantLower: (lower) => plantDirectories(lower, files),
    contestants: unflushed(),
    runs,
  });
  run('umount', memory);
  await measure(directory, {
    title: `the temporary directory, ${files} small files in directories that are there`,
    plantUpper,
    plantLower: (lower) => plantDirectories(lower, files),
    contestants: flushed(),
    runs: Math.min(runs, 3),
  });
}

/** A MiB of data at the beginning of every 64. */
function plantLarge(upper: string, bytes: number): void {
  const mebi = 2 ** 20;
  const file = openSync(join(upper, 'large'), 'w');
  ftruncateSync(file, bytes);
  for (let at = 0; at < bytes; at += 64 * mebi) {
    writeSync(file, Buffer.alloc(mebi, `${at}`), 0, mebi, at);
  }
  closeSync(file);
}

function mountImage(base: string, type: string): string {
  const [image, directory] = [join(base, `${type}.img`), join(base, type)];
  mkdirSync(directory);
  run('truncate', '--size=8G', image);
  run(`mkfs.${type}`, '-q', image);
  run('mount', '-o', 'loop', image, directory);
  return directory;
}

/** The loop devices go with the mounts. */
export async function measureLarge(base: string, bytes: number, runs: number): Promise<void> {
  const title = `one file of ${(bytes / 2 ** 30).toFixed(1)} GiB, a 64th of it data`;
  for (const type of ['xfs', 'btrfs']) {
    let directory: string;
    try {
      directory = mountImage(base, type);
    } catch (error) {
      const [line] = String(error instanceof Error ? error.message : error).split('\n');
      console.log(`\n${title}, ${type}: not run, ${line}`);
      continue;
    }
    const copy = (upper: string, lower: string): unknown =>
      run('cp', '-a', '--reflink=always', join(upper, 'large'), lower);
    await measure(directory, {
      title: `${type}, ${title}`,
      plantUpper: (upper) => plantLarge(upper, bytes),
      plantLower: () => undefined,
      contestants: [
        { title: 'cp -a --reflink=always', how: (upper, lower) => void copy(upper, lower) },
        {
          title: 'applyChanges, sync: false',
          how: (upper, lower) => apply(upper, lower, false),
          judge: (took) => within(took, 50),
        },
        {
          title: 'applyChanges',
          how: (upper, lower) => apply(upper, lower, true),
          judge: (took) => within(took, 50),
        },
      ],
      runs,
    });
    const { blocks } = statSync(join(base, `${type}.img`));
    console.log(`  the image takes ${(blocks / 2 ** 21).toFixed(1)} GiB`);
    run('umount', directory);
    rmSync(join(base, `${type}.img`));
  }
}
