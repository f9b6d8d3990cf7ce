// Unmounting that is tried again for as long as somebody holds the mount. What blocks or measures time is
// serial.
import test from 'ava';
import { OverlayError, unmount, unmountSync } from 'overlayfs';
import { hold, holdCwd } from './helpers/holding.ts';
import { Place } from './helpers/place.ts';
import { mountPoints, tmpfsOn, view, writable } from './helpers/unmounting.ts';

test.serial('a retry waits for the holder, and keeps nobody else waiting', async (t) => {
  using place = new Place('lower', 'lower2');
  const overlay = await view(place, 'target');
  using holder = await holdCwd(overlay.path);
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 5);
  setTimeout(() => void holder.end(), 300);
  const started = performance.now();
  await unmount(overlay.path, { retry: { times: 2000, delay: 10 } });
  clearInterval(ticking);
  t.true(performance.now() - started >= 250);
  t.true(ticks > 10, `${ticks} ticks`);
  t.deepEqual(mountPoints(place), []);
});

test.serial('a blocking retry waits as well', async (t) => {
  using place = new Place('lower', 'lower2');
  const overlay = await view(place, 'target');
  using _ = await hold('sh', ['-c', 'cd "$1" && exec sleep 2', 'sh', overlay.path]);
  unmountSync(overlay.path, { retry: { times: 2000, delay: 10 } });
  t.deepEqual(mountPoints(place), []);
});

test.serial('retries are bounded, and only where they are asked for', async (t) => {
  using place = new Place('lower', 'lower2');
  const overlay = await view(place, 'target');
  using holder = await holdCwd(overlay.path);
  for (const unmounting of [unmount, unmountSync]) {
    const started = performance.now();
    const retry = { times: 3, delay: 100 };
    const error = await t.throwsAsync(async () => await unmounting(overlay.path, { retry }), {
      instanceOf: OverlayError,
    });
    t.is(error?.code, 'EBUSY');
    t.deepEqual(
      error?.holders?.map(({ pid }) => pid),
      [holder.pid],
    );
    t.true(performance.now() - started >= 290);
  }
  t.deepEqual(mountPoints(place), ['target']);
});

test('what is no EBUSY is not tried again', async (t) => {
  using place = new Place('plain');
  const started = performance.now();
  await t.throwsAsync(unmount(place.at('plain'), { retry: { times: 100, delay: 60_000 } }), {
    code: 'EINVAL',
  });
  t.true(performance.now() - started < 30_000);
});

test('a signal ends the waiting, and the mount stays', async (t) => {
  using place = new Place('lower', 'lower2');
  const overlay = await view(place, 'target');
  using _ = await holdCwd(overlay.path);
  const controller = new AbortController();
  setTimeout(() => controller.abort('enough'), 50);
  const retry = { times: 100, delay: 60_000 };
  const error = await t.throwsAsync(unmount(overlay.path, { retry, signal: controller.signal }), {
    name: 'AbortError',
  });
  t.is(error?.cause, 'enough');
  await t.throwsAsync(unmount(overlay.path, { lazy: true, signal: AbortSignal.abort('before') }), {
    name: 'AbortError',
  });
  t.deepEqual(mountPoints(place), ['target']);
});

test('while it waits somebody else unmounts it: what lay beneath stays', async (t) => {
  using place = new Place('lower', 'lower2');
  await view(place, 'target');
  const top = await view(place, 'target');
  using _ = await holdCwd(top.path);
  const waiting = unmount(top.path, { retry: { times: 2000, delay: 10 } });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await top.close({ lazy: true });
  await waiting;
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.deepEqual(mountPoints(place), ['target']);
});

test('a retry goes on with what is left of a tree', async (t) => {
  using place = new Place('lower/one', 'lower/two', 'lower2', 'target');
  await writable(place, 'target');
  for (const name of ['one', 'two']) tmpfsOn(place.at(`target/${name}`));
  using holder = await holdCwd(place.at('target/one'));
  const waiting = unmount(place.at('target'), {
    recursive: true,
    retry: { times: 100, delay: 20 },
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.deepEqual(mountPoints(place), ['target', 'target/one']);
  tmpfsOn(place.at('target/two')); // not there when it began
  await holder.end();
  const error = await t.throwsAsync(waiting, { instanceOf: OverlayError });
  t.is(error?.code, 'EBUSY');
  t.regex(error?.hint ?? '', /mounted below it: .*target\/two /);
  t.deepEqual(error?.unmounted, [place.at('target/two'), place.at('target/one')]);
  t.deepEqual(mountPoints(place), ['target', 'target/two']);
});
