// Other ways to have a list than entry by entry, and how many threads make it.
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import type { Change, Changes } from 'overlayfs';
import { changes, scanLayer } from 'overlayfs';
import type { Pulled } from '../lib/pull.ts';
import { PulledEntries } from '../lib/pull.ts';
import { Lab } from './helpers/lab.ts';

const directories = 20;
const filesEach = 150;
/** So many that one job finds more than is decoded at once. */
const many = 30_000;

let base = '';
const at = (...names: readonly string[]): string => join(base, ...names);
const layers = (): { upper: string; lower: string; xattrs: 'user' } => ({
  upper: at('upper'),
  lower: at('lower'),
  xattrs: 'user',
});

test.before(async () => {
  base = await mkdtemp(join(tmpdir(), 'overlayfs-test-batches-'));
  for (let d = 0; d < directories; d++) {
    for (const layer of ['upper', 'lower']) await mkdir(at(layer, `d${d}`), { recursive: true });
    for (let f = 0; f < filesEach; f++) {
      const name = f % 50 === 0 ? `ü${f}` : `file-${f}`;
      await writeFile(at('upper', `d${d}`, name), 'upper');
      if (f % 3 === 0) await writeFile(at('lower', `d${d}`, name), 'lower');
    }
  }
  await mkdir(at('empty'));
  await mkdir(at('many'));
  for (let i = 0; i < many; i++) writeFileSync(at('many', `file-${i}`), '');
});
test.after.always(() => rm(base, { recursive: true, force: true }));

async function each(threads?: number): Promise<Change[]> {
  const out: Change[] = [];
  const list = changes(layers(), threads === undefined ? {} : { threads });
  for await (const change of list) out.push(change);
  return out;
}

test('every number of threads gives the same list', async (t) => {
  const one = await each(1);
  t.is(one.length, directories * filesEach);
  for (const threads of [undefined, 2, 4, 7, 64]) t.deepEqual(await each(threads), one);
});

test('batches are the same list', async (t) => {
  const out: Change[] = [];
  let batches = 0;
  for await (const batch of changes(layers()).batches()) {
    t.true(batch.length > 0 && batch.length <= 2048);
    out.push(...batch);
    batches++;
  }
  t.deepEqual(out, await each());
  t.true(batches > 1);
});

const manyChanges = (signal?: AbortSignal): Changes => {
  const source = { upper: at('many'), lower: at('empty'), xattrs: 'user' } as const;
  return changes(source, signal === undefined ? {} : { signal });
};

test('others have their turn between two batches', async (t) => {
  let had = true;
  const paths: string[] = [];
  for await (const batch of manyChanges().batches()) {
    t.true(had);
    had = false;
    setImmediate(() => {
      had = true;
    });
    paths.push(...batch.map(({ path }) => path));
  }
  const sorted = Array.from({ length: many }, (_, i) => `file-${i}`).sort();
  t.deepEqual(paths, sorted);
});

const open = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

test.serial('an abort or a return is the end wherever it comes', async (t) => {
  for await (const _ of manyChanges()) break; // what the process itself opens once is open then
  // The first entries are of a job of their own; then several batches come of one job.
  for (const taken of [0, 64, 64 + 512, 64 + 512 + 2048, 64 + 512 + 2048 + 1]) {
    for (const how of ['abort', 'return'] as const) {
      const before = await open();
      const controller = new AbortController();
      const list = manyChanges(controller.signal);
      for (let i = 0; i < taken; i++) t.false((await list.next()).done);
      const pending = list.next();
      if (how === 'abort') {
        controller.abort();
        // What was there already is given.
        await t.throwsAsync(
          pending.then(() => list.next()),
          { name: 'AbortError' },
        );
      } else {
        await list.return();
        await pending;
      }
      t.deepEqual(await list.next(), { done: true, value: undefined });
      const given = performance.now() + 5000;
      while ((await open()) > before && performance.now() < given) await setTimeout(10);
      t.true((await open()) <= before, `${how} after ${taken}`);
    }
  }
});

test('batches of nothing are none', async (t) => {
  for await (const batch of changes({
    ...layers(),
    upper: at('empty'),
    lower: at('empty'),
  }).batches()) {
    t.fail(JSON.stringify(batch));
  }
  t.pass();
});

test('batches of the entries of a layer', async (t) => {
  const paths: string[] = [];
  for await (const batch of scanLayer(at('upper'), { xattrs: 'user' }).batches()) {
    paths.push(...batch.map(({ path }) => path));
  }
  t.is(paths.length, 1 + directories * (1 + filesEach));
});

test('leaving the batches ends the walk', async (t) => {
  for await (const batch of changes(layers()).batches()) {
    t.true(batch.length > 0);
    break;
  }
});

test('counting gives how many there are of each kind', async (t) => {
  const list = await each();
  const of = (kind: string): number => list.filter((change) => change.kind === kind).length;
  t.deepEqual(await changes(layers()).count(), {
    added: of('added'),
    modified: of('modified'),
    deleted: of('deleted'),
  });
  t.deepEqual(await changes({ ...layers(), upper: at('empty'), lower: at('upper') }).count(), {
    added: 0,
    modified: 0,
    deleted: 0,
  });
});

test('a list is to be had once, in one way', async (t) => {
  const list = changes(layers());
  await list.count();
  t.throws(() => list.batches(), { code: 'ERR_INVALID_STATE' });
  await t.throwsAsync(() => list.count(), { code: 'ERR_INVALID_STATE' });
  t.throws(() => list[Symbol.asyncIterator](), { code: 'ERR_INVALID_STATE' });
});

