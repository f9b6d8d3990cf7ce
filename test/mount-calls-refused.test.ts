// Bind mounts and their like where they are refused, by both interfaces of the kernel: the failure is
// explained, and nothing is left.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import test from 'ava';
import {
  bindMount,
  mountTmpfs,
  mountTmpfsSync,
  moveMount,
  remount,
  setPropagation,
  syscalls,
} from 'overlayfs';
import { interfaces, refused } from './helpers/mount-calls.ts';
import { mountsBelow } from './helpers/mountinfo.ts';
import { asRoot, Place } from './helpers/place.ts';

// Root in the initial user namespace has nothing locked.
const userTest = asRoot ? () => undefined : test.serial;

for (const how of interfaces) {
  const by = `by ${how === 'fsopen' ? 'fsopen(2)' : 'mount(2)'}`;

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
