// Bind mounts, tmpfs, moving, remounting and propagation, by both interfaces of the kernel: what was
// asked for is there afterwards, nothing else is changed, and after a failure nothing is left.
import { spawn, spawnSync } from 'node:child_process';
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
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { MountAttributes, OverlayError, Propagation } from 'overlayfs';
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
  setPropagationSync,
  syscalls,
} from 'overlayfs';
import { attributesOf, mountOn, mountsBelow } from './helpers/mountinfo.ts';
import { asRoot, Place } from './helpers/place.ts';

const interfaces = ['fsopen', 'mount'] as const;
const descriptors = (): string[] => readdirSync('/proc/self/fd');

/** Everything that is mounted below, and every descriptor that is open, is the same afterwards. */
async function refused(
  t: ExecutionContext,
  place: Place,
  call: () => unknown,
  code: string,
  hint: RegExp,
): Promise<void> {
  const before = [mountsBelow(place.base), descriptors()];
  const error = await t.throwsAsync<OverlayError>(async () => call(), { name: 'OverlayError' });
  t.is(error?.code, code, error?.message);
  t.regex(error?.hint ?? `no hint: ${error?.message}`, hint);
  t.deepEqual([mountsBelow(place.base), descriptors()], before);
}

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

// Root in the initial user namespace has nothing locked.
const userTest = asRoot ? () => undefined : test.serial;

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

  test.serial(`propagation is what the second namespace sees, ${by}`, async (t) => {
    using place = new Place('here');
    const here = place.at('here');
    mountTmpfsSync(here);
    place.mounted(here);
    for (const name of ['mine', 'theirs']) {
      mkdirSync(`${here}/${name}`);
    }
    // A second namespace is a copy of ours: what it mounts comes here, what we mount goes there, or not.
    const seen = async (propagation: Propagation): Promise<boolean[]> => {
      setPropagationSync(here, 'shared', { interface: how });
      const script = [
        `mount --make-${propagation === 'slave' ? 'slave' : 'shared'} "$0"`,
        'mount -t tmpfs theirs "$0/theirs"',
        'echo; read line; grep -c "$0/mine" /proc/self/mountinfo; umount "$0/theirs"',
      ].join('; ');
      if (propagation !== 'slave') {
        await setPropagation(here, propagation, { interface: how });
      }
      const child = spawn('unshare', [
        ...['--mount', '--propagation', 'unchanged', '--', 'sh', '-c', script, here],
      ]);
      const lines: string[] = [];
      const closed = new Promise((resolve) => child.once('close', resolve));
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk: Buffer) => {
          lines.push(...chunk.toString().trim().split('\n'));
          resolve();
        });
        child.once('close', () => resolve());
      });
      const comes = mountsBelow(`${here}/theirs`).length > 0;
      mountTmpfsSync(`${here}/mine`);
      child.stdin.end('go\n');
      await closed;
      syscalls.umountSync(`${here}/mine`);
      return [comes, Number(lines.at(-1)) > 0];
    };
    t.deepEqual(await seen('shared'), [true, true]);
    t.is(mountOn(here)?.propagation.split(':')[0], 'shared');
    t.deepEqual(await seen('private'), [false, false]);
    t.is(mountOn(here)?.propagation, '');
    t.deepEqual(await seen('slave'), [false, true]);
    await setPropagation(here, 'unbindable', { interface: how });
    t.is(mountOn(here)?.propagation, 'unbindable');
    setPropagationSync(here, 'private', { interface: how });
    t.is(mountOn(here)?.propagation, '');
  });

  test.serial(`a slave receives and does not send, ${by}`, async (t) => {
    using place = new Place('master', 'slave');
    const [master, slave] = [place.at('master'), place.at('slave')];
    mountTmpfsSync(master, { propagation: 'shared', interface: how });
    place.mounted(master);
    for (const name of ['a', 'b']) {
      mkdirSync(`${master}/${name}`);
    }
    await bindMount(master, slave, { propagation: 'slave', interface: how });
    place.mounted(slave);
    t.regex(mountOn(slave)?.propagation ?? '', /^master:\d+$/);
    mountTmpfsSync(`${master}/a`);
    mountTmpfsSync(`${slave}/b`);
    const below = mountsBelow(place.base).map(({ target }) => target.slice(place.base.length + 1));
    t.deepEqual(below.sort(), ['master', 'master/a', 'slave', 'slave/a', 'slave/b']);
    for (const name of ['master/a', 'slave/b']) {
      syscalls.umountSync(place.at(name));
    }
  });

  test.serial(`propagation is set recursively when asked for, ${by}`, async (t) => {
    using place = new Place('here');
    mountTmpfsSync(place.at('here'));
    place.mounted(place.at('here'));
    mkdirSync(place.at('here/below'));
    mountTmpfsSync(place.at('here/below'));
    place.mounted(place.at('here/below'));
    const kinds = (): string[] =>
      mountsBelow(place.at('here')).map(({ propagation }) => propagation.split(':')[0] ?? '');
    await setPropagation(place.at('here'), 'shared', { interface: how });
    t.deepEqual(kinds(), ['shared', '']);
    await setPropagation(place.at('here'), 'shared', { recursive: true, interface: how });
    t.deepEqual(kinds(), ['shared', 'shared']);
  });

  test.serial(`below a shared mount a private one is private, ${by}`, (t) => {
    using place = new Place('shared', 'source');
    mountTmpfsSync(place.at('shared'), { propagation: 'shared' });
    place.mounted(place.at('shared'));
    for (const name of ['a', 'b', 'c']) {
      mkdirSync(place.at(`shared/${name}`));
    }
    bindMountSync(place.at('source'), place.at('shared/a'), { interface: how });
    bindMountSync(place.at('source'), place.at('shared/b'), {
      propagation: 'private',
      interface: how,
    });
    mountTmpfsSync(place.at('shared/c'), { propagation: 'unbindable', interface: how });
    t.regex(mountOn(place.at('shared/a'))?.propagation ?? '', /^shared:/);
    t.is(mountOn(place.at('shared/b'))?.propagation, '');
    t.is(mountOn(place.at('shared/c'))?.propagation, 'unbindable');
    for (const name of ['a', 'b', 'c']) {
      syscalls.umountSync(place.at(`shared/${name}`));
    }
  });

  test.serial(`mistakes are explained and leave nothing, ${by}`, async (t) => {
    using place = new Place('dir', 'other', 'tmp');
    const { base } = place;
    writeFileSync(place.at('file'), '');
    mountTmpfsSync(place.at('tmp'), { propagation: 'shared' });
    place.mounted(place.at('tmp'));
    for (const name of ['in', 'sub']) {
      mkdirSync(place.at(`tmp/${name}`));
    }
    mountTmpfsSync(place.at('tmp/sub'));
    place.mounted(place.at('tmp/sub'));
    const [dir, other, file, tmp] = ['dir', 'other', 'file', 'tmp'].map((n) => place.at(n)) as [
      string,
      string,
      string,
      string,
    ];
    const options = { interface: how };
    const bind = (from: string, to: string) => () => bindMount(from, to, options);
    const move = (from: string, to: string) => () => moveMount(from, to, options);

    await refused(t, place, bind(`${base}/no`, dir), 'ENOENT', /source does not exist/);
    await refused(t, place, bind(dir, `${base}/no`), 'ENOENT', /create the directory first/);
    await refused(t, place, bind(file, `${base}/no`), 'ENOENT', /create an empty one first/);
    await refused(t, place, bind(dir, file), 'ENOTDIR', /goes on a directory only/);
    await refused(t, place, bind(file, dir), 'ENOTDIR', /goes on a file only/);
    await refused(t, place, () => mountTmpfs(file, options), 'ENOTDIR', /has to be a directory/);
    await refused(t, place, () => mountTmpfs(`${base}/no`, options), 'ENOENT', /does not exist/);

    await refused(t, place, move(dir, other), 'EINVAL', /no mount point; bind it/);
    await refused(t, place, move(`${base}/no`, other), 'ENOENT', /source does not exist/);
    await refused(t, place, move(tmp, `${base}/no`), 'ENOENT', /create the directory first/);
    await refused(t, place, move(tmp, `${tmp}/in`), 'ELOOP', /lies on the source itself/);
    await refused(t, place, move('/', dir), asRoot ? 'ELOOP' : 'EINVAL', /pivot_root/);
    await refused(t, place, move(tmp, file), 'EINVAL', /goes on a directory only/);
    await refused(t, place, move(`${tmp}/sub`, dir), 'EINVAL', /on a shared mount.*private first/);

    for (const call of [
      () => remount(dir, { readOnly: true, ...options }),
      () => setPropagation(dir, 'private', options),
    ]) {
      await refused(t, place, call, 'EINVAL', /nothing is mounted there/);
    }
    const fd = openSync(`${tmp}/file`, 'w');
    const readOnly = () => remount(tmp, { readOnly: true, ...options });
    await refused(t, place, readOnly, 'EBUSY', /open for writing/);
    closeSync(fd);

    mountTmpfsSync(dir, { propagation: 'unbindable' });
    place.mounted(dir);
    await refused(t, place, bind(dir, other), 'EINVAL', /unbindable mount; make that private/);
    await refused(t, place, move(dir, `${tmp}/in`), 'EINVAL', /unbindable mount cannot be moved/);

    const gone = openSync(`${tmp}/sub`, 'r');
    syscalls.umountSync(`${tmp}/sub`, syscalls.MNT_DETACH);
    place.released(`${tmp}/sub`);
    const name = `/proc/self/fd/${gone}`;
    await refused(t, place, bind(name, other), 'EINVAL', /another mount namespace, or .*unmounted/);
    closeSync(gone);
  });

  userTest(`what a user namespace inherits is locked, ${by}`, async (t) => {
    using place = new Place('target');
    // These came with the namespace.
    const inherited = mountsBelow('/').find(
      ({ target }) => target === '/proc' || target === '/dev',
    );
    const { target = '' } = inherited ?? {};
    await refused(
      t,
      place,
      () => moveMount(target, place.at('target'), { interface: how }),
      'EINVAL',
      /inherited stays where it is/,
    );
    await refused(
      t,
      place,
      () => bindMount('/', place.at('target'), { interface: how }),
      'EINVAL',
      /recursive: true/,
    );
    await refused(
      t,
      place,
      () => mountTmpfs(place.at('target'), { uid: 4_000_000_000, interface: how }),
      'EINVAL',
      /no mapping in this user namespace/,
    );
  });

  userTest(`of locked attributes the others can still be changed, ${by}`, (t) => {
    using place = new Place('source', 'target', 'probe');
    mountTmpfsSync(place.at('source'), { nosuid: true, nodev: true, atime: 'noatime' });
    place.mounted(place.at('source'));
    // A namespace inside ours inherits that mount, with its attributes locked.
    const script = `
      import { bindMountSync, remountSync } from 'overlayfs';
      import { readFileSync } from 'node:fs';
      const [source, target] = process.argv.slice(1);
      const options = { interface: '${how}' };
      bindMountSync(source, target, { ...options, readOnly: true });
      const line = readFileSync('/proc/self/mountinfo', 'utf8').split('\\n').find((l) => l.includes(target));
      console.log(line.split(' ')[5]);
      for (const attributes of [{ nodev: false }, { atime: 'relatime' }]) {
        try {
          remountSync(target, { ...options, ...attributes });
        } catch (error) {
          console.log(error.code, error.hint);
        }
      }
      remountSync(target, { ...options, noexec: true });
    `;
    const { stdout, stderr } = spawnSync(
      'unshare',
      [
        ...['--user', '--map-root-user', '--mount', '--'],
        ...[process.execPath, '--input-type=module', '-e', script],
        ...[place.at('source'), place.at('target')],
      ],
      { encoding: 'utf8' },
    );
    t.is(stderr, '');
    const [attributes, ...errors] = stdout.trimEnd().split('\n');
    t.is(attributes, 'ro,nosuid,nodev,noatime');
    t.is(errors.length, 2, stdout);
    for (const error of errors) {
      t.regex(error, /^EPERM a user namespace cannot take away restrictions/);
    }
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
