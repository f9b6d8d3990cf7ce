// The table of mounts, read by statmount(2) and from mountinfo; the core's tests compare the two on what
// programs rarely do, these through the public names.
import { spawn } from 'node:child_process';
import { mkdirSync, rmdirSync, symlinkSync } from 'node:fs';
import test from 'ava';
import type { Mount } from 'overlayfs';
import {
  findMount,
  findMountSync,
  listMounts,
  listMountsSync,
  listOverlays,
  mountOverlay,
  OverlayError,
  syscalls,
} from 'overlayfs';
import { native, unwrap } from '../lib/native.ts';
import type { TableSource } from '../lib/native-mount-table.ts';
import { tableSources } from '../lib/native-mount-table.ts';
import { decodeMount, splitMounts } from '../lib/packed-mounts.ts';
import { Place } from './helpers/place.ts';

const { statmount, mountinfo } = tableSources;
const read = (source: TableSource): Mount[] =>
  splitMounts(unwrap(native().listMounts(source, true))).map(decodeMount);
const haveStatmount = 'value' in native().listMounts(statmount, true);

function at(table: readonly Mount[], target: string): Mount {
  const found = table.findLast((mount) => mount.target === target);
  if (found === undefined) {
    throw new Error(`no mount on ${target}`);
  }
  return found;
}

test.serial('listMounts has every field', async (t) => {
  using place = new Place('bound/inside', 'bind');
  const tmpfs = place.tmpfs('tmpfs');
  syscalls.mountSync('none', tmpfs, null, syscalls.MS_REMOUNT | syscalls.MS_BIND | 1 | 2);
  place.bind(place.at('bound'), place.at('bind'));
  const table = await listMounts();
  // Tests in other processes mount at the same time.
  const ours = (list: Mount[]): Mount[] =>
    list.filter(({ target }) => target.startsWith(`${place.base}/`));
  t.is(ours(table).length, 2);
  t.deepEqual(ours(table), ours(listMountsSync()));

  const mount = at(table, tmpfs);
  t.like(mount, {
    source: 'tmpfs',
    filesystemType: 'tmpfs',
    root: '/',
    deleted: false,
    mountOptions: ['ro', 'nosuid', 'relatime'],
    readOnly: true,
    device: { major: 0 },
    propagation: { peerGroup: undefined, master: undefined, unbindable: false },
  });
  t.is(mount.superOptions[0], 'rw');
  t.deepEqual(mount.superOptionsBytes.map(String), mount.superOptions);
  t.is(mount.uniqueId === undefined, !haveStatmount);
  // The place may be on a mount that is no root of its filesystem.
  const below = findMountSync(place.base);
  t.deepEqual([mount.parentId], [below?.mountId]);
  const bind = at(table, place.at('bind'));
  t.true(bind.root.endsWith('/bound'), bind.root);
  t.is(bind.readOnly, false);
});

test.serial('a bind mount of a removed directory says so', async (t) => {
  using place = new Place('bound', 'bind');
  place.bind(place.at('bound'), place.at('bind'));
  t.is(at(await listMounts(), place.at('bind')).deleted, false);
  rmdirSync(place.at('bound'));
  const bind = at(await listMounts(), place.at('bind'));
  t.true(bind.deleted);
  t.true(bind.root.endsWith('/bound'), bind.root);
});

const oddNames = [
  'a b',
  'new\nline',
  'tab\t',
  'back\\slash',
  'octal\\040',
  'com,ma',
  'co:lon',
  'ha#sh',
  'é',
].map((name) => Buffer.from(name));
oddNames.push(Buffer.from([0x78, 0xff, 0xfe]));

test.serial('names are bytes, the same from either source', (t) => {
  using place = new Place();
  const inside = `${place.tmpfs('odd')}/`; // they go with it
  for (const name of oddNames) {
    const target = Buffer.concat([Buffer.from(inside), name]);
    mkdirSync(target);
    syscalls.mountSync(name, target, 'tmpfs');
  }
  for (const source of haveStatmount ? [statmount, mountinfo] : [mountinfo]) {
    const table = read(source).filter(({ target }) => target.startsWith(inside));
    t.deepEqual(
      table.map(({ targetBytes }) => targetBytes.subarray(inside.length)),
      oddNames,
    );
    t.deepEqual(
      table.map(({ sourceBytes }) => sourceBytes),
      oddNames,
    );
  }
});

test.serial('statmount(2) and mountinfo give the same table', (t) => {
  if (!haveStatmount) {
    t.log('skipped: this kernel has no complete statmount(2)');
    t.pass();
    return;
  }
  using place = new Place('bound', 'bind');
  place.tmpfs('tmpfs');
  place.bind(place.at('bound'), place.at('bind'));
  const ours = (source: TableSource): unknown[] =>
    read(source)
      .filter(({ target }) => target.startsWith(place.base) || target === '/')
      .map(({ uniqueId: _, ...mount }) => mount);
  t.is(ours(statmount).length, 3);
  t.deepEqual(ours(statmount), ours(mountinfo));
});

