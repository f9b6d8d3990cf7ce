// What is mounted and unmounted is told by the kernel; nothing is asked for in between.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import test from 'ava';
import type { Mount, MountChange, MountWatch } from 'overlayfs';
import { syscalls, watchMounts } from 'overlayfs';
import { Place } from './helpers/place.ts';

const soon = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
const descriptors = (): string[] => readdirSync('/proc/self/fd');

/** Tests in other processes mount as well: only what lies below a place is looked at. */
class Watched implements AsyncDisposable {
  readonly watch: MountWatch;
  readonly #base: string;

  constructor(place: Place, watch: MountWatch) {
    this.watch = watch;
    this.#base = place.base;
  }

  static async start(place: Place, signal?: AbortSignal): Promise<Watched> {
    const watch = watchMounts({ initial: true, ...(signal === undefined ? {} : { signal }) });
    await watch.next();
    return new Watched(place, watch);
  }

  async next(): Promise<Record<keyof MountChange, string[]>> {
    for (;;) {
      const { value } = await this.watch.next();
      const names = (list: readonly Mount[] = []): string[] =>
        list
          .map(({ target }) => target)
          .filter((target) => target.startsWith(this.#base))
          .map((target) => target.slice(this.#base.length + 1));
      const change = {
        added: names(value?.added),
        removed: names(value?.removed),
        changed: names(value?.changed),
      };
      if (value === undefined || Object.values(change).some(({ length }) => length > 0)) {
        return change;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch.return();
  }
}

const none = { added: [], removed: [], changed: [] };

test.serial('what is mounted once the first next() was called is a change', async (t) => {
  using place = new Place();
  for (const name of ['first', 'second', 'third']) {
    await using watched = new Watched(place, watchMounts());
    const pending = watched.next();
    place.tmpfs(name);
    t.deepEqual(await pending, { ...none, added: [name] });
  }
});

test.serial('mount, remount, move, unmount', async (t) => {
  using place = new Place('moved');
  await using watched = await Watched.start(place);
  const target = place.tmpfs('mount');
  t.deepEqual(await watched.next(), { ...none, added: ['mount'] });
  syscalls.mountSync('none', target, null, syscalls.MS_REMOUNT | syscalls.MS_BIND | 1);
  t.deepEqual(await watched.next(), { ...none, changed: ['mount'] });
  syscalls.mountSync(target, place.at('moved'), null, syscalls.MS_MOVE);
  place.released(target);
  place.mounted(place.at('moved'));
  t.deepEqual(await watched.next(), { ...none, changed: ['moved'] });
  const pending = watched.next();
  syscalls.umountSync(place.at('moved'));
  place.released(place.at('moved'));
  t.deepEqual(await pending, { ...none, removed: ['moved'] });
});

test.serial('what happens while an item is looked at comes as one', async (t) => {
  using place = new Place();
  await using watched = await Watched.start(place);
  place.tmpfs('first');
  t.deepEqual(await watched.next(), { ...none, added: ['first'] });
  for (let i = 0; i < 50; i++) {
    place.tmpfs(`m${i}`);
    await soon(1); // the loop runs: it is told of each
  }
  const passing = place.tmpfs('passing');
  syscalls.umountSync(passing);
  place.released(passing);
  syscalls.umountSync(place.at('first'));
  place.released(place.at('first'));
  t.deepEqual(await watched.next(), {
    added: Array.from({ length: 50 }, (_, i) => `m${i}`),
    removed: ['first'],
    changed: [],
  });
});

test.serial('the first item with `initial` is the table, else the first change', async (t) => {
  using place = new Place();
  place.tmpfs('before');
  await using all = watchMounts({ initial: true });
  const first = (await all.next()).value;
  t.true(first?.added.some(({ target }) => target === place.at('before')));
  t.deepEqual([first?.removed, first?.changed], [[], []]);

  await using changesOnly = new Watched(place, watchMounts());
  const pending = changesOnly.next();
  await soon(50);
  place.tmpfs('after');
  t.deepEqual(await pending, { ...none, added: ['after'] });
});

test.serial('propagation is seen with the next change', async (t) => {
  using place = new Place();
  const target = place.tmpfs('mount');
  await using watched = await Watched.start(place);
  syscalls.mountSync('none', target, null, syscalls.MS_UNBINDABLE);
  place.tmpfs('other');
  t.deepEqual(await watched.next(), { ...none, added: ['other'], changed: ['mount'] });
});

// In a namespace of its own: here other tests mount meanwhile.
test('a table that rests costs nothing', (t) => {
  const script = `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { watchMounts } from 'overlayfs';
    const watch = watchMounts({ initial: true });
    await watch.next();
    const pending = watch.next();
    await sleep(200); // what the start has left to do
    const before = process.cpuUsage();
    await sleep(500);
    const { user, system } = process.cpuUsage(before);
    console.log(user + system);
    await watch.return();
    await pending;
  `;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const own = ['--mount', '--propagation', 'private', '--', ...node];
  const { stdout, stderr } = spawnSync('unshare', own, { encoding: 'utf8' });
  t.is(stderr, '');
  t.true(Number(stdout) < 100_000, `${stdout.trim()} µs`);
});

test.serial('leaving the loop ends the watch and its descriptor', async (t) => {
  using place = new Place();
  await soon(50); // of the tests before
  const before = descriptors();
  for (let i = 0; i < 10; i++) {
    for await (const { added } of watchMounts({ initial: true })) {
      t.true(added.length > 0);
      break;
    }
  }
  const watch = watchMounts();
  // Other test files may mount meanwhile: who waits sees that first, and then the end.
  const end = async (): Promise<unknown> => {
    const next = await watch.next();
    return next.done === true ? next : end();
  };
  const waiting = end();
  await soon(20);
  t.deepEqual(await watch.return(), { done: true, value: undefined });
  t.deepEqual(await waiting, { done: true, value: undefined });
  t.deepEqual(await watch.next(), { done: true, value: undefined });
  for (let waited = 0; waited < 2000 && descriptors().length > before.length; waited += 20) {
    await soon(20); // what is closed is closed in the loop
  }
  t.deepEqual(descriptors(), before);
  place.tmpfs('later');
  await soon(20);
});

test.serial('a signal ends the watch at once, waiting or not', async (t) => {
  using place = new Place();
  await soon(50); // of the tests before
  const before = descriptors();
  const early = watchMounts({ signal: AbortSignal.abort('early') });
  const error = await t.throwsAsync(early.next(), { name: 'AbortError', code: 'ABORT_ERR' });
  t.is(error?.cause, 'early');

  const waiting = new AbortController();
  const first = await Watched.start(place, waiting.signal);
  const pending = first.next();
  await soon(20);
  const started = performance.now();
  waiting.abort();
  await t.throwsAsync(pending, { name: 'AbortError' });
  t.true(performance.now() - started < 100);
  t.deepEqual(await first.watch.next(), { done: true, value: undefined });

  const busy = new AbortController();
  const second = await Watched.start(place, busy.signal);
  busy.abort();
  await soon(20);
  t.deepEqual(descriptors(), before); // nobody had to ask for it
  await t.throwsAsync(second.watch.next(), { name: 'AbortError' });
});

test.serial('two watches, and next() without waiting', async (t) => {
  using place = new Place();
  await using one = await Watched.start(place);
  await using two = await Watched.start(place);
  const eager = [one.watch.next(), one.watch.next()];
  const seen: string[] = [];
  const look = async (item = one.watch.next()): Promise<void> => {
    const added = (await item).value?.added ?? [];
    seen.push(...added.map(({ target }) => target));
  };
  place.tmpfs('a');
  t.deepEqual(await two.next(), { ...none, added: ['a'] });
  await look(eager[0]);
  place.tmpfs('b');
  t.deepEqual(await two.next(), { ...none, added: ['b'] });
  await look(eager[1]);
  while (!seen.includes(place.at('a')) || !seen.includes(place.at('b'))) {
    await look();
  }
  t.is(seen.indexOf(place.at('a')), seen.lastIndexOf(place.at('a')));
});
