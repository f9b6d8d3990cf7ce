/** Ways to find the changes in Node: the library's, and what a user would write instead. */
import type { Stats } from 'node:fs';
import { lstatSync, readdirSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangesOptions } from 'overlayfs';
import { changes } from 'overlayfs';
import type { Layers } from './trees.ts';
import type { Counts, How } from './worker-messages.ts';

type Tally = { -readonly [Kind in keyof Counts]: number };

const none = (): Tally => ({ added: 0, modified: 0, deleted: 0 });

async function each(layers: Layers, options: ChangesOptions = {}): Promise<Counts> {
  const tally = none();
  for await (const change of changes(layers, options)) {
    tally[change.kind]++;
  }
  return tally;
}

async function batches(layers: Layers): Promise<Counts> {
  const tally = none();
  for await (const batch of changes(layers).batches()) {
    for (const change of batch) {
      tally[change.kind]++;
    }
  }
  return tally;
}

async function count(layers: Layers): Promise<Counts> {
  const { added, modified, deleted } = await changes(layers).count();
  return { added, modified, deleted };
}

interface Noted {
  readonly kind: keyof Counts;
  readonly path: string;
}

/** Times, sizes and modes: what everybody compares who does not read the bytes. */
function note(out: Noted[], path: string, upper: Stats, lower: Stats | undefined): void {
  if (upper.isCharacterDevice() && upper.rdev === 0) {
    if (lower !== undefined) {
      out.push({ kind: 'deleted', path });
    }
  } else if (lower === undefined) {
    out.push({ kind: 'added', path });
  } else if (
    upper.mode !== lower.mode ||
    upper.uid !== lower.uid ||
    (!upper.isDirectory() && (upper.size !== lower.size || upper.mtimeMs !== lower.mtimeMs))
  ) {
    out.push({ kind: 'modified', path });
  }
}

function tallied(noted: readonly Noted[]): Counts {
  const tally = none();
  for (const { kind } of noted) {
    tally[kind]++;
  }
  return tally;
}

function lstatOrNoneSync(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined; // not there, or below what is no directory there
  }
}

function walkSync(out: Noted[], layers: Layers, directory: string): void {
  for (const entry of readdirSync(join(layers.upper, directory), { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const lower = lstatOrNoneSync(join(layers.lower, path));
    note(out, path, lstatSync(join(layers.upper, path)), lower);
    if (entry.isDirectory()) {
      walkSync(out, layers, path);
    }
  }
}

function sync(layers: Layers): Promise<Counts> {
  const noted: Noted[] = [];
  walkSync(noted, layers, '');
  return Promise.resolve(tallied(noted));
}

async function lstatOrNone(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch {
    return undefined;
  }
}

async function compare(out: Noted[], { upper, lower }: Layers, path: string): Promise<void> {
  const both = [lstat(join(upper, path)), lstatOrNone(join(lower, path))] as const;
  note(out, path, ...(await Promise.all(both)));
}

async function walkAsync(out: Noted[], layers: Layers, directory: string): Promise<void> {
  const entries = await readdir(join(layers.upper, directory), { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const path = join(directory, entry.name);
      await compare(out, layers, path);
      if (entry.isDirectory()) {
        await walkAsync(out, layers, path);
      }
    }),
  );
}

async function asynchronously(layers: Layers): Promise<Counts> {
  const noted: Noted[] = [];
  await walkAsync(noted, layers, '');
  return tallied(noted);
}

async function recursive(layers: Layers): Promise<Counts> {
  const noted: Noted[] = [];
  for (const path of await readdir(layers.upper, { recursive: true })) {
    await compare(noted, layers, path);
  }
  return tallied(noted);
}

export const walks: Readonly<Record<How, (layers: Layers) => Promise<Counts>>> = {
  each: (layers) => each(layers),
  'each-1': (layers) => each(layers, { threads: 1 }),
  batches,
  count,
  sync,
  async: asynchronously,
  recursive,
};