test.serial('listOverlays says what listMounts says, and the layers', async (t) => {
  using place = new Place('lower', 'target');
  await using overlay = await mountOverlay({
    lower: place.at('lower'),
    upper: place.at('upper'),
    target: place.at('target'),
  });
  const found = (await listOverlays()).find(({ target }) => target === overlay.path);
  const mount = at(await listMounts(), overlay.path);
  t.like(found, { ...mount, lower: [place.at('lower')], upper: place.at('upper') });
  t.deepEqual(found?.deletedLayers, []);
  t.is(found?.readOnly, false);
  if (mount.uniqueId !== undefined) {
    t.is(mount.uniqueId, overlay.mountId);
  }
});

test.serial('findMount asks the kernel and compares no names', async (t) => {
  using place = new Place('foobar', 'foo');
  place.tmpfs('foo');
  const top = place.tmpfs('foo'); // a second one on top
  mkdirSync(place.at('foo/inside'));
  symlinkSync(place.at('foo/inside'), place.at('link'));
  const topmost = at(await listMounts(), top);
  const below = findMountSync(place.base);
  for (const path of ['foo', 'foo/inside', 'link', 'foo/inside/..']) {
    t.deepEqual(await findMount(place.at(path)), topmost, path);
    t.deepEqual(findMountSync(Buffer.from(place.at(path))), topmost, path);
  }
  t.is(topmost.target, place.at('foo'));
  t.deepEqual(await findMount(place.at('foobar')), below);
  t.not(below?.mountId, topmost.mountId);
  const found = native().findMount(Buffer.from(top), mountinfo, true);
  t.is(decodeMount(unwrap(found) as Buffer).mountId, topmost.mountId);
});

test.serial('findMount of a relative path, and of none', async (t) => {
  t.deepEqual(await findMount('.'), findMountSync(process.cwd()));
  const error = await t.throwsAsync(findMount('/nonexistent/x'), { instanceOf: OverlayError });
  t.like(error, { code: 'ENOENT', syscall: 'open', path: '/nonexistent/x' });
});

test.serial('a mount of another namespace is in no table', async (t) => {
  using place = new Place('target');
  const target = place.at('target');
  // Its mount namespace is reached through /proc while it waits.
  const script = `mount -t tmpfs elsewhere '${target}' && echo mounted && read line`;
  const child = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const inside = `/proc/${child.pid}/root${target}`;
  t.is(await findMount(inside), undefined);
  t.false((await listMounts()).some(({ source }) => source === 'elsewhere'));
  child.stdin.end();
  await new Promise((resolve) => child.once('close', resolve));
});

test.serial('syscalls.statmount and listmount', async (t) => {
  const found = findMountSync('/');
  if (found?.uniqueId === undefined) {
    t.log('skipped: this kernel has no complete statmount(2)');
    t.pass();
    return;
  }
  const { statmount: stat, listmount, statmountSync, listmountSync } = syscalls;
  const mask =
    syscalls.STATMOUNT_SB_BASIC | syscalls.STATMOUNT_MNT_BASIC | syscalls.STATMOUNT_MNT_POINT;
  const answer = await stat(found.uniqueId, mask);
  t.deepEqual(answer, statmountSync(found.uniqueId, mask));
  t.is(answer.mask & mask, mask);
  t.like(answer, {
    mntId: found.uniqueId,
    mntIdOld: found.mountId,
    sbDevMajor: found.device.major,
    sbDevMinor: found.device.minor,
  });
  t.deepEqual(answer.mntPoint, Buffer.from('/'));
  t.false('fsType' in answer);
  const all = statmountSync(found.uniqueId, 0x7fff);
  t.is(String(all.fsType), found.filesystemType);
  t.is(typeof all.supportedMask, 'bigint');
  t.is(typeof all.mntNsId, 'bigint');
  t.deepEqual(all.optArray, found.superOptionsBytes.slice(1));
  // The own namespace by its id.
  t.deepEqual(statmountSync(found.uniqueId, 0x7fff, all.mntNsId), all);

  const ids = await listmount(syscalls.LSMT_ROOT);
  t.true(ids.includes(found.uniqueId));
  t.true(ids.every((id, i) => i === 0 || id > (ids[i - 1] ?? id)));
  const [first = 0n, second = 0n] = ids;
  t.deepEqual(listmountSync(syscalls.LSMT_ROOT, 0n, 1), [first]);
  t.deepEqual(listmountSync(syscalls.LSMT_ROOT, first, 1), [second]);
  const { LSMT_ROOT, LISTMOUNT_REVERSE } = syscalls;
  t.deepEqual(listmountSync(LSMT_ROOT, second, 4096, LISTMOUNT_REVERSE), [first]);
  t.throws(() => statmountSync(2n ** 50n, mask), { code: 'ENOENT', message: /statmount$/ });
  t.throws(() => listmountSync(2n ** 50n), { code: 'ENOENT', message: /listmount$/ });
  for (const call of [() => statmountSync(1n, mask), () => listmountSync(1n)]) {
    t.throws(call, { code: 'EINVAL', message: /is a number of the mount table/ });
  }
});
