// Who holds a mount: real processes, in every way in which one can.
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Hold, MountHolders } from 'overlayfs';
import {
  findHolders,
  findHoldersSync,
  mountOverlay,
  OverlayError,
  syscalls,
  unmount,
  unmountSync,
} from 'overlayfs';
import { overlayfs } from './helpers/command.ts';
import { hold, holdCwd, holdOpen, installSleep } from './helpers/holding.ts';
import { asRoot, Place } from './helpers/place.ts';

const rootTest = asRoot ? test : test.skip;
const index = fileURLToPath(import.meta.resolve('overlayfs'));

async function mounted(...directories: string[]): Promise<Place> {
  const place = new Place('lower', 'target', ...directories);
  await mountOverlay({
    lower: place.at('lower'),
    upper: place.at('upper'),
    target: place.at('target'),
  });
  return place;
}

/** On an overlay: it goes when that is detached. */
function tmpfsOn(target: string): void {
  syscalls.mountSync('tmpfs', target, 'tmpfs');
}

function holdsOf({ holders }: MountHolders, pid: number): Pick<Hold, 'kind' | 'path' | 'fd'>[] {
  const found = holders.filter((holder) => holder.pid === pid);
  return found.flatMap(({ holds }) =>
    holds.map(({ kind, path, fd }) => ({ kind, path, ...(fd === undefined ? {} : { fd }) })),
  );
}

test('a mount that nobody holds', async (t) => {
  using place = await mounted();
  const { holders, submounts, copies } = await findHolders(place.at('target'));
  t.deepEqual({ holders, submounts, copies }, { holders: [], submounts: [], copies: [] });
});

test('a working directory', async (t) => {
  using place = await mounted('lower/deep/er');
  using holder = await holdCwd(place.at('target/deep/er'));
  const found = await findHolders(place.at('target'));
  t.like(found.holders[0], { pid: holder.pid, command: 'sleep', args: ['sleep', '600'] });
  t.deepEqual(holdsOf(found, holder.pid), [{ kind: 'cwd', path: place.at('target/deep/er') }]);
  t.deepEqual(findHoldersSync(place.at('target')).holders, found.holders);
});

test('an open file, also when it is removed, with any bytes in its name', async (t) => {
  using place = await mounted('lower/a');
  const name = Buffer.concat([Buffer.from(place.at('target/a/new\nline ')), Buffer.of(0xff)]);
  writeFileSync(name, '');
  const descriptor = openSync(name, 'r');
  try {
    const found = await findHolders(place.at('target'));
    const [holder, ...others] = found.holders;
    t.deepEqual(others, []);
    t.is(holder?.pid, process.pid);
    t.like(holder?.holds[0], { kind: 'fd', fd: descriptor, pathBytes: name });
    rmSync(name);
    const after = (await findHolders(place.at('target'))).holders[0]?.holds[0];
    t.deepEqual(after?.pathBytes, Buffer.concat([name, Buffer.from(' (deleted)')]));
    const { hint = '' } = t.throws(() => unmountSync(place.at('target')), {
      instanceOf: OverlayError,
    });
    t.regex(hint, /\(.*, this process\) has .*target\/a\/new\nline . \(deleted\) open/s);
  } finally {
    closeSync(descriptor);
  }
});

