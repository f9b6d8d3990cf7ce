// Unmounting: what is named, all of it if that is asked for, and nothing else.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import {
  listOverlays,
  mountOverlay,
  OverlayError,
  syscalls,
  unmount,
  unmountSync,
} from 'overlayfs';
import { overlayfs, program } from './helpers/command.ts';
import { hold, holdCwd } from './helpers/holding.ts';
import { asRoot, Place } from './helpers/place.ts';
import { mountPoints, tmpfsOn, view, writable } from './helpers/unmounting.ts';

// Tests that block are serial.
const rootTest = asRoot ? test.serial : test.serial.skip;

test('recursive takes thirty mounts below each other, and nothing beside them', async (t) => {
  using place = new Place('lower', 'lower2', 'target', 'target2');
  await writable(place, 'target');
  await view(place, 'target2');
  let deepest = place.at('target');
  for (let i = 0; i < 15; i++) {
    deepest = tmpfsOn(`${deepest}/${i % 3 === 0 ? 'new\nline \\ ' : 'd'}`);
    tmpfsOn(`${deepest}/beside`);
  }
  t.is(mountPoints(place).length, 32);
  const busy = await t.throwsAsync(unmount(place.at('target')), { instanceOf: OverlayError });
  t.is(busy?.code, 'EBUSY');
  t.deepEqual(busy?.unmounted, []);
  await unmount(place.at('target'), { recursive: true });
  t.deepEqual(mountPoints(place), ['target2']);
});

test('recursive of thirty mounts on the same place and below, in any order', async (t) => {
  using place = new Place('lower/a/b/c', 'lower2', 'target');
  await writable(place, 'target');
  // Those that are mounted first are hidden by those that come later.
  for (let i = 0; i < 10; i++) {
    for (const name of ['a/b/c', 'a/b', 'a']) tmpfsOn(place.at(`target/${name}`));
  }
  t.is(mountPoints(place).length, 31);
  unmountSync(place.at('target'), { recursive: true });
  t.deepEqual(mountPoints(place), []);
});

test('recursive where a mount was moved over what it is older than', async (t) => {
  using place = new Place('lower/a/b', 'lower2', 'target');
  await writable(place, 'target');
  tmpfsOn(place.at('target/older'));
  tmpfsOn(place.at('target/a/b'));
  syscalls.mountSync(place.at('target/older'), place.at('target/a'), null, syscalls.MS_MOVE);
  await unmount(place.at('target'), { recursive: true });
  t.deepEqual(mountPoints(place), []);
});

// The order of strings would take "a-" before "a/b"; containerd and moby sort by length.
test('recursive goes by what is mounted on what, not by names', async (t) => {
  using place = new Place('lower/a/b', 'lower/a-/very/long', 'lower2', 'target');
  await writable(place, 'target');
  tmpfsOn(place.at('target/a-/very/long'));
  tmpfsOn(place.at('target/a'));
  tmpfsOn(place.at('target/a/b'));
  await unmount(place.at('target'), { recursive: true });
  t.deepEqual(mountPoints(place), []);
});

// containerd's recursive unmounting keeps only the last error, moby's goes on by detaching.
test('a failure in the middle says what was unmounted and what was not', async (t) => {
  using place = new Place('lower/one', 'lower/two', 'lower/three', 'lower2', 'target');
  await writable(place, 'target');
  for (const name of ['one', 'two', 'three']) tmpfsOn(place.at(`target/${name}`));
  using holder = await holdCwd(place.at('target/two'));
  const error = await t.throwsAsync(unmount(place.at('target'), { recursive: true }), {
    instanceOf: OverlayError,
  });
  t.is(error?.code, 'EBUSY');
  t.is(error?.path, place.at('target/two'));
  t.deepEqual(
    error?.holders?.map(({ pid }) => pid),
    [holder.pid],
  );
  t.deepEqual(error?.unmounted, [place.at('target/three')]);
  t.true(error?.hint?.endsWith(`unmounted already: ${place.at('target/three')}`), error?.hint);
  t.deepEqual(mountPoints(place), ['target', 'target/one', 'target/two']);
  await holder.end();
  await unmount(place.at('target'), { recursive: true });
  t.deepEqual(mountPoints(place), []);
});

