/** What is damaged, of another version, or no session at all. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { SessionRest } from 'overlayfs';
import { discardSession, findSession, isSession, listSessions, pruneSessions } from 'overlayfs';
import { asRoot } from './place.ts';
import { SandboxPlace } from './sandbox-place.ts';
import { edit, kept, record, tree } from './session-kit.ts';

/** What an attacker, an accident or another version can have made of a session. */
const damages: Readonly<Record<string, (path: string) => void>> = {
  'no record': (path) => rmSync(record(path)),
  'no JSON': (path) => writeFileSync(record(path), '{'),
  'half a record': (path) =>
    writeFileSync(record(path), readFileSync(record(path), 'utf8').slice(0, 100)),
  'an empty record': (path) => writeFileSync(record(path), ''),
  'an unknown state': (path) => edit(path, { state: 'maybe' }),
  'no overlays': (path) => edit(path, { overlays: [] }),
  'a target that is no path': (path) => edit(path, { overlays: [{ target: 'x', lower: ['/y'] }] }),
  'an older format': (path) => edit(path, { format: 0 }),
  'a record that is a link': (path) => {
    renameSync(record(path), join(path, '../../elsewhere'));
    symlinkSync('../../elsewhere', record(path));
  },
  'a record that is a FIFO': (path) => {
    rmSync(record(path));
    execFileSync('mkfifo', [record(path)]);
  },
  'no upper': (path) => renameSync(join(path, '0/upper'), join(path, '0/gone')),
  'no work': (path) => renameSync(join(path, '0/work'), join(path, '0/gone')),
  'an upper that is a link': (path) => {
    renameSync(join(path, '0/upper'), join(path, '0/gone'));
    symlinkSync('gone', join(path, '0/upper'));
  },
};

/** But for what only the kernel may read. */
const copyOf = (from: string, to: string): void => {
  spawnSync('cp', ['-a', from, to]);
};

/** What else may lie where sessions lie. */
const others: Readonly<Record<string, (path: string) => void>> = {
  'a directory with files': (path) => {
    mkdirSync(join(path, 'inner'), { recursive: true });
    writeFileSync(join(path, 'inner/picture'), '');
  },
  'an empty directory': (path) => mkdirSync(path),
  'a file': (path) => writeFileSync(path, ''),
  'a link to a session': (path) => {
    renameSync(join(path, '../one'), join(path, '../../there'));
    symlinkSync('../there', path);
  },
  'a directory with numbers': (path) => mkdirSync(join(path, '0/upper/2024'), { recursive: true }),
  'a directory with an upper and more': (path) => {
    for (const name of ['0/upper', '0/work', 'notes'])
      mkdirSync(join(path, name), { recursive: true });
  },
  'a place with more than an upper': (path) => {
    for (const name of ['0/upper', '0/work', '0/notes'])
      mkdirSync(join(path, name), { recursive: true });
  },
  'a copy of a session': (path) => copyOf(join(path, '../one'), path),
  'a copy of a session, and more': (path) => {
    copyOf(join(path, '../one'), path);
    writeFileSync(join(path, 'notes'), '');
  },
  'a record that is not ours': (path) => {
    mkdirSync(path);
    writeFileSync(record(path), '{"name":"photos","format":1}');
  },
};