/** What a consumer gets of one block of `size` entries of which every second one is kept. */
function choosing(size: number, asked: () => void, signal?: AbortSignal) {
  const source: Pulled<object, number> = {
    open: () => Promise.resolve({ value: {} }),
    next: () => Promise.resolve({ value: { blocks: [Buffer.alloc(size)], more: false } }),
    cancel: () => undefined,
    close: () => Promise.resolve(),
    decode: (block) => [...block.keys()],
    keep: (item) => {
      asked();
      const until = performance.now() + 1;
      while (performance.now() < until);
      return item % 2 === 0;
    },
  };
  return new PulledEntries(source, signal);
}

test('others have their turns while entries are chosen', async (t) => {
  const size = 60;
  const asked: number[] = [];
  let turn = 0;
  let timer = setImmediate(function next() {
    turn++;
    timer = setImmediate(next);
  });
  const kept: (readonly number[])[] = [];
  for await (const batch of choosing(size, () => asked.push(turn)).batches()) kept.push(batch);
  clearImmediate(timer);
  t.deepEqual(kept, [Array.from({ length: size / 2 }, (_, i) => 2 * i)]);
  t.is(asked.length, size);
  // Each takes a millisecond at least, however fast the machine is.
  const most = Math.max(...asked.map((which) => asked.filter((other) => other === which).length));
  t.true(most <= 6, `${most} in one turn`);
});

test('nothing more is chosen after an abort or a return', async (t) => {
  for (const how of ['abort', 'return'] as const) {
    const controller = new AbortController();
    let asked = 0;
    const list = choosing(1000, () => asked++, controller.signal);
    const batches = list.batches();
    const pending = batches.next();
    while (asked === 0) await setTimeout(1);
    if (how === 'abort') {
      controller.abort();
      await t.throwsAsync(pending, { name: 'AbortError' });
    } else {
      await batches.return?.();
      t.deepEqual(await pending, { done: true, value: undefined });
    }
    const until = asked;
    await setTimeout(20);
    t.is(asked, until);
    t.true(asked < 1000);
  }
});

test('leaving the batches does not wait for the one that is asked for', async (t) => {
  let finish = (): void => undefined;
  let closed = false;
  const list = new PulledEntries<object, number>(
    {
      open: () => Promise.resolve({ value: {} }),
      next: () =>
        new Promise((resolve) => {
          finish = () => resolve({ value: { blocks: [Buffer.alloc(1)], more: true } });
        }),
      cancel: () => undefined,
      close: () => {
        closed = true;
        return Promise.resolve();
      },
      decode: (block) => [...block.keys()],
    },
    undefined,
  ).batches();
  const end = { done: true, value: undefined };
  const pending = [list.next(), list.next()];
  await setTimeout(1);
  t.deepEqual(await list.return?.(), end);
  t.true(closed);
  finish();
  t.deepEqual(await Promise.all(pending), [end, end]);
  t.deepEqual(await list.next(), end);
});

test('what is wrong is told by each of them', async (t) => {
  const missing = { ...layers(), upper: at('missing') };
  await t.throwsAsync(() => changes(missing).count(), { code: 'ENOENT' });
  await t.throwsAsync(() => changes(missing).batches().next(), { code: 'ENOENT' });
});

test('what was found before a failure is given before it', async (t) => {
  const lab = await Lab.start();
  t.teardown(() => lab.close());
  // So many that the first job, of 64, does not get to the failure, and the next one finds some before it.
  for (let i = 100; i < 200; i++) await mkdir(at('refused', `${i}`), { recursive: true });
  await mkdir(at('refused', 'redirected'));
  await lab.setXattr(at('refused', 'redirected'), 'user.overlay.redirect', 'x');
  const source = { upper: at('refused'), lower: at('empty'), xattrs: 'user' } as const;
  const paths: string[] = [];
  const list = async (): Promise<void> => {
    for await (const { path } of changes(source, { threads: 1 })) paths.push(path);
  };
  await t.throwsAsync(list, { code: 'ENOTSUP' });
  t.deepEqual(
    paths,
    Array.from({ length: 100 }, (_, i) => `${100 + i}`),
  );
});

test('an abort ends each of them at once', async (t) => {
  const signal = AbortSignal.abort();
  await t.throwsAsync(() => changes(layers(), { signal }).count(), { name: 'AbortError' });
  await t.throwsAsync(() => changes(layers(), { signal }).batches().next(), { name: 'AbortError' });
  const controller = new AbortController();
  const counted = changes(layers(), { signal: controller.signal }).count();
  const started = performance.now();
  controller.abort();
  await t.throwsAsync(counted, { name: 'AbortError' });
  t.true(performance.now() - started < 1000);
});

test('calls that do not wait for each other are answered in their order', async (t) => {
  const list = changes(layers());
  const first = await Promise.all(Array.from({ length: 400 }, () => list.next()));
  await list.return();
  const paths = (await each()).slice(0, 400).map(({ path }) => path);
  t.deepEqual(
    first.map((result) => result.value?.path),
    paths,
  );
});

test('the number of threads is checked', (t) => {
  for (const threads of [0, 65, 1.5, -1]) {
    t.throws(() => changes(layers(), { threads }), { code: 'ERR_OUT_OF_RANGE' });
  }
  t.throws(() => changes(layers(), { threads: '2' as never }), { code: 'ERR_INVALID_ARG_TYPE' });
});