test('all takes the overlays that are stacked on a place, down to what is none', async (t) => {
  using place = new Place('lower', 'lower2');
  tmpfsOn(place.at('target'));
  place.mounted(place.at('target'));
  writeFileSync(place.at('target/volume'), '');
  await view(place, 'target');
  await view(place, 'target');
  await view(place, 'target');
  await unmount(place.at('target'));
  t.is(mountPoints(place).length, 3, 'one at a time');
  await unmount(place.at('target'), { all: true });
  t.deepEqual(mountPoints(place), ['target']);
  t.true(existsSync(place.at('target/volume')));
  await t.throwsAsync(unmount(place.at('target'), { all: true }), {
    code: 'EINVAL',
    message: /no overlay is mounted/,
  });
  await view(place, 'target');
  unmountSync(place.at('target'), { all: true, any: true });
  place.released(place.at('target'));
  t.deepEqual(mountPoints(place), []);
});

test('all and recursive together', async (t) => {
  using place = new Place('lower/sub', 'lower2');
  for (let i = 0; i < 4; i++) {
    await view(place, 'target');
    tmpfsOn(place.at('target/sub'));
  }
  t.is(mountPoints(place).length, 8);
  const error = await t.throwsAsync(unmount(place.at('target'), { all: true }), {
    instanceOf: OverlayError,
  });
  t.is(error?.code, 'EBUSY');
  await unmount(place.at('target'), { all: true, recursive: true });
  t.deepEqual(mountPoints(place), []);
});

// podman#27012, and unmounting by path in general.
test('by its id a mount is found where it was moved to', async (t) => {
  using place = new Place('lower', 'lower2', 'moved');
  const first = await view(place, 'target');
  syscalls.mountSync(first.path, place.at('moved'), null, syscalls.MS_MOVE);
  await view(place, 'target');
  await unmount({ mountId: first.mountId });
  t.deepEqual(mountPoints(place), ['target']);
  const [listed] = (await listOverlays()).filter(({ target }) => target === place.at('target'));
  unmountSync({ mountId: BigInt(listed?.mountId ?? 0) });
  t.deepEqual(mountPoints(place), []);
  for (const unmounting of [unmount, unmountSync]) {
    await t.throwsAsync(async () => await unmounting({ mountId: first.mountId }), {
      code: 'EINVAL',
      message: /no mount of this namespace has this id/,
    });
  }
});

test('by its id a mount is not unmounted while another one covers it', async (t) => {
  using place = new Place('lower', 'lower2');
  await view(place, 'target');
  const [below] = (await listOverlays()).filter(({ target }) => target === place.at('target'));
  const mountId = BigInt(below?.mountId ?? 0);
  await view(place, 'target');
  await t.throwsAsync(unmount({ mountId }), {
    code: 'EBUSY',
    message: /another mount lies over .*target; unmount that one first/,
  });
  t.is(mountPoints(place).length, 2);
  await unmount(place.at('target'));
  await unmount({ mountId });
});

test('by its id an overlay only, unless told otherwise', async (t) => {
  using place = new Place('lower', 'lower2');
  place.tmpfs('other');
  const table = readFileSync('/proc/self/mountinfo', 'latin1').split('\n');
  const line = table.find((each) => each.includes(` ${place.at('other')} `));
  const mountId = BigInt(line?.split(' ')[0] ?? 0);
  await t.throwsAsync(unmount({ mountId }), { code: 'EINVAL', message: /no overlay is mounted/ });
  await unmount({ mountId }, { any: true });
  place.released(place.at('other'));
  t.deepEqual(mountPoints(place), []);
});

test('a symbolic link is resolved once, and umount2 follows none', async (t) => {
  using place = new Place('lower', 'lower2');
  const overlay = await view(place, 'target');
  symlinkSync(overlay.path, place.at('link'));
  await t.throwsAsync(syscalls.umount(place.at('link'), syscalls.UMOUNT_NOFOLLOW), {
    code: 'EINVAL',
  });
  t.deepEqual(mountPoints(place), ['target']);
  await unmount(place.at('link'));
  t.deepEqual(mountPoints(place), []);
  t.true(lstatSync(place.at('link')).isSymbolicLink());
});

