// What a list of changes costs, in system calls: it depends on the upper alone, however large the
// lower is.
import { execFile, execFileSync } from 'node:child_process';
import { chmod, link, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import { own } from './helpers/scene.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('helpers/cost.js', import.meta.url));

const manyDirectories = 1000;
const filesEach = 100;

/** Of any list: opening the layers, looking at their roots and marks, the privilege. */
const fixedCalls = 48;
/** Of a file that is in both: two looks, two lists of attributes, and of each side's bytes three calls. */
const callsPerModified = 10;
/** Looked for below, and its marks listed. */
const callsPerAdded = 2;
/** A look at the whiteout and at the file, and the marks of that. */
const callsPerDeleted = 3;
/** Of a directory that is in both: opened and listed above, opened below, and closed. */
const callsPerDirectory = 13;
/** Listing a long directory takes another call now and then. */
const more = 0.1;

let lab: Lab;
let base = '';
const at = (...names: readonly string[]): string => join(base, ...names);

test.before('a lower with a hundred thousand files', async () => {
  lab = await Lab.start();
  base = await mkdtemp(join(tmpdir(), 'overlayfs-test-cost-'));
  await mkdir(at('large'));
  for (let d = 0; d < manyDirectories; d++) {
    await lab.mkdir(at('large', `d${d}`));
    const files = Array.from({ length: filesEach }, (_, f) =>
      lab.mknod(at('large', `d${d}`, `f${f}`), 'f', 0o644),
    );
    await Promise.all(files);
  }
  await mkdir(at('empty'));
});
test.after.always('it is removed', async () => {
  await rm(base, { recursive: true, force: true });
  await lab.close();
});

/**
 * Neither the library's nor proportional to anything: waiting, memory, the pool's wake-up calls, and
 * getpid(2), of which the library calls none on this way.
 */
const noise =
  /^(?:futex|epoll_\w+|mmap|munmap|mprotect|madvise|brk|mremap|rt_sig\w+|sched_\w+|restart_syscall|getpid)$/;

interface Cost {
  readonly entries: number;
  readonly calls: number;
  readonly byName: Readonly<Record<string, number>>;
}

async function cost(
  upper: string,
  lower: string,
  work?: string,
  how: 'list' | 'count' = 'list',
): Promise<Cost> {
  const trace = await mkdtemp(at('trace-'));
  const strace = ['-f', '-o', join(trace, 'calls'), process.execPath];
  // With one arena malloc does not ask how many processors there are, which it does now and then.
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' };
  const layers = [how, upper, lower, own, ...(work === undefined ? [] : [work])];
  const { stdout } = await run('strace', [...strace, program, ...layers], { env });
  const text = await readFile(join(trace, 'calls'), 'utf8');
  const [, counted = ''] = /\/overlayfs-cost\/begin(.*)\/overlayfs-cost\/end/s.exec(text) ?? [];
  const byName: Record<string, number> = {};
  // A call that another thread interrupts has two lines, the second without its name in front.
  for (const [, name = '', rest = ''] of counted.matchAll(/^\d+ +(\w+)\((.*)$/gm)) {
    const wakesUp = /^(?:read|write)$/.test(name) && /^\d+, {2}<|\\1(?:\\0){7}/.test(rest);
    if (!noise.test(name) && !wakesUp) byName[name] = (byName[name] ?? 0) + 1;
  }
  const calls = Object.values(byName).reduce((sum, count) => sum + count, 0);
  return { entries: Number(stdout), calls, byName };
}

/** A tree of its own with files by name. */
async function tree(files: Iterable<string>, content: string): Promise<string> {
  const root = await mkdtemp(at('tree-'));
  await chmod(root, 0o755);
  for (const file of files) {
    await mkdir(join(root, file, '..'), { recursive: true });
    await writeFile(join(root, file), content);
  }
  return root;
}

function* numbered(count: number, name: (i: number) => string): Generator<string> {
  for (let i = 0; i < count; i++) yield name(i);
}

function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const traced = (title: string, body: (t: ExecutionContext) => Promise<void>): void => {
  if (hasStrace()) test.serial(title, body);
  else test.serial.skip(`${title} (strace is not installed, or may not trace)`, body);
};

traced('many files added to a directory that has few: the lower is listed', async (t) => {
  const files = 2000;
  const lower = await tree(
    numbered(10, (i) => `d/old${i}`),
    '',
  );
  const upper = await tree(
    numbered(files, (i) => `d/new${i}`),
    '',
  );
  const { entries, calls, byName } = await cost(upper, lower);
  t.log(`${calls} calls`);
  t.is(entries, files);
  const most = fixedCalls + 2 * callsPerDirectory + files * (callsPerAdded - 1) * (1 + more);
  t.true(calls <= most, JSON.stringify(byName));
});

traced('nothing changed, over a hundred thousand files', async (t) => {
  const { entries, calls, byName } = await cost(at('empty'), at('large'));
  t.log(`${calls} calls`);
  t.is(entries, 0);
  t.true(calls <= fixedCalls, JSON.stringify(byName));
});

traced('one file changed, over a hundred thousand files', async (t) => {
  const upper = await tree(['d500/f50'], 'changed');
  const over = await cost(upper, at('large'));
  t.log(`${over.calls} calls`);
  t.is(over.entries, 1);
  const most = fixedCalls + callsPerDirectory + callsPerModified;
  t.true(over.calls <= most, JSON.stringify(over.byName));
  // Exactly as much as over one file.
  const alone = await cost(upper, await tree(['d500/f50'], ''));
  t.deepEqual(over.byName, alone.byName);
});

/** The calls that each of `count` more costs. */
async function slope(
  t: ExecutionContext,
  count: number,
  make: (count: number) => Promise<readonly [upper: string, lower: string]>,
): Promise<number> {
  const few = await cost(...(await make(count)));
  const many = await cost(...(await make(2 * count)));
  t.is(few.entries, count);
  t.is(many.entries, 2 * count);
  const each = (many.calls - few.calls) / count;
  t.log(`${each} calls each`);
  return each;
}

const name = (i: number): string => `d/file${i}`;

traced('the cost of changed files grows with their number', async (t) => {
  const each = await slope(t, 200, async (count) => [
    await tree(numbered(count, name), 'after'),
    await tree(numbered(count, name), 'older'),
  ]);
  t.true(each > 1 && each < callsPerModified + more);
});

traced('the cost of new files grows with their number', async (t) => {
  const each = await slope(t, 200, async (count) => [
    await tree(numbered(count, name), 'new'),
    // As many, which are not worth listing.
    await tree(
      numbered(count, (i) => `d/other${i}`),
      'there',
    ),
  ]);
  t.true(each > 1 && each < callsPerAdded + more);
});

traced('the cost of deleted files grows with their number', async (t) => {
  const each = await slope(t, 200, async (count) => {
    const upper = await tree(['d/x'], 'same');
    for (const path of numbered(count, name)) await lab.whiteout(join(upper, path));
    const lower = await tree(numbered(count, name), 'gone');
    await rm(join(upper, 'd/x'));
    return [upper, lower];
  });
  t.true(each > 1 && each < callsPerDeleted + more);
});

traced('the cost of directories grows with their number', async (t) => {
  const inside = (i: number): string => `d${i}/file`;
  const each = await slope(t, 100, async (count) => [
    await tree(numbered(count, inside), 'after'),
    await tree(numbered(count, inside), 'older'),
  ]);
  t.true(each > 1 && each < callsPerDirectory + callsPerModified + more);
});

traced('a directory is opened once, however many there are', async (t) => {
  const packages = 200;
  const files = (name: string): Generator<string> =>
    numbered(3 * packages, (i) => `p${i % packages}/${'abc'[Math.floor(i / packages)]}/${name}`);
  const { entries, byName } = await cost(
    await tree(files('new'), 'new'),
    await tree(files('old'), 'old'),
  );
  t.is(entries, 3 * packages);
  const { openat = 0, openat2 = 0 } = byName;
  const directories = 4 * packages;
  t.true(openat + openat2 <= 2 * directories + fixedCalls, JSON.stringify(byName));
});

traced('a directory is read once for all its files of several names', async (t) => {
  const pairs = 1000;
  const upper = await tree(
    numbered(pairs, (i) => name(2 * i)),
    'same',
  );
  for (let i = 0; i < pairs; i++)
    await link(join(upper, name(2 * i)), join(upper, name(2 * i + 1)));
  const { entries, byName } = await cost(upper, await tree(numbered(2 * pairs, name), 'same'));
  t.is(entries, 2 * pairs);
  t.true((byName.getdents64 ?? 0) < 50, JSON.stringify(byName));
});

traced('what is a hole on both sides is not read', async (t) => {
  const size = 2 ** 33;
  const sides: string[] = [];
  for (const content of ['same', 'also']) {
    const root = await tree(['holes', 'data'], 'same');
    for (const [file, byte] of [
      ['holes', 'x'],
      ['data', content],
    ] as const) {
      const opened = await open(join(root, file), 'w');
      await opened.write(Buffer.from(byte), 0, 1, size / 2);
      await opened.truncate(size);
      await opened.utimes(1, 1);
      await opened.close();
    }
    sides.push(root);
  }
  const [lower = '', upper = ''] = sides;
  const { entries, byName } = await cost(upper, lower);
  t.is(entries, 1); // `data`: there the bytes differ
  t.true((byName.pread64 ?? 0) < 30, JSON.stringify(byName));
});

traced('to count what has changed no bytes are read, and no attributes below', async (t) => {
  const files = 100;
  const lower = await tree(numbered(files, name), 'older');
  await pause(30); // the kernel's clock for files has ticked
  const upper = await tree(numbered(files, name), 'after');
  const { entries, byName } = await cost(upper, lower, undefined, 'count');
  t.is(entries, files);
  const { pread64 = 0, listxattrat = 0, listxattr = 0 } = byName;
  t.is(pread64, 0);
  t.true(listxattrat + listxattr < files + 10, JSON.stringify(byName));
});

/** With an index: opening its directory and reading it to its end. */
const indexCalls = 20;
/** Of a directory of the lower that is searched for names: found, opened, looked at, read, closed. */
const callsPerSearched = 8;

/** Mounts the large lower with an index, edits, and gives the cost of the list of the layers. */
async function indexed(edit: (merged: string) => Promise<void>): Promise<Cost> {
  const place = await mkdtemp(at('indexed-'));
  const [upper, work, merged] = ['upper', 'work', 'merged'].map((each) => join(place, each)) as [
    string,
    string,
    string,
  ];
  for (const path of [upper, work, merged]) await mkdir(path);
  const options = `lowerdir=${at('large')},upperdir=${upper},workdir=${work},index=on`;
  await lab.mount('overlay', merged, 'overlay', [], options);
  try {
    await edit(merged);
  } finally {
    await lab.umount(merged);
  }
  return await cost(upper, at('large'), work);
}

const rooted: typeof traced =
  own === 'trusted' ? traced : (title, body) => test.serial.skip(title, body);

rooted('with an index a file of one name costs no more [root only]', async (t) => {
  const upper = await tree(['d500/f50'], 'changed');
  const without = await cost(upper, at('large'));
  const over = await indexed((merged) => writeFile(join(merged, 'd500/f50'), 'changed'));
  t.log(`${over.calls} calls, ${without.calls} without`);
  t.is(over.entries, 1);
  t.true(over.calls <= without.calls + indexCalls, JSON.stringify(over.byName));
});

rooted('with an index a hard link costs one reading of the directories [root only]', async (t) => {
  await lab.link(at('large/d1/f1'), at('large/d999/link'));
  const over = await indexed((merged) => writeFile(join(merged, 'd1/f1'), 'changed'));
  t.log(`${over.calls} calls`);
  t.is(over.entries, 2);
  const most = fixedCalls + indexCalls + 10 * (callsPerDirectory + callsPerModified);
  t.true(over.calls <= most + callsPerSearched * manyDirectories, JSON.stringify(over.byName));
  // No file of the lower is looked at, only directories.
  t.true(
    (over.byName.newfstatat ?? 0) < 2 * manyDirectories + fixedCalls + indexCalls,
    JSON.stringify(over.byName),
  );
});