test('a running program, its root directory, and a mapped file', async (t) => {
  using place = new Place('lower', 'target');
  const libraries = installSleep(place.at('lower'));
  const overlay = await mountOverlay({
    lower: place.at('lower'),
    upper: place.at('upper'),
    target: place.at('target'),
  });
  using runs = await hold(place.at('target/sleep'), ['600']);
  using inside = await hold('chroot', [overlay.path, '/sleep', '600']);
  const library = libraries.find((path) => path.includes('libc.')) ?? '';
  using maps = await hold('sleep', ['600'], {
    env: { ...process.env, LD_LIBRARY_PATH: `${overlay.path}${dirname(library)}` },
  });
  const found = await findHolders(overlay.path);
  t.deepEqual(
    holdsOf(found, runs.pid).filter(({ kind }) => kind === 'exe'),
    [{ kind: 'exe', path: place.at('target/sleep') }],
  );
  const kinds = new Set(holdsOf(found, inside.pid).map(({ kind }) => kind));
  t.deepEqual(kinds, new Set(['cwd', 'root', 'exe', 'mapping'] as const));
  t.true(
    holdsOf(found, inside.pid).some(({ kind, path }) => kind === 'root' && path === overlay.path),
  );
  t.deepEqual(holdsOf(found, maps.pid), [{ kind: 'mapping', path: `${overlay.path}${library}` }]);
  const { holders, message } = await t.throwsAsync(unmount(overlay.path), {
    instanceOf: OverlayError,
  });
  t.is(holders?.length, 3);
  t.true(message.includes(`pid ${runs.pid} (sleep) runs ${overlay.path}/sleep`), message);
  t.true(message.includes(`pid ${maps.pid} (sleep) has ${overlay.path}${library} mapped`), message);
  await Promise.all([runs.end(), inside.end(), maps.end()]);
  await overlay.close();
});

// A path says little: the same name can be on another mount.
test('it is the mount that counts, not the path', async (t) => {
  using place = await mounted('lower/sub', 'target2', 'lower/plain');
  using beside = await holdCwd(place.at('target2'));
  using before = await holdCwd(place.at('target/sub'));
  tmpfsOn(place.at('target/sub'));
  using above = await holdCwd(place.at('target/sub'));
  const found = await findHolders(place.at('target'));
  t.deepEqual(
    found.holders.map(({ pid }) => pid),
    [before.pid],
    `${beside.pid} and ${above.pid} hold other mounts`,
  );
  t.deepEqual(
    found.submounts.map(({ target, fstype }) => [target, fstype]),
    [[place.at('target/sub'), 'tmpfs']],
  );
  t.deepEqual(
    (await findHolders(place.at('target/sub'))).holders.map(({ pid }) => pid),
    [above.pid],
  );
});

