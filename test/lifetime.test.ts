// However a program ends in the middle of a walk, it ends at once, cleanly, and with its own code.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Change } from 'overlayfs';
import { changes, scanLayer } from 'overlayfs';
import { hugePair } from './helpers/huge-pair.ts';

const program = fileURLToPath(new URL('helpers/life.js', import.meta.url));
const smallFiles = 3000;

let base = '';
const at = (name: string): string => join(base, name);

test.before(async () => {
  base = await mkdtemp(join(tmpdir(), 'overlayfs-test-life-'));
  for (const layer of ['upper', 'lower']) {
    await mkdir(at(`${layer}/small`), { recursive: true });
    for (let i = 0; i < smallFiles; i++) {
      await writeFile(at(`${layer}/small/${i}`), `${layer} ${i}`);
    }
  }
  hugePair(at('upper/zhuge'), at('lower/zhuge'));
});

test.after.always(() => rm(base, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly milliseconds: number;
}

function run(stage: string, ending: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, [program, at('upper'), at('lower'), stage, ending]);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, output, milliseconds: performance.now() - started });
    });
  });
}

// Comparing the huge pair to the end takes longer than this; a busy machine's start does not.
const soon = 3000;

for (const stage of ['before', 'opening', 'walking', 'comparing']) {
  test.serial(`process.exit while ${stage}`, async (t) => {
    const { code, signal, output, milliseconds } = await run(stage, 'exit');
    t.is(output, '');
    t.deepEqual([code, signal], [7, null]);
    t.true(milliseconds < soon, `took ${milliseconds} ms`);
  });

  test.serial(`an uncaught exception while ${stage}`, async (t) => {
    const { code, signal, output } = await run(stage, 'throw');
    t.is(output, '');
    t.deepEqual([code, signal], [8, null]);
  });

  test.serial(`worker.terminate while ${stage}`, async (t) => {
    const { code, signal, output } = await run(stage, 'terminate');
    t.deepEqual([code, signal], [0, null], output);
    t.regex(output, /^terminated \d+\n$/);
    t.true(Number(output.split(' ')[1]) < 1000, output);
  });
}

for (const stage of ['opening', 'walking', 'comparing']) {
  test.serial(`an abort while ${stage} rejects at once and frees everything`, async (t) => {
    const { code, output } = await run(stage, 'abort');
    t.is(code, 0, output);
    const late = /^aborted AbortError ABORT_ERR enough (\d+)\ndescriptors 0\n$/.exec(output)?.[1];
    t.truthy(late, output);
    t.true(Number(late) <= 100, `rejected after ${late} ms`); // 20 on an idle machine
  });
}

const layers = (): { upper: string; lower: string; xattrs: 'user' } => ({
  upper: at('upper'),
  lower: at('lower'),
  xattrs: 'user',
});

/** Once nothing is being closed any more, by this test or an earlier one. */
async function openDescriptors(): Promise<number> {
  const count = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
  let last = await count();
  for (let same = 0; same < 4; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = await count();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

test.serial('a signal that has fired already stops the walk before it begins', async (t) => {
  const walk = changes(layers(), { signal: AbortSignal.abort('early') });
  const error = await t.throwsAsync(walk.next(), { name: 'AbortError', code: 'ABORT_ERR' });
  t.is(error?.cause, 'early');
  t.deepEqual(await walk.next(), { done: true, value: undefined });
});

test.serial('an abort in the loop is noticed before the next entry', async (t) => {
  const controller = new AbortController();
  let count = 0;
  const loop = async (): Promise<void> => {
    for await (const _ of changes(layers(), { content: 'never', signal: controller.signal })) {
      count++;
      controller.abort();
    }
  };
  await t.throwsAsync(loop, { name: 'AbortError' });
  t.is(count, 1);
});

test.serial('leaving the loop frees every descriptor', async (t) => {
  const before = await openDescriptors();
  for (let i = 0; i < 20; i++) {
    for await (const change of changes(layers())) {
      t.is(change.path, 'small/0');
      break;
    }
    for await (const entry of scanLayer(at('upper'), { xattrs: 'user' })) {
      t.is(entry.path, '.');
      break;
    }
  }
  t.is(await openDescriptors(), before);
});

test.serial('a list can be iterated once only', async (t) => {
  const walk = changes(layers(), { content: 'never' });
  for await (const change of walk) {
    t.is(change.kind, 'modified');
    break;
  }
  t.throws(() => walk[Symbol.asyncIterator](), { code: 'ERR_INVALID_STATE' });
  t.deepEqual(await walk.next(), { done: true, value: undefined });
});

test.serial('a list is consumed in one way only', async (t) => {
  const once = { code: 'ERR_INVALID_STATE' };
  for (let i = 0; i < 20; i++) {
    const walk = changes(layers(), { content: 'never' });
    const first = await walk.next();
    t.false(first.done);
    await t.throwsAsync(walk.count(), once);
    t.throws(() => walk.batches(), once);
    let rest = 0;
    for await (const _ of walk) rest++;
    t.is(rest, smallFiles);
    const counted = changes(layers(), { content: 'never' });
    const count = counted.count();
    await t.throwsAsync(counted.next(), once);
    t.is((await count).modified, smallFiles + 1);
  }
});

test.serial('four walks at once, and next() without waiting, give the same list', async (t) => {
  const list = async (): Promise<string[]> => {
    const paths: string[] = [];
    for await (const change of changes(layers(), { content: 'never' })) {
      paths.push(change.path);
    }
    return paths;
  };
  const [first, ...others] = await Promise.all([list(), list(), list(), list()]);
  t.is(first?.length, smallFiles + 1);
  for (const other of others) {
    t.deepEqual(other, first);
  }
  const walk = changes(layers(), { content: 'never' });
  const eager = await Promise.all(Array.from({ length: 2000 }, () => walk.next()));
  t.deepEqual(
    eager.map(({ value }) => (value as Change).path),
    first?.slice(0, 2000),
  );
  await walk.return();
});

test.serial('leaving while the walk is being opened, at every moment', async (t) => {
  const before = await openDescriptors();
  for (let i = 0; i < 100; i++) {
    const walk = changes(layers());
    const first = walk.next();
    for (let ticks = 0; ticks < i % 10; ticks++) {
      await Promise.resolve();
    }
    if (i % 3 === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await walk.return();
    t.true([undefined, 'small/0'].includes((await first).value?.path));
    t.deepEqual(await walk.next(), { done: true, value: undefined });
  }
  t.is(await openDescriptors(), before);
});

test.serial('the library stays usable after many abandoned walks', async (t) => {
  for (let i = 0; i < 200; i++) {
    const walk = changes(layers());
    void walk.next().catch(() => undefined);
    void walk.return();
  }
  let count = 0;
  for await (const _ of changes(layers(), { content: 'never' })) {
    count++;
  }
  t.is(count, smallFiles + 1);
});
