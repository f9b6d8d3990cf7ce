// What mounting leaves in the process: nothing. One test at a time, since they count descriptors.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import type { MountOptions } from 'overlayfs';
import { byMount, mountOverlay, mountOverlaySync } from './helpers/mounting.ts';
import { Place } from './helpers/place.ts';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Once what the test before has left, and is closed by the pool, is gone: else it would be taken for ours. */
async function settled(): Promise<number> {
  for (let last = -1; ; ) {
    collect();
    await setTimeout(50);
    const now = descriptors();
    if (now === last) {
      return now;
    }
    last = now;
  }
}

/** Of this process without its garbage, in the unit of the kernel: kB. */
function resident(): number {
  collect();
  const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1]);
}

const standard = (place: Place): MountOptions & { target: string } => ({
  lower: place.at('lower'),
  upper: 'tmpfs',
  target: place.at('target'),
});

test.serial('a thousand mounts and unmounts leave memory and descriptors flat', async (t) => {
  using place = new Place('lower', 'target');
  const cycle = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      await using overlay = await mountOverlay(standard(place));
      t.true(existsSync(overlay.path));
    }
  };
  await cycle(200); // what is kept once is there by then
  const [before, memory] = [await settled(), resident()];
  await cycle(1000);
  t.is(descriptors(), before);
  t.true(resident() - memory < 16 * 1024, `${resident() - memory} kB more`);
});

test.serial('closing is unmounting: the upper can be mounted again at once', async (t) => {
  using place = new Place('lower', 'target');
  const options = { ...standard(place), upper: place.at('upper') };
  const { target: _, ...detached } = options;
  const before = await settled();
  for (let i = 0; i < 100; i++) {
    using overlay = mountOverlaySync(byMount ? options : detached);
    writeFileSync(overlay.resolve(`file${i}`), '');
  }
  t.is(readdirSync(place.at('upper')).length, 100);
  t.is(descriptors(), before);
});

const overlays = (): number =>
  readdirSync('/proc/self/fdinfo').filter((fd) => isOverlay(`/proc/self/fd/${fd}`)).length;

function isOverlay(path: string): boolean {
  try {
    return statfsSync(path).type === 0x794c7630;
  } catch {
    return false; // closed meanwhile: the one the directory was read through
  }
}

// Letting go of the last descriptor syncs the upper's filesystem. While the pool is busy with FIFOs that
// nobody opens at their other end, what is not queued behind them would be done by the event loop.
(byMount ? test.skip : test.serial)(
  `a detached overlay that is collected ends in the pool${byMount ? ' [kernel]: mount(2) has none' : ''}`,
  async (t) => {
    using place = new Place('lower');
    (() => {
      mountOverlaySync({ lower: place.at('lower'), upper: 'tmpfs' });
    })();
    t.is(overlays(), 1);
    const fifos = Array.from({ length: 4 }, (_, i) => place.at(`fifo${i}`));
    execFileSync('mkfifo', fifos);
    const blocked = fifos.map((fifo) => readFile(fifo));
    for (let i = 0; i < 10; i++) {
      collect();
      await setImmediate();
    }
    t.is(overlays(), 1, 'nobody has closed it yet');
    for (const fifo of fifos) writeFileSync(fifo, '');
    await Promise.all(blocked);
    for (let i = 0; i < 100 && overlays() > 0; i++) {
      collect();
      await setTimeout(20);
    }
    t.is(overlays(), 0);
  },
);

test.serial('what fails leaves nothing either', async (t) => {
  using place = new Place('lower', 'target', 'parent');
  const before = await settled();
  const upper = { type: 'directory', parent: place.at('parent') } as const;
  for (const given of [{}, { upper }, { upper: place.at('upper') }]) {
    const options = { ...standard(place), ...given, extraOptions: ['no_such_option'] };
    t.throws(() => mountOverlaySync(options), { code: 'EINVAL' });
  }
  t.is(descriptors(), before);
  t.deepEqual(place.overlays(), []);
  t.deepEqual(readdirSync(place.base).sort(), ['lower', 'parent', 'target']);
  t.deepEqual(readdirSync(place.at('parent')), []);
});
