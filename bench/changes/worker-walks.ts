/** Ways to find the changes in Node: the library's, and what a user would write instead. */
import type { Dirent, Stats } from 'node:fs';
import { lstatSync, readdirSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Change } from 'overlayfs';
import { changes } from 'overlayfs';
import type { Layers } from './trees.ts';
import type { Counts, How } from './worker-messages.ts';

type Tally = { -readonly [Kind in keyof Counts]: number };

const none = (): Tally => ({ added: 0, modified: 0, deleted: 0 });

async function each(layers: Layers, options: object = {}): Promise<Counts> {
  const tally = none();
  for await (const change of changes(layers, options)) {
    tally[change.kind]++;
  }
  return tally;
}

interface Batched {
  batches(): AsyncIterable<readonly Change[]>;
}

async function batches(layers: Layers): Promise<Counts> {
  const tally = none();
  const list: object = changes(layers);
  if (!('batches' in list)) {
    throw new Error('there are no batches');
  }
  for await (const batch of (list as Batched).batches()) {
    for (const change of batch) {
      tally[change.kind]++;
    }
  }
  return tally;
}

/** Times, sizes and modes: what everybody compares who does not read the bytes. */
function count(tally: Tally, upper: Stats, lower: Stats | undefined): void {
  if (upper.isCharacterDevice() && upper.rdev === 0) {
    tally.deleted += lower === undefined ? 0 : 1;
  } else if (lower === undefined) {
    tally.added++;
  } else if (
    upper.mode !== lower.mode ||
    upper.uid !== lower.uid ||
    (!upper.isDirectory() && (upper.size !== lower.size || upper.mtimeMs !== lower.mtimeMs))
  ) {
    tally.modified++;
  }
}

function lstatOrNoneSync(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // below what is no directory there
  }
}

function walkSync(tally: Tally, upper: string, lower: string): void {
  for (const entry of readdirSync(upper, { withFileTypes: true })) {
    const path = join(upper, entry.name);
    const below = join(lower, entry.name);
    count(tally, lstatSync(path), lstatOrNoneSync(below));
    if (entry.isDirectory()) {
      walkSync(tally, path, below);
    }
  }
}

function sync({ upper, lower }: Layers): Promise<Counts> {
  const tally = none();
  walkSync(tally, upper, lower);
  return Promise.resolve(tally);
}

async function lstatOrNone(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch {
    return undefined; // also below what is no directory there
  }
}

async function compare(tally: Tally, upper: string, lower: string): Promise<void> {
  const [up, low] = await Promise.all([lstat(upper), lstatOrNone(lower)]);
  count(tally, up, low);
}

async function walkAsync(tally: Tally, upper: string, lower: string): Promise<void> {
  const entries = await readdir(upper, { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry: Dirent) => {
      const path = join(upper, entry.name);
      const below = join(lower, entry.name);
      await compare(tally, path, below);
      if (entry.isDirectory()) {
        await walkAsync(tally, path, below);
      }
    }),
  );
}

async function asynchronously({ upper, lower }: Layers): Promise<Counts> {
  const tally = none();
  await walkAsync(tally, upper, lower);
  return tally;
}

async function recursive({ upper, lower }: Layers): Promise<Counts> {
  const tally = none();
  for (const entry of await readdir(upper, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    await compare(tally, path, join(lower, relative(upper, path)));
  }
  return tally;
}

export const walks: Readonly<Record<How, (layers: Layers) => Promise<Counts>>> = {
  each: (layers) => each(layers),
  'each-1': (layers) => each(layers, { threads: 1 }),
  batches,
  sync,
  async: asynchronously,
  recursive,
};