test('lazy of a whole tree in use', async (t) => {
  using place = new Place('lower/sub', 'lower2');
  await view(place, 'target');
  tmpfsOn(place.at('target/sub'));
  using holder = await holdCwd(place.at('target/sub'));
  await unmount(place.at('target'), { recursive: true, lazy: true });
  t.deepEqual(mountPoints(place), []);
  t.true(existsSync(`/proc/${holder.pid}/cwd/.`));
});

test('force alone does not help with an overlay', async (t) => {
  using place = new Place('lower', 'lower2');
  const overlay = await view(place, 'target');
  const open = openSync(overlay.path, 'r');
  await t.throwsAsync(unmount(overlay.path, { force: true }), { code: 'EBUSY' });
  closeSync(open);
  await unmount(overlay.path, { force: true });
});

rootTest(
  `the root of the process is never unmounted${asRoot ? '' : ' [root only]: in a user namespace / is no lower'}`,
  async (t) => {
    using place = new Place('upper', 'target');
    const overlay = await mountOverlay({
      lower: '/',
      upper: place.tmpfs('layer') && place.at('layer/upper'),
      work: place.at('layer/work'),
      target: place.at('target'),
    });
    const project = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
    for (const path of ['/proc', project]) {
      syscalls.mountSync(path, overlay.path + path, null, syscalls.MS_BIND);
    }
    for (const options of [[], ['--any'], ['--any', '--recursive'], ['--any', '--all', '--lazy']]) {
      const words = [overlay.path, process.execPath, program, 'umount', ...options, '/'];
      const { stderr, status } = spawnSync('chroot', words, { encoding: 'utf8' });
      t.is(status, 1);
      t.regex(stderr, /EBUSY: .*umount2 '\/': it is the root directory of this process/);
      writeFileSync(`${overlay.path}/still-writable`, '');
      t.true(existsSync(overlay.path + program));
    }
    await unmount(overlay.path, { recursive: true });
    t.deepEqual(mountPoints(place), ['layer']);
  },
);

test.serial(
  'a mount that came with the namespace of somebody else cannot be unmounted',
  async (t) => {
    using place = new Place('lower', 'lower2');
    const overlay = await view(place, 'target');
    const index = fileURLToPath(import.meta.resolve('overlayfs'));
    const code = `
    const { unmountSync } = await import(${JSON.stringify(index)});
    try { unmountSync(${JSON.stringify(overlay.path)}); } catch ({ message }) { console.log(message); }`;
    const { stdout } = spawnSync('unshare', [
      ...['--user', '--map-root-user', '--mount'],
      ...[process.execPath, '--input-type=module', '-e', code],
    ]);
    t.regex(String(stdout), /^EINVAL: .*does not let this mount be taken off here/);
    t.deepEqual(mountPoints(place), ['target']);
  },
);

test('the command has the same options', async (t) => {
  using place = new Place('lower/sub', 'lower2');
  const done = async (...words: string[]): Promise<void> => {
    const { status, stdout, stderr } = await overlayfs(['umount', ...words]);
    t.is(stderr, '');
    t.is(stdout.toString(), '');
    t.is(status, 0);
  };
  await view(place, 'target');
  tmpfsOn(place.at('target/sub'));
  await done('--recursive', place.at('target'));
  t.deepEqual(mountPoints(place), []);

  await view(place, 'target');
  await view(place, 'target');
  await done('--all', place.at('target'));
  t.deepEqual(mountPoints(place), []);

  const overlay = await view(place, 'target');
  await done('--id', `${overlay.mountId}`);
  t.deepEqual(mountPoints(place), []);

  await view(place, 'target');
  using _ = await hold('sh', ['-c', 'cd "$1" && exec sleep 2', 'sh', place.at('target')]);
  await done('--retry', '1000', place.at('target'));
  t.deepEqual(readdirSync(place.at('target')), []);
});
