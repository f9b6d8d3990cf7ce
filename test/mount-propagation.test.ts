// Propagation, by both interfaces of the kernel: what other namespaces and copies of a mount see of it.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import test from 'ava';
import type { Propagation } from 'overlayfs';
import {
  bindMount,
  bindMountSync,
  mountTmpfsSync,
  setPropagation,
  setPropagationSync,
  syscalls,
} from 'overlayfs';
import { interfaces } from './helpers/mount-calls.ts';
import { mountOn, mountsBelow } from './helpers/mountinfo.ts';
import { Place } from './helpers/place.ts';

for (const how of interfaces) {
  const by = `by ${how === 'fsopen' ? 'fsopen(2)' : 'mount(2)'}`;

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
}
