// The directories that sessions of root, and of the root of a user namespace, were made from.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  applySession,
  cloneSession,
  discardSession,
  findSession,
  syscalls,
  verifySession,
} from 'overlayfs';
import { overlayfs } from './helpers/command.ts';
import { SandboxPlace } from './helpers/sandbox-place.ts';
import { sessionPendingCases } from './helpers/session-pending-cases.ts';

sessionPendingCases();

/** A session of a tmpfs on the lower, in which a file was removed; it is unmounted again. */
async function unmountedLower(place: SandboxPlace): Promise<void> {
  syscalls.mountSync('tmpfs', place.lower, 'tmpfs');
  try {
    writeFileSync(join(place.lower, 'f'), 'in');
    const sandbox = await place.sandbox({ session: 'one' });
    await sandbox.run('rm', ['f'], { cwd: place.lower });
    await sandbox.close();
  } finally {
    syscalls.umountSync(place.lower, 0);
  }
}

test.serial('what lies under a mount is not what the session was made from', async (t) => {
  using place = new SandboxPlace();
  await unmountedLower(place);
  writeFileSync(join(place.lower, 'f'), 'beneath');
  const options = { directory: place.state };
  const other = {
    code: 'ESTALE',
    message:
      /lower' is not the directory .* tmpfs .* now; .*`overlayfs apply --to DIR --dir \S+ one`/,
  };
  await t.throwsAsync(verifySession('one', options), other);
  await t.throwsAsync(applySession('one', options), other);
  await t.throwsAsync(applySession('one', { ...options, dryRun: true }), other);
  await t.throwsAsync(place.sandbox({ session: 'one' }), other);
  await t.throwsAsync(place.sandbox({ base: 'one' }), other);
  await t.throwsAsync(cloneSession('one', 'two', options), other);
  const diff = await overlayfs(['diff', '--dir', place.state, 'one']);
  t.is(diff.status, 1);
  t.regex(diff.stderr, other.message);
  t.is(readFileSync(join(place.lower, 'f'), 'utf8'), 'beneath');
  t.deepEqual(place.sessions(), ['one']);
  await applySession('one', { ...options, to: place.lower, conflicts: 'theirs' });
  t.false(existsSync(join(place.lower, 'f')));
  await discardSession('one', options);
});

test.serial('another filesystem of the same kind is another one', async (t) => {
  using place = new SandboxPlace();
  await unmountedLower(place);
  syscalls.mountSync('tmpfs', place.lower, 'tmpfs');
  try {
    await t.throwsAsync(place.sandbox({ session: 'one' }), { code: 'ESTALE' });
  } finally {
    syscalls.umountSync(place.lower, 0);
  }
});

const record = (place: SandboxPlace): string => join(place.state, 'one/session.json');

function edit(place: SandboxPlace, change: (identity: Record<string, string>) => void): void {
  const value = JSON.parse(readFileSync(record(place), 'utf8'));
  change(value.overlays[0].identities[0]);
  writeFileSync(record(place), JSON.stringify(value));
}

test.serial('in memory only the kind is the same after another start', async (t) => {
  using place = new SandboxPlace();
  await unmountedLower(place);
  syscalls.mountSync('tmpfs', place.lower, 'tmpfs');
  try {
    edit(place, (identity) => {
      identity.boot = '00000000-0000-0000-0000-000000000000';
    });
    await (await place.sandbox({ session: 'one' })).close();
    // Now it is known as what it is.
    syscalls.umountSync(place.lower, 0);
    syscalls.mountSync('tmpfs', place.lower, 'tmpfs');
    await t.throwsAsync(place.sandbox({ session: 'one' }), { code: 'ESTALE' });
  } finally {
    syscalls.umountSync(place.lower, 0);
  }
});

test.serial('a directory that was put in its place is another one, or none is there', async (t) => {
  using place = new SandboxPlace();
  await (await place.sandbox({ session: 'one' })).close();
  renameSync(place.lower, place.at('moved'));
  const options = { directory: place.state };
  const gone = {
    code: 'ENOENT',
    message:
      /directory '.*lower' of the session 'one' is gone: .*`overlayfs discard --dir \S+ one`/,
  };
  for (const attempt of [
    () =>
      place
        .sandbox({ session: 'one', lower: place.at('moved') })
        .catch(() => verifySession('one', options)),
    () => applySession('one', options),
    () => place.sandbox({ base: 'one' }),
  ]) {
    await t.throwsAsync(attempt(), gone);
  }
  mkdirSync(place.lower);
  await t.throwsAsync(place.sandbox({ session: 'one' }), { code: 'ESTALE' });
  rmdirSync(place.lower);
  renameSync(place.at('moved'), place.lower);
  await (await place.sandbox({ session: 'one' })).close();
  t.is((await findSession('one', options)).overlays[0]?.target, place.lower);
});

test.serial('a record of an older version has nothing to compare, and then has', async (t) => {
  using place = new SandboxPlace();
  await (await place.sandbox({ session: 'one' })).close();
  const value = JSON.parse(readFileSync(record(place), 'utf8'));
  const [{ identities, ...overlay }] = value.overlays;
  t.is(identities.length, 1);
  writeFileSync(record(place), JSON.stringify({ ...value, overlays: [overlay] }));
  renameSync(place.lower, place.at('moved'));
  mkdirSync(place.lower);
  await (await place.sandbox({ session: 'one' })).close();
  rmSync(place.lower, { recursive: true });
  renameSync(place.at('moved'), place.lower);
  await t.throwsAsync(place.sandbox({ session: 'one' }), { code: 'ESTALE' });
});

for (const [what, wrong] of [
  ['no list', 1],
  ['too many', [{ type: '1' }, { type: '1' }]],
  ['no type', [{ inode: '1' }]],
  ['a number', [{ type: '1', inode: 1 }]],
] as const) {
  test.serial(`identities of another form are damage: ${what}`, async (t) => {
    using place = new SandboxPlace();
    await (await place.sandbox({ session: 'one' })).close();
    const value = JSON.parse(readFileSync(record(place), 'utf8'));
    value.overlays[0].identities = wrong;
    writeFileSync(record(place), JSON.stringify(value));
    await t.throwsAsync(place.sandbox({ session: 'one' }), { code: 'ERR_SESSION_BROKEN' });
  });
}
