// What other programs got wrong when they unmounted or remounted overlays, by name.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import test from 'ava';
import {
  listOverlaysSync,
  mountOverlay,
  OverlayError,
  refreshOverlay,
  syscalls,
  unmount,
} from 'overlayfs';
import { holdCwd } from './helpers/holding.ts';
import { asRoot, Place, standard } from './helpers/place.ts';

function bind(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  syscalls.mountSync(from, to, null, syscalls.MS_BIND);
}

// containerd/containerd#14032: nested bind mounts of a Nix store made the clean-up fail with EBUSY, and
// nothing said which.
test('nested bind mounts of a store are named, and unmounted if that is asked for', async (t) => {
  using place = new Place('lower', 'packages/a/lib', 'packages/b', 'target');
  await mountOverlay(standard(place));
  bind(place.at('packages/a'), place.at('target/a'));
  bind(place.at('packages/b'), place.at('target/a/lib'));
  const error = await t.throwsAsync(unmount(place.at('target')), { instanceOf: OverlayError });
  t.is(error?.code, 'EBUSY');
  t.regex(error?.hint ?? '', /mounted below it: .*target\/a, .*target\/a\/lib \(unmount those/);
  await unmount(place.at('target'), { recursive: true });
  t.deepEqual(place.overlays(), []);
  t.true(existsSync(place.at('packages/a/lib')), 'what was bound there is another matter');
});

// containers/podman#27012: a directory that the user had mounted himself was unmounted without a word.
test('the id of an overlay never unmounts what somebody has mounted on its place', async (t) => {
  using place = new Place('lower', 'target');
  const overlay = await mountOverlay(standard(place));
  await unmount(overlay.path);
  place.bind(place.at('lower'), place.at('target'));
  writeFileSync(place.at('target/mine'), '');
  await t.throwsAsync(unmount({ mountId: overlay.mountId }, { any: true }), { code: 'EINVAL' });
  await t.throwsAsync(unmount(overlay.path, { all: true }), { code: 'EINVAL' });
  t.true(existsSync(place.at('target/mine')));
});

// containerd's UnmountAll goes on until there is nothing, and takes the volume below as well.
test('until nothing is left is until no overlay is left', async (t) => {
  using place = new Place('lower', 'volume');
  place.bind(place.at('volume'), place.at('target'));
  await mountOverlay(standard(place));
  await unmount(place.at('target'), { all: true });
  writeFileSync(place.at('target/on-the-volume'), '');
  t.true(existsSync(place.at('volume/on-the-volume')));
});

// moby and containers/storage always detach, so that an upper is read while it is still written to;
// containerd and youki try again on their own, 50 and 3 times.
test('a busy mount is neither detached nor tried again unless that is asked for', async (t) => {
  using place = new Place('lower', 'target');
  await mountOverlay(standard(place));
  using _ = await holdCwd(place.at('target'));
  await t.throwsAsync(unmount(place.at('target')), { code: 'EBUSY' });
  t.deepEqual(place.overlays(), [place.at('target')]);
});

// containerd (mount/lookup_unix.go) and moby/sys (mountinfo) take /foobar for something below /foo.
test('a mount whose name begins alike is not below', async (t) => {
  using place = new Place('lower', 'lower2');
  for (const name of ['target', 'target-2', 'target2/below']) {
    mkdirSync(place.at(name), { recursive: true });
    await mountOverlay({ lower: [place.at('lower'), place.at('lower2')], target: place.at(name) });
  }
  await unmount(place.at('target'), { recursive: true });
  t.deepEqual(place.overlays().sort(), [place.at('target-2'), place.at('target2/below')]);
});

// util-linux/util-linux#2528, #2576: a remount passes the options of the mount again, and the kernel
// refuses every one of them; and a plain remount drops the flags that it is not told of.
test('a refresh works whatever the options of the overlay are', async (t) => {
  using place = new Place('lower', 'upper', 'work', 'target');
  const options = asRoot
    ? 'redirect_dir=on,index=on,metacopy=on,xino=on,volatile'
    : 'userxattr,volatile';
  const layers = `lowerdir=${place.at('lower')},upperdir=${place.at('upper')},workdir=${place.at('work')}`;
  const flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC;
  await syscalls.mount('overlay', place.at('target'), 'overlay', flags, `${layers},${options}`);
  const listed = (): unknown =>
    listOverlaysSync().find(({ target }) => target === place.at('target'));
  const before = listed();
  t.false(existsSync(place.at('target/added')));
  writeFileSync(place.at('lower/added'), '');
  t.false(existsSync(place.at('target/added')));
  await refreshOverlay(place.at('target'));
  t.true(existsSync(place.at('target/added')));
  t.deepEqual(listed(), before);
});
