// Bind mounts, tmpfs, moving and remounting, by both interfaces of the kernel: what was asked for is there
// afterwards, and nothing else is changed.
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import test from 'ava';
import type { MountAttributes } from 'overlayfs';
import {
  bindMount,
  bindMountSync,
  mountTmpfs,
  mountTmpfsSync,
  moveMount,
  moveMountSync,
  remount,
  remountSync,
  setPropagation,
  syscalls,
} from 'overlayfs';
import { descriptors, interfaces, refused } from './helpers/mount-calls.ts';
import { attributesOf, mountOn, mountsBelow } from './helpers/mountinfo.ts';
import { Place } from './helpers/place.ts';

const all: Required<MountAttributes> = {
  readOnly: true,
  nosuid: true,
  nodev: true,
  noexec: true,
  nosymfollow: true,
  atime: 'noatime',
  nodiratime: true,
};

const allWords = 'noatime,nodev,nodiratime,noexec,nosuid,nosymfollow,ro';

const words: Readonly<Record<Exclude<keyof MountAttributes, 'atime'>, string>> = {
  readOnly: 'ro',
  nosuid: 'nosuid',
  nodev: 'nodev',
  noexec: 'noexec',
  nosymfollow: 'nosymfollow',
  nodiratime: 'nodiratime',
};

for (const how of interfaces) {
  const by = `by ${how === 'fsopen' ? 'fsopen(2)' : 'mount(2)'}`;

  // One after the other: they count descriptors.
  test.serial(`a tmpfs has what it was given, ${by}`, async (t) => {
    using place = new Place('here');
    const here = place.at('here');
    const made = await mountTmpfs(here, {
      ...all,
      size: 1 << 20,
      inodes: 100,
      mode: 0o751,
      uid: 0,
      gid: 0,
      interface: how,
    });
    place.mounted(here);
    t.is(made.path, here);
    t.deepEqual(made.pathBytes, Buffer.from(here));
    t.true(made.mountId > 0n);
    const found = mountOn(here);
    t.is(found?.attributes.join(','), allWords);
    t.deepEqual([found?.type, found?.source], ['tmpfs', 'tmpfs']);
    t.is(statSync(here).mode & 0o7777, 0o751);
    const { blocks, bsize, files } = statfsSync(here);
    t.deepEqual([blocks * bsize, files], [1 << 20, 100]);
    // Read-only is the mount and not the filesystem.
    await remount(here, { readOnly: false, interface: how });
    writeFileSync(`${here}/file`, '');
  });

  test.serial(`a tmpfs by default is the kernel's, ${by}`, (t) => {
    using place = new Place('here');
    mountTmpfsSync(place.at('here'), { interface: how });
    place.mounted(place.at('here'));
    t.is(attributesOf(place.at('here')), 'relatime,rw');
    t.is(statSync(place.at('here')).mode & 0o7777, 0o1777);
  });

  test.serial(
    `a bind mount has what is named and keeps the rest of its source, ${by}`,
    async (t) => {
      using place = new Place('source', 'target');
      const [source, target] = [place.at('source'), place.at('target')];
      mountTmpfsSync(source, { nosuid: true, nodev: true, atime: 'noatime' });
      place.mounted(source);
      writeFileSync(`${source}/file`, 'content');
      const made = await bindMount(source, target, {
        readOnly: true,
        nosymfollow: true,
        nodev: false,
        interface: how,
      });
      t.is(made.path, target);
      t.is(attributesOf(target), 'noatime,nosuid,nosymfollow,ro');
      t.is(attributesOf(source), 'noatime,nodev,nosuid,rw');
      t.deepEqual(readdirSync(target), ['file']);
      t.throws(() => writeFileSync(`${target}/other`, ''), { code: 'EROFS' });
      syscalls.umountSync(target);
      bindMountSync(source, target, { interface: how });
      t.is(attributesOf(target), attributesOf(source));
      syscalls.umountSync(target);
    },
  );

  test.serial(`a file is bound on a file, and links are resolved, ${by}`, (t) => {
    using place = new Place('real', 'b \n\\');
    const file = `${place.at('b \n\\')}/file`;
    writeFileSync(place.at('from'), 'bound');
    writeFileSync(file, '');
    symlinkSync(place.at('b \n\\'), place.at('link'));
    const made = bindMountSync(place.at('from'), `${place.at('link')}/file`, {
      noexec: true,
      interface: how,
    });
    t.is(made.path, file);
    t.is(statSync(file).size, 5);
    syscalls.umountSync(file);
    t.is(statSync(file).size, 0);
  });

  test.serial(`a recursive bind mount gives its attributes to all of it, ${by}`, async (t) => {
    using place = new Place('source/a', 'source/b', 'target');
    for (const name of ['a', 'b']) {
      mountTmpfsSync(place.at(`source/${name}`), name === 'a' ? { nodev: true } : {});
      place.mounted(place.at(`source/${name}`));
    }
    mkdirSync(place.at('source/a/deep'));
    mountTmpfsSync(place.at('source/a/deep'));
    place.mounted(place.at('source/a/deep'));
    const options = { recursive: true, readOnly: true, propagation: 'unbindable' } as const;
    await bindMount(place.at('source'), place.at('target'), { ...options, interface: how });
    const found = mountsBelow(place.at('target'));
    t.deepEqual(
      found.map(({ target, propagation }) => [target, propagation]),
      ['target', 'target/a', 'target/a/deep', 'target/b'].map((name) => [
        place.at(name),
        'unbindable',
      ]),
    );
    t.true(found.every(({ attributes }) => attributes.includes('ro')));
    t.is(attributesOf(place.at('target/a')), 'nodev,relatime,ro');
    t.true(mountsBelow(place.at('source')).every(({ attributes }) => attributes.includes('rw')));
    syscalls.umountSync(place.at('target'), syscalls.MNT_DETACH);
    await bindMount(place.at('source'), place.at('target'), { recursive: false, interface: how });
    t.is(mountsBelow(place.at('target')).length, 1);
    syscalls.umountSync(place.at('target'));
  });

  test.serial(`a remount changes what is named and nothing else, ${by}`, async (t) => {
    using place = new Place('here');
    const here = place.at('here');
    mountTmpfsSync(here, all);
    place.mounted(here);
    for (const [name, word] of Object.entries(words)) {
      await remount(here, { [name]: false, interface: how });
      const without = allWords.split(',').filter((each) => each !== word);
      t.is(attributesOf(here), [...without, ...(word === 'ro' ? ['rw'] : [])].sort().join(','));
      remountSync(here, { [name]: true, interface: how });
      t.is(attributesOf(here), allWords, name);
    }
    const atimes = { relatime: 'relatime', strictatime: '', noatime: 'noatime' } as const;
    for (const [atime, word] of Object.entries(atimes)) {
      await remount(here, { atime: atime as keyof typeof atimes, interface: how });
      const wanted = [...allWords.split(',').slice(1), word].filter((each) => each !== '');
      t.is(attributesOf(here), wanted.sort().join(','), atime);
    }
    await remount(here, { readOnly: false, nodev: false, nosymfollow: true, interface: how });
    t.is(attributesOf(here), 'noatime,nodiratime,noexec,nosuid,nosymfollow,rw');
  });

  test.serial(`a mount is moved with what lies below it, ${by}`, async (t) => {
    using place = new Place('from', 'to', 'other');
    mountTmpfsSync(place.at('from'));
    mkdirSync(place.at('from/below'));
    mountTmpfsSync(place.at('from/below'));
    const { id } = mountOn(place.at('from')) ?? {};
    const fd = openSync(place.at('from/file'), 'w');
    await moveMount(place.at('from'), place.at('to'), { interface: how });
    t.deepEqual(
      mountsBelow(place.base).map(({ target }) => target),
      [place.at('to'), place.at('to/below')],
    );
    t.is(mountOn(place.at('to'))?.id, id);
    closeSync(fd);
    moveMountSync(place.at('to'), place.at('other'), { interface: how });
    t.deepEqual(readdirSync(place.at('other')).sort(), ['below', 'file']);
    syscalls.umountSync(place.at('other'), syscalls.MNT_DETACH);
  });
}

