// The raw mount calls: an overlay made by hand, and the log of a context.
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import test from 'ava';
import type { MountAttr, OverlayError } from 'overlayfs';
import { syscalls } from 'overlayfs';
import { attributesOf, mountOn, mountsBelow } from './helpers/mountinfo.ts';
import { asRoot, Place } from './helpers/place.ts';

const descriptors = (): string[] => readdirSync('/proc/self/fd');
const closesOnExec = (fd: number): boolean => {
  const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  return (Number.parseInt(flags?.[1] ?? '0', 8) & 0o2000000) !== 0;
};

/** upper and work on a filesystem that takes both kinds of marks. */
function layers(): Place {
  const place = new Place('lower', 'target');
  place.tmpfs('host');
  for (const name of ['host/upper', 'host/work']) {
    mkdirSync(place.at(name));
  }
  writeFileSync(place.at('lower/file'), 'lower');
  return place;
}

test.serial('a whole overlay by hand, in promise form', async (t) => {
  using place = layers();
  const before = descriptors();
  const fs = await syscalls.fsopen('overlay');
  await syscalls.fsconfigSetString(fs, 'source', 'by-hand');
  await syscalls.fsconfigSetString(fs, 'lowerdir+', place.at('lower'));
  await syscalls.fsconfigSetString(fs, 'upperdir', Buffer.from(place.at('host/upper')));
  await syscalls.fsconfigSetString(fs, 'workdir', place.at('host/work'));
  if (!asRoot) {
    await syscalls.fsconfigSetFlag(fs, 'userxattr');
  }
  await syscalls.fsconfigCreate(fs);
  const mount = await syscalls.fsmount(fs, syscalls.FSMOUNT_CLOEXEC, syscalls.MOUNT_ATTR_NOSUID);
  t.true(closesOnExec(fs));
  t.true(closesOnExec(mount));
  closeSync(fs);
  writeFileSync(`/proc/self/fd/${mount}/new`, 'detached');
  await syscalls.mountSetattr(mount, '', syscalls.AT_EMPTY_PATH, {
    attrSet: syscalls.MOUNT_ATTR_NODEV | syscalls.MOUNT_ATTR_NOATIME,
    attrClr: syscalls.MOUNT_ATTR__ATIME,
  });
  await syscalls.moveMount(
    mount,
    '',
    syscalls.AT_FDCWD,
    place.at('target'),
    syscalls.MOVE_MOUNT_F_EMPTY_PATH,
  );
  closeSync(mount);
  const found = mountOn(place.at('target'));
  t.is(found?.attributes.join(','), 'noatime,nodev,nosuid,rw');
  t.deepEqual([found?.type, found?.source], ['overlay', 'by-hand']);
  t.deepEqual(readdirSync(place.at('target')).sort(), ['file', 'new']);
  t.deepEqual(readdirSync(place.at('host/upper')), ['new']);
  t.deepEqual(descriptors(), before);
});

test.serial('a whole overlay by hand, blocking, with layers given as descriptors', (t) => {
  using place = layers();
  const before = descriptors();
  const opened = ['lower', 'host/upper', 'host/work'].map((name) => openSync(place.at(name), 'r'));
  const [lower = -1, upper = -1, work = -1] = opened;
  const fs = syscalls.fsopenSync('overlay');
  syscalls.fsconfigSetFdSync(fs, 'lowerdir+', lower);
  syscalls.fsconfigSetFdSync(fs, 'upperdir', upper);
  syscalls.fsconfigSetFdSync(fs, 'workdir', work);
  if (!asRoot) {
    syscalls.fsconfigSetFlagSync(fs, 'userxattr');
  }
  syscalls.fsconfigCreateExclSync(fs);
  const mount = syscalls.fsmountSync(fs);
  const target = openSync(place.at('target'), 'r');
  const empty = syscalls.MOVE_MOUNT_F_EMPTY_PATH | syscalls.MOVE_MOUNT_T_EMPTY_PATH;
  syscalls.moveMountSync(mount, '', target, '', empty);
  t.is(mountOn(place.at('target'))?.type, 'overlay');
  for (const fd of [fs, mount, target, ...opened]) {
    closeSync(fd);
  }

  // And what is mounted can be picked up again.
  const picked = syscalls.fspickSync(syscalls.AT_FDCWD, place.at('target'));
  t.true(closesOnExec(picked));
  syscalls.fsconfigSetFlagSync(picked, 'ro');
  syscalls.fsconfigReconfigureSync(picked);
  closeSync(picked);
  t.true(mountOn(place.at('target'))?.superOptions.includes('ro'));
  t.deepEqual(descriptors(), before);
});

test.serial('a failure has the messages of the kernel', async (t) => {
  const fs = syscalls.fsopenSync('overlay');
  const error = await t.throwsAsync<OverlayError>(
    syscalls.fsconfigSetString(fs, 'no_such_option', 'x'),
    { name: 'OverlayError', code: 'EINVAL' },
  );
  t.is(error?.syscall, 'fsconfig');
  t.is(error?.path, 'no_such_option');
  t.is(error?.kernelLog.length, 1);
  t.regex(error?.kernelLog[0] ?? '', /^e overlay: .*no_such_option/);
  t.regex(error?.message ?? '', /the kernel says: .*no_such_option/);
  t.deepEqual(syscalls.readFsLogSync(fs), []);
  closeSync(fs);
});