test('a mount below is named, with the way to unmount it too', async (t) => {
  using place = await mounted('lower/sub');
  tmpfsOn(place.at('target/sub'));
  const error = await t.throwsAsync(unmount(place.at('target')), { instanceOf: OverlayError });
  t.is(error?.code, 'EBUSY');
  t.deepEqual(error?.holders, []);
  t.regex(error?.hint ?? '', /mounted below it: .*target\/sub \(unmount those first, or use/);
});

test('up to three are named, the others are counted', async (t) => {
  using place = await mounted();
  using first = await holdCwd(place.at('target'));
  using second = await holdCwd(place.at('target'));
  using third = await holdCwd(place.at('target'));
  using fourth = await holdCwd(place.at('target'));
  using fifth = await holdCwd(place.at('target'));
  const error = await t.throwsAsync(unmount(place.at('target')), { instanceOf: OverlayError });
  const pids = [first, second, third, fourth, fifth].map(({ pid }) => pid);
  t.deepEqual(
    error?.holders?.map(({ pid }) => pid),
    pids.toSorted((a, b) => a - b),
  );
  t.is(error?.hint?.match(/works in it/g)?.length, 3);
  t.regex(error?.hint ?? '', /, and 2 more; /);
});

test('many descriptors of one process are counted', async (t) => {
  using place = await mounted();
  writeFileSync(place.at('target/file'), '');
  const descriptors = Array.from({ length: 100 }, () => openSync(place.at('target/file'), 'r'));
  const found = await findHolders(place.at('target'));
  for (const descriptor of descriptors) closeSync(descriptor);
  t.is(found.holders.length, 1);
  t.is(found.holders[0]?.holds.length, 64);
  t.is(found.holders[0]?.omitted, 36);
});

// One after the other: a namespace that a test makes has copies of the mounts of all.
test.serial(
  'a copy in another mount namespace is found, and keeps nothing from being unmounted',
  async (t) => {
    using place = await mounted();
    using idle = await hold('unshare', ['--mount', '--propagation', 'private', 'sleep', '600']);
    using works = await hold('unshare', [
      ...['--mount', '--propagation', 'private'],
      ...['sh', '-c', 'cd "$1" && exec sleep 600', 'sh', place.at('target')],
    ]);
    const { holders, copies } = await findHolders(place.at('target'));
    t.deepEqual(
      copies.map(({ pid, command, target }) => ({ pid, command, target })),
      [idle, works].map(({ pid }) => ({ pid, command: 'sleep', target: place.at('target') })),
    );
    t.not(copies[0]?.namespace, copies[1]?.namespace);
    t.like(holders, [{ pid: works.pid, copy: true }]);
    await unmount(place.at('target'));
  },
);

// container-libs#620, #738, containerd#14032: the mount had leaked into another namespace, and nothing said so.
test.serial('a copy that is busy in another namespace and shared with ours is named', async (t) => {
  using place = new Place('lower', 'shared');
  place.bind(place.at('shared'), place.at('shared'));
  syscalls.mountSync(null, place.at('shared'), null, syscalls.MS_SHARED);
  mkdirSync(place.at('shared/target'));
  await mountOverlay({
    lower: place.at('lower'),
    upper: place.at('upper'),
    target: place.at('shared/target'),
  });
  using holder = await hold('unshare', [
    ...['--mount', '--propagation', 'unchanged'],
    ...['sh', '-c', 'cd "$1" && exec sleep 600', 'sh', place.at('shared/target')],
  ]);
  const error = await t.throwsAsync(unmount(place.at('shared/target')), {
    instanceOf: OverlayError,
  });
  t.is(error?.code, 'EBUSY');
  t.like(error?.holders, [{ pid: holder.pid, copy: true }]);
  t.regex(error?.hint ?? '', /works in it \(.*shared\/target\) in another mount namespace/);
  await holder.end();
  await unmount(place.at('shared/target'));
});

rootTest('a process of another user [root only]', async (t) => {
  using place = await mounted();
  using holder = await hold(
    'setpriv',
    ['--reuid=1000', '--regid=1000', '--clear-groups', 'sleep', '600'],
    { cwd: place.at('target') },
  );
  const found = await findHolders(place.at('target'));
  t.deepEqual(holdsOf(found, holder.pid), [{ kind: 'cwd', path: place.at('target') }]);
});

rootTest('what may not be looked at is counted [root only]', async (t) => {
  using place = await mounted();
  using holder = await holdCwd(place.at('target'));
  chmodSync(place.base, 0o711);
  const code = `
    const { findHoldersSync } = await import(${JSON.stringify(index)});
    const { holders, unreadable } = findHoldersSync(${JSON.stringify(place.at('target'))});
    console.log(JSON.stringify({ pids: holders.map(({ pid }) => pid), unreadable }));`;
  const { stdout, stderr } = spawnSync('setpriv', [
    ...['--reuid=1000', '--regid=1000', '--clear-groups'],
    ...[process.execPath, '--input-type=module', '-e', code],
  ]);
  const { pids, unreadable } = JSON.parse(String(stdout) || String(stderr));
  t.deepEqual(pids, [], `${holder.pid} is root's`);
  t.true(unreadable > 0 && unreadable < 1000);
});

test('the command says the same in one line', async (t) => {
  using place = await mounted('lower/new\nline');
  using holder = await holdOpen(place.at('target/new\nline'));
  const { status, stderr } = await overlayfs(['umount', place.at('target')]);
  t.is(status, 1);
  t.regex(stderr, /^overlayfs: EBUSY: [^\n]*\n$/);
  t.true(
    stderr.includes(`pid ${holder.pid} (sleep) has ${place.at('target')}/new\\nline open`),
    stderr,
  );
  t.regex(stderr, /or detach it all the same with `lazy: true` \(`--lazy`\)\n$/);
});

test('a place where nothing is mounted has no holders', async (t) => {
  using place = new Place('plain');
  await t.throwsAsync(findHolders(place.at('plain')), {
    code: 'EINVAL',
    message: /nothing is mounted/,
  });
  await t.throwsAsync(findHolders(place.at('absent')), { code: 'ENOENT' });
});

test('a signal stops the search', async (t) => {
  using place = await mounted();
  const signal = AbortSignal.abort('enough');
  const error = await t.throwsAsync(findHolders(place.at('target'), { signal }), {
    name: 'AbortError',
  });
  t.is(error?.cause, 'enough');
});