export function damageCases(): void {
  for (const [what, damage] of Object.entries(damages)) {
    test.serial(`damaged: ${what}`, async (t) => {
      using place = new SandboxPlace();
      const path = await kept(place, 'one');
      damage(path);
      const before = readdirSync(path).sort();
      const options = { directory: place.state };
      const broken = { code: 'ERR_SESSION_BROKEN', message: /the session 'one' is damaged: / };
      await t.throwsAsync(place.sandbox({ session: 'one' }), broken);
      await t.throwsAsync(place.sandbox({ base: 'one' }), broken);
      await t.throwsAsync(discardSession('one', options), broken);
      await t.throwsAsync(findSession('one', options), broken);
      const [found] = await listSessions(options);
      t.like(found, { name: 'one', problem: 'damaged' });
      t.deepEqual(await pruneSessions(options), []);
      t.deepEqual(readdirSync(path).sort(), before);
      const [pruned] = await pruneSessions({ ...options, broken: true });
      t.is(pruned?.why, 'damaged');
      t.false(existsSync(path));
    });
  }

  for (const [what, plant] of Object.entries(others)) {
    test.serial(`no session: ${what}`, async (t) => {
      using place = new SandboxPlace();
      await kept(place, 'one');
      const names = ['photos', 'My Docs', '.new-photos', '.old-photos', 'a'.repeat(101)];
      for (const name of what.startsWith('a link') ? names.slice(0, 1) : names) {
        plant(join(place.state, name));
      }
      const before = tree(place.state);
      const options = { directory: place.state };
      const rest = (await listSessions(options)).filter(
        (each): each is SessionRest => !isSession(each),
      );
      t.deepEqual([...new Set(rest.map(({ problem }) => problem))], ['foreign']);
      t.false(rest.some(({ message }) => message.includes('prune')));
      const foreign = {
        code: 'ERR_SESSION_FOREIGN',
        message: /photos is something else, and left/,
      };
      await t.throwsAsync(place.sandbox({ session: 'photos' }), foreign);
      await t.throwsAsync(place.sandbox({ base: 'photos' }), foreign);
      await t.throwsAsync(discardSession('photos', options), foreign);
      await t.throwsAsync(findSession('photos', options), foreign);
      t.deepEqual(await pruneSessions({ ...options, broken: true }), []);
      t.deepEqual(tree(place.state), before);
    });
  }

  test.serial('damaged, with others stacked on it, it stays', async (t) => {
    using place = new SandboxPlace();
    const base = await kept(place, 'base');
    await (await place.sandbox({ session: 'top', base: 'base' })).close();
    writeFileSync(record(base), '{');
    const options = { directory: place.state };
    for (const dryRun of [true, false]) {
      t.deepEqual(await pruneSessions({ ...options, broken: true, dryRun }), []);
    }
    t.deepEqual(place.sessions(), ['base', 'top']);
  });

  test.serial('what others are stacked on stays, whatever state they are in', async (t) => {
    using place = new SandboxPlace();
    await kept(place, 'base');
    await (await place.sandbox({ session: 'top', base: 'base' })).close();
    const top = join(place.state, 'top');
    const options = { directory: place.state };
    const based = { code: 'EBUSY', message: /top is stacked on it/ };
    edit(top, { format: 2 });
    await t.throwsAsync(discardSession('base', options), based);
    edit(top, { format: 1 });
    renameSync(join(top, '0/work'), join(top, '0/gone'));
    await t.throwsAsync(discardSession('base', options), based);
    t.deepEqual(await pruneSessions({ ...options, unusedFor: 0 }), []);
    t.deepEqual(place.sessions(), ['base', 'top']);
  });

  test.serial('what may not be looked at is not damaged', async (t) => {
    using place = new SandboxPlace();
    const path = await kept(place, 'one');
    chmodSync(join(path, '0'), 0);
    const options = { directory: place.state };
    const [found] = await listSessions(options);
    const looks = process.geteuid?.() === 0;
    t.is((found as Partial<SessionRest>).problem, looks ? undefined : 'unreadable');
    t.deepEqual(await pruneSessions({ ...options, broken: true }), []);
    chmodSync(join(path, '0'), 0o700);
    await discardSession('one', options);
  });

  test.serial('what only has the name of a draft is left alone', async (t) => {
    using place = new SandboxPlace();
    const path = await kept(place, 'one');
    mkdirSync(place.at('elsewhere/0/upper'), { recursive: true });
    symlinkSync(place.at('elsewhere'), join(place.state, '.old-aaaaaaaaaaaa'));
    mkdirSync(join(place.state, '.new-bbbbbbbbbbbb'));
    symlinkSync(join(path, '0'), join(place.state, '.new-bbbbbbbbbbbb/0'));
    mkdirSync(join(place.state, '.old-cccccccccccc/0/upper'), { recursive: true });
    if (asRoot) chownSync(join(place.state, '.old-cccccccccccc'), 1000, 1000);
    const options = { directory: place.state };
    const pruned = await pruneSessions({ ...options, broken: true });
    t.deepEqual(
      pruned.map(({ name, error }) => [name, error]),
      asRoot ? [] : [['.old-cccccccccccc', undefined]],
    );
    t.true(existsSync(place.at('elsewhere/0/upper')));
    t.is(place.sessions().length, asRoot ? 4 : 3);
    t.true(existsSync(join(path, '0/upper')));
  });

  test.serial('one of a newer version is left alone', async (t) => {
    using place = new SandboxPlace();
    const path = await kept(place, 'one');
    edit(path, { format: 2 });
    const options = { directory: place.state };
    const newer = { code: 'ERR_SESSION_NEWER', message: /has format 2/ };
    await t.throwsAsync(place.sandbox({ session: 'one' }), newer);
    await t.throwsAsync(discardSession('one', options), newer);
    t.deepEqual(await pruneSessions({ ...options, broken: true, unusedFor: 0 }), []);
    t.like((await listSessions(options))[0], { problem: 'newer' });
  });
}