test.serial('only a context has a log', (t) => {
  const file = openSync('/proc/self/status', 'r');
  const error = t.throws<OverlayError>(() => syscalls.readFsLogSync(file), { code: 'EINVAL' });
  t.regex(error?.hint ?? '', /no filesystem context/);
  t.true(readFileSync(file, 'utf8').startsWith('Name:')); // nothing was taken from it
  closeSync(file);
  t.throws(() => syscalls.readFsLogSync(2 ** 31 - 1), { code: 'EBADF' });
});

test.serial('paths, binary values and commands reach the kernel as they are', (t) => {
  using place = layers();
  const fs = syscalls.fsopenSync('overlay');
  const lower = openSync(place.at('lower'), 'r');
  // overlayfs takes none of these for its layers; the kernel says so of the right key.
  for (const call of [
    () => syscalls.fsconfigSetPathSync(fs, 'upperdir', place.at('host/upper')),
    () => syscalls.fsconfigSetPathSync(fs, 'upperdir', 'file', lower),
    () => syscalls.fsconfigSetPathEmptySync(fs, 'upperdir', '', lower),
    () => syscalls.fsconfigSetBinarySync(fs, 'upperdir', Buffer.from([0, 1, 2])),
  ]) {
    const error = t.throws<OverlayError>(call, { code: 'EINVAL' });
    t.is(error?.path, 'upperdir');
  }
  // Of a path the kernel looks at before it asks the filesystem: a missing one is another error.
  t.throws(() => syscalls.fsconfigSetPathSync(fs, 'upperdir', ''), { code: 'ENOENT' });
  t.throws(() => syscalls.fsconfigSetStringSync(fs, 'source', 'x'.repeat(256)), { code: 'EINVAL' });
  t.throws(() => syscalls.fsconfigSetBinarySync(fs, 'source', Buffer.alloc(0)), { code: 'EINVAL' });
  t.throws(() => syscalls.fsconfigCreateSync(lower), { code: 'EINVAL' });
  t.throws(() => syscalls.fsmountSync(fs), { code: 'EINVAL' });
  t.throws(() => syscalls.fsopenSync('no-such-filesystem'), { code: 'ENODEV' });
  t.throws(() => syscalls.fsopenSync('tmpfs', 0x4000), { code: 'EINVAL' });
  t.throws(() => syscalls.fspickSync(lower, '', 0), { code: 'ENOENT' });
  closeSync(lower);
  closeSync(fs);
});

/** open_tree_attr(2) is Linux 6.15; before that the two calls it stands for. */
function openChanged(path: string, flags: number, attr: MountAttr): number {
  try {
    return syscalls.openTreeAttrSync(syscalls.AT_FDCWD, path, flags, attr);
  } catch (error) {
    if ((error as OverlayError).code !== 'ENOSYS') {
      throw error;
    }
    const tree = syscalls.openTreeSync(syscalls.AT_FDCWD, path, flags);
    syscalls.mountSetattrSync(tree, '', syscalls.AT_EMPTY_PATH, attr);
    return tree;
  }
}

test.serial('trees: opened, cloned, changed in the same call', async (t) => {
  using place = new Place('source', 'target', 'other');
  place.tmpfs('source');
  const plain = syscalls.openTreeSync(syscalls.AT_FDCWD, place.at('source'));
  const clone = await syscalls.openTree(
    plain,
    '',
    syscalls.OPEN_TREE_CLONE | syscalls.AT_EMPTY_PATH,
  );
  t.true(closesOnExec(clone));
  t.is(fstatSync(plain).ino, fstatSync(clone).ino);
  const flags = syscalls.OPEN_TREE_CLONE | syscalls.AT_RECURSIVE;
  const attr = { attrSet: syscalls.MOUNT_ATTR_RDONLY, propagation: syscalls.MS_PRIVATE };
  const changed = openChanged(place.at('source'), flags, attr);
  for (const [fd, name] of [
    [clone, 'target'],
    [changed, 'other'],
  ] as const) {
    const from = syscalls.MOVE_MOUNT_F_EMPTY_PATH;
    syscalls.moveMountSync(fd, '', syscalls.AT_FDCWD, place.at(name), from);
    place.mounted(place.at(name));
    closeSync(fd);
  }
  closeSync(plain);
  t.is(attributesOf(place.at('target')), 'relatime,rw');
  t.is(attributesOf(place.at('other')), 'relatime,ro');
  syscalls.mountSetattrSync(syscalls.AT_FDCWD, place.at('target'), 0, {
    propagation: syscalls.MS_UNBINDABLE,
  });
  t.is(mountOn(place.at('target'))?.propagation, 'unbindable');
  const beneath = syscalls.MOVE_MOUNT_BENEATH;
  const more = syscalls.openTreeSync(
    syscalls.AT_FDCWD,
    place.at('source'),
    syscalls.OPEN_TREE_CLONE,
  );
  const onto = place.at('target');
  syscalls.moveMountSync(
    ...([more, '', syscalls.AT_FDCWD, onto, beneath | syscalls.MOVE_MOUNT_F_EMPTY_PATH] as const),
  );
  closeSync(more);
  t.is(mountsBelow(onto).length, 2);
  syscalls.umountSync(onto);
  t.not(mountOn(onto)?.propagation, 'unbindable');
});

test('the constants are those of the headers', (t) => {
  const { MOUNT_ATTR_IDMAP, MOVE_MOUNT_BENEATH, AT_RECURSIVE, OPEN_TREE_CLOEXEC } = syscalls;
  t.deepEqual(
    [MOUNT_ATTR_IDMAP, MOVE_MOUNT_BENEATH, AT_RECURSIVE, OPEN_TREE_CLOEXEC],
    [0x100000, 0x200, 0x8000, 0o2000000],
  );
});