test.serial('by default the newer calls are used, and the place is the same', (t) => {
  using place = new Place('here', 'target');
  t.is(mountTmpfsSync(place.at('here')).path, place.at('here'));
  place.mounted(place.at('here'));
  bindMountSync(place.at('here'), place.at('target'), all);
  t.is(attributesOf(place.at('target')), allWords);
  syscalls.umountSync(place.at('target'));
});

test.serial('a mount beneath another one shows when that is unmounted', async (t) => {
  using place = new Place('old', 'new', 'target');
  for (const name of ['old', 'new']) {
    mountTmpfsSync(place.at(name), { propagation: 'private' });
    place.mounted(place.at(name));
    writeFileSync(place.at(`${name}/version`), name);
  }
  const target = place.at('target');
  bindMountSync(place.at('old'), target);
  const version = (): number => statSync(`${target}/version`).dev;
  const [before, after] = [version(), statSync(place.at('new/version')).dev];
  await moveMount(place.at('new'), target, { beneath: true });
  place.released(place.at('new'));
  t.is(version(), before);
  syscalls.umountSync(target, syscalls.MNT_DETACH);
  t.is(version(), after);
  place.mounted(target);

  const more = place.at('old');
  const beneath = (to: string) => () => moveMount(more, to, { beneath: true });
  await refused(t, place, beneath(place.at('new')), 'EINVAL', /without `beneath`/);
  await refused(t, place, beneath('/'), 'EINVAL', /beneath the root of a mount namespace/);
  const old = () => moveMount(more, target, { beneath: true, interface: 'mount' });
  await refused(t, place, old, 'ENOSYS', /Linux 6\.5/);
});

test.serial('nothing stays open, in the blocking and in the promise form', async (t) => {
  using place = new Place('a', 'b');
  const before = descriptors();
  for (const how of interfaces) {
    mountTmpfsSync(place.at('a'), { interface: how });
    await bindMount(place.at('a'), place.at('b'), { readOnly: true, interface: how });
    remountSync(place.at('b'), { nodev: true, interface: how });
    await setPropagation(place.at('b'), 'private', { interface: how });
    syscalls.umountSync(place.at('b'));
    await moveMount(place.at('a'), place.at('b'), { interface: how });
    syscalls.umountSync(place.at('b')); // busy if a descriptor of the mount were open
  }
  t.deepEqual(descriptors(), before);
  t.deepEqual(mountsBelow(place.base), []);
});
