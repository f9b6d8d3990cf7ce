/** What holds for applying sessions, whoever does it. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { applySession } from 'overlayfs';
import type { Result } from './command.ts';
import { objects, overlayfs } from './command.ts';
import { SandboxPlace } from './sandbox-place.ts';

const script = 'echo new > changed; rm gone; mkdir d; echo > d/f';
const told = ['A  d  [directory]', 'A  d/f', 'M  changed  [content, times]', 'D  gone'];

/** Something to be changed, older than any session. */
export async function plantLower(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'changed'), 'old\n');
  writeFileSync(join(directory, 'gone'), '');
  await pause(30);
}

const run = (place: SandboxPlace, ...words: readonly string[]): Promise<Result> =>
  overlayfs(['run', '--dir', place.state, ...words], { cwd: place.lower });

const apply = (place: SandboxPlace, ...words: readonly string[]): Promise<Result> =>
  overlayfs(['apply', '--dir', place.state, ...words], { cwd: place.base });

const content = (place: SandboxPlace): string[] => [
  ...readdirSync(place.lower).sort(),
  readFileSync(join(place.lower, 'changed'), 'utf8').trim(),
];
const before = ['changed', 'gone', 'old'];
const after = ['changed', 'd', 'new'];

function commandCases(): void {
  test.serial('a session is applied by its name, and is gone', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    const ran = await run(place, '--name', 'one', '--', 'sh', '-c', script);
    t.is(ran.status, 0, ran.stderr);
    const dry = await apply(place, '--dry-run', 'one');
    t.deepEqual([dry.status, dry.stderr], [0, '']);
    t.deepEqual(`${dry.stdout}`.trimEnd().split('\n').sort(), [...told].sort());
    t.deepEqual(content(place), before);
    const applied = await apply(place, '--json', 'one');
    t.deepEqual([applied.status, applied.stderr], [0, '']);
    t.is(objects(applied.stdout).length, 4);
    t.deepEqual(content(place), after);
    t.deepEqual(place.sessions(), []);
    const again = await apply(place, 'one');
    t.not(again.status, 0);
  });

  test.serial('kept on request, and where only a part was applied', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    await run(place, '--name', 'one', '--', 'sh', '-c', script);
    const copy = place.at('copy');
    execFileSync('cp', ['-a', place.lower, copy]);
    const copied = await apply(place, '--to', copy, 'one');
    t.deepEqual([copied.status, copied.stderr], [0, '']);
    t.deepEqual(readdirSync(copy).sort(), ['changed', 'd']);
    const part = await apply(place, '--include', 'd', 'one');
    t.deepEqual([part.status, part.stderr], [0, '']);
    t.deepEqual(content(place), ['changed', 'd', 'gone', 'old']);
    t.deepEqual(place.sessions(), ['one']);
    using other = new SandboxPlace();
    await plantLower(other.lower);
    await run(other, '--name', 'one', '--', 'sh', '-c', script);
    t.is((await apply(other, '--keep', 'one')).status, 0);
    t.deepEqual(content(other), after);
    t.deepEqual(other.sessions(), ['one']);
  });

  test.serial('what has changed since the session was made is a conflict', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    await run(place, '--name', 'one', '--', 'sh', '-c', script);
    writeFileSync(join(place.lower, 'changed'), 'by somebody else');
    const applied = await apply(place, 'one');
    t.is(applied.status, 1);
    t.regex(applied.stderr, /somebody has changed it meanwhile/);
    t.is(readFileSync(join(place.lower, 'changed'), 'utf8'), 'by somebody else');
    t.false(existsSync(join(place.lower, 'gone')));
    t.deepEqual(place.sessions(), ['one']);
  });

  test.serial('what has come or gone beside it is no conflict', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    mkdirSync(join(place.lower, 'd'));
    await pause(30);
    const made =
      'echo 1 > one; echo 2 > two; mkdir new; echo > new/f; echo 3 > d/f; ln changed link';
    await run(place, '--name', 'one', '--', 'sh', '-c', made);
    writeFileSync(join(place.lower, 'swap'), 'by somebody else');
    writeFileSync(join(place.lower, 'd', 'swap'), 'by somebody else');
    // Our own apply of a part as well.
    const part = await apply(place, '--include', 'one', 'one');
    t.deepEqual([part.status, part.stderr], [0, '']);
    const rest = await apply(place, 'one');
    t.deepEqual([rest.status, rest.stderr], [0, '']);
    t.deepEqual(readdirSync(place.lower, { recursive: true }).sort(), [
      'changed',
      'd',
      'd/f',
      'd/swap',
      'gone',
      'link',
      'new',
      'new/f',
      'one',
      'swap',
      'two',
    ]);
    t.deepEqual(place.sessions(), []);
  });

  test.serial('what was changed, and removed by somebody else, is a conflict', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    mkdirSync(join(place.lower, 'd'));
    writeFileSync(join(place.lower, 'd', 'f'), '');
    await pause(30);
    const made = 'echo new > changed; echo > fresh; echo more > d/f; chmod 700 d';
    await run(place, '--name', 'one', '--', 'sh', '-c', made);
    execFileSync('rm', ['-r', 'changed', 'd'], { cwd: place.lower });
    const applied = await apply(place, 'one');
    t.is(applied.status, 1);
    t.regex(applied.stderr, /conflict: '[^']*\/changed': .*somebody has removed/);
    t.deepEqual(readdirSync(place.lower).sort(), ['fresh', 'gone']);
    t.deepEqual(place.sessions(), ['one']);
    const again = await apply(place, '--theirs', 'one');
    t.deepEqual([again.status, again.stderr], [0, '']);
    t.deepEqual(readdirSync(place.lower).sort(), ['changed', 'd', 'fresh', 'gone']);
    t.is(readFileSync(join(place.lower, 'd', 'f'), 'utf8'), 'more\n');
  });

  test.serial('its target, named in any way, and patterns below it', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    await run(place, '--name', 'one', '--', 'sh', '-c', script);
    symlinkSync('lower', place.at('link'));
    const named = ['lower', 'lower/', './lower/.', 'link', place.lower, `${place.lower}/`];
    for (const of of named) {
      const words = ['--dir', place.state, '--of', of];
      for (const verb of [['diff'], ['apply', '--dry-run']]) {
        const { status, stdout, stderr } = await overlayfs([...verb, ...words, 'one'], {
          cwd: place.base,
        });
        t.deepEqual([status, stderr, stdout.toString().split('\n').length], [0, '', 5], of);
      }
    }
    const include = ['--include', `${place.lower}/d/**`];
    for (const verb of [['diff'], ['apply', '--dry-run']]) {
      const words = [...verb, '--dir', place.state, ...include, 'one'];
      const { status, stdout } = await overlayfs(words, { cwd: place.base });
      t.is(status, 0);
      t.true(stdout.toString().includes('d/f') && !stdout.toString().includes('gone'));
    }
    const rule = ['diff', '--dir', place.state, '--fail-on', `deleted:${place.lower}/gone`, 'one'];
    t.is((await overlayfs(rule, { cwd: place.base })).status, 4);
    for (const [verb, of] of [
      ['diff', 'nosuch'],
      ['apply', 'nosuch'],
      ['apply', '/x\u001b[31m'],
    ] as const) {
      const words = [verb, '--dir', place.state, '--of', of, 'one'];
      const { status, stderr } = await overlayfs(words, { cwd: place.base });
      t.is(status, 2, stderr);
      t.regex(stderr, /^overlayfs: --of '[^']*': the session 'one' covers \/.*, and not that\n/);
      t.false(stderr.includes('\u001b'));
    }
  });

  test.serial('applied at the end of a run, as it has ended', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    const words = ['--on-success', 'apply', '--', 'sh', '-c'];
    t.is((await run(place, ...words, `${script}; exit 3`)).status, 3);
    t.deepEqual(content(place), before);
    const ran = await run(place, ...words, script);
    t.deepEqual([ran.status, ran.stderr], [0, '']);
    t.deepEqual(content(place), after);
    t.deepEqual(place.sessions(), []);
    const failing = ['--name', 'one', '--on-failure', 'apply', '--', 'sh', '-c'];
    t.is((await run(place, ...failing, 'rm changed; exit 3')).status, 3);
    t.deepEqual(readdirSync(place.lower), ['d']);
    t.deepEqual(place.sessions(), []);
  });

  test.serial('a run that cannot be applied is kept, and has failed', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    const outside = `echo other > ${join(place.lower, 'changed')}`;
    const wait = `exec 3< ${place.at('fifo')}; read line <&3`;
    const words = ['--on-success', 'apply', '--', 'sh', '-c', `echo new > changed; ${wait}`];
    execFileSync('mkfifo', [place.at('fifo')]);
    const running = run(place, ...words);
    execFileSync('sh', ['-c', `exec 4> ${place.at('fifo')}; ${outside}; echo go >&4`]);
    const ran = await running;
    t.is(ran.status, 1);
    t.regex(ran.stderr, /somebody has changed it meanwhile/);
    t.regex(ran.stderr, /kept as session tmp-/);
    t.is(readFileSync(join(place.lower, 'changed'), 'utf8'), 'other\n');
    t.is(place.sessions().length, 1);
  });

  test.serial('wrong usage', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    await run(place, '--name', 'one', '--', 'true');
    for (const words of [
      ['--upper', '/u', '--lower', '/l', 'one'],
      ['--keep', '/mnt'],
      ['--of', '/mnt', '/mnt'],
    ]) {
      t.is((await apply(place, ...words)).status, 2, words.join(' '));
    }
    const none = await apply(place, '--of', '/mnt', 'one');
    t.not(none.status, 0);
    t.true(none.stderr.includes(place.lower));
  });
}

function libraryCases(): void {
  test.serial('several directories of one session', async (t) => {
    using place = new SandboxPlace();
    const [first, second] = [place.at('first'), place.at('second')];
    await plantLower(first);
    await plantLower(second);
    const make = async (): Promise<void> => {
      const lower = [first, second];
      const sandbox = await place.sandbox({
        overlays: lower.map((each) => ({ target: each, lower: each })),
        session: 'one',
      });
      for (const cwd of lower) {
        await sandbox.run('sh', ['-c', 'echo > new; rm gone'], { cwd });
      }
      await sandbox.close();
    };
    await make();
    const options = { directory: place.state };
    // Where one is not there the other can be looked at and applied all the same.
    renameSync(second, place.at('away'));
    const gone = await overlayfs(['diff', '--dir', place.state, '--of', first, 'one']);
    t.deepEqual([gone.status, gone.stdout.toString()], [0, 'D  gone\nA  new\n'], gone.stderr);
    t.true((await applySession('one', { ...options, of: first, dryRun: true })).complete);
    await t.throwsAsync(applySession('one', { ...options, dryRun: true }), { code: 'ENOENT' });
    renameSync(place.at('away'), second);
    await t.throwsAsync(applySession('one', { ...options, to: place.at('copy') }), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
    const words = ['apply', '--dir', place.state, '--to', place.at('copy'), 'one'];
    for (const more of [[], ['--dry-run', '--json']]) {
      const refused = await overlayfs([...words, ...more]);
      t.is(refused.status, 2, refused.stderr);
      t.regex(refused.stderr, /^overlayfs: the session 'one' covers .*; say which with --of DIR\n/);
    }
    const listed = async (...form: string[]): Promise<string> => {
      const dry = await overlayfs(['apply', '--dir', place.state, '--dry-run', ...form, 'one']);
      t.deepEqual([dry.status, dry.stderr], [0, '']);
      return dry.stdout.toString();
    };
    // Within one directory in the order in which they are put in place.
    const lines = (await listed()).trimEnd().split('\n');
    t.deepEqual([lines[0], lines[3], lines.length], [`${first}:`, `${second}:`, 6]);
    for (const at of [1, 4]) {
      t.deepEqual(lines.slice(at, at + 2).sort(), ['A  new', 'D  gone']);
    }
    const told = objects(Buffer.from(await listed('--json')));
    t.deepEqual(
      told.map(({ target, path }) => `${target}/${path}`).sort(),
      [first, second].flatMap((each) => [`${each}/gone`, `${each}/new`]),
    );
    t.deepEqual((await listed('-0')).split('\0').sort(), [
      '',
      ...told.map(({ target, path }) => `${target}/${path}`).sort(),
    ]);
    t.deepEqual((await listed('--of', first)).trimEnd().split('\n').sort(), ['A  new', 'D  gone']);
    const part = await applySession('one', { ...options, of: second });
    t.like(part, { complete: true, discarded: false });
    t.deepEqual(
      part.overlays.map(({ target, applied }) => [target, applied]),
      [[second, 2]],
    );
    t.deepEqual(readdirSync(first).sort(), ['changed', 'gone']);
    t.deepEqual(readdirSync(second).sort(), ['changed', 'new']);
    const rest = await applySession('one', { ...options, of: first });
    t.deepEqual(
      rest.overlays.map(({ target, applied }) => [target, applied]),
      [[first, 2]],
    );
    t.deepEqual(place.sessions(), ['one']);
  });

  test.serial(
    'a directory that may not be written to, and has no changes, is left out',
    async (t) => {
      using place = new SandboxPlace();
      await plantLower(place.lower);
      const locked = place.at('locked/directory');
      mkdirSync(locked, { recursive: true });
      for (const path of [locked, place.at('locked')]) {
        chmodSync(path, 0o555); // no stage can be made in it, or beside it
      }
      const lowers = ['--lower', place.lower, '--lower', locked];
      const ran = await run(place, '--name', 'both', ...lowers, '--', 'sh', '-c', script);
      t.is(ran.status, 0, ran.stderr);
      const applied = await apply(place, 'both');
      t.is(applied.status, 0, applied.stderr);
      t.deepEqual(content(place), ['changed', 'd', 'new']);
      t.deepEqual(place.sessions(), []);
    },
  );

  test.serial('what is in use, and what others are stacked on, is not applied', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    const options = { directory: place.state };
    const sandbox = await place.sandbox({ session: 'one' });
    await sandbox.run('sh', ['-c', script], { cwd: place.lower });
    await t.throwsAsync(applySession('one', options), { code: 'EBUSY', message: /in use/ });
    await sandbox.close();
    const above = await place.sandbox({ session: 'two', base: 'one' });
    await above.run('sh', ['-c', 'echo > two'], { cwd: place.lower });
    await above.close();
    await t.throwsAsync(applySession('one', options), { code: 'EBUSY', message: /base of others/ });
    await t.throwsAsync(applySession('two', options), {
      code: 'EINVAL',
      message: /stacked on 'one': name the directory/,
    });
    t.deepEqual(content(place), before);
    t.true((await applySession('one', { ...options, dryRun: true })).complete);
    t.deepEqual(place.sessions(), ['one', 'two']);
  });

  test.serial('what a sandbox shows is not changed under its programs', async (t) => {
    using place = new SandboxPlace();
    await plantLower(place.lower);
    await run(place, '--name', 'one', '--', 'sh', '-c', script);
    const options = { directory: place.state };
    const other = await place.sandbox({ session: 'two' });
    try {
      other.spawn('sleep', ['60'], { cwd: place.lower });
      const used = {
        code: 'EBUSY',
        message: new RegExp(`layer of the overlay mounted on .*${place.lower}`),
      };
      await t.throwsAsync(applySession('one', options), used);
      await t.throwsAsync(applySession('one', { ...options, dryRun: true }), used);
      t.deepEqual(content(place), before);
    } finally {
      await other.close();
    }
    t.true((await applySession('one', options)).discarded);
    t.deepEqual(content(place), after);
  });

  test.serial('wrong arguments of applySession', async (t) => {
    using place = new SandboxPlace();
    const options = { directory: place.state };
    await t.throwsAsync(applySession('none', options), { code: 'ENOENT' });
    for (const wrong of [
      { keep: 1 },
      { of: '' },
      { directory: 1 },
      { conflicts: 'merge' },
      { bogus: 1 },
    ] as object[]) {
      const error = await t.throwsAsync(applySession('none', { ...options, ...wrong }));
      const [name] = Object.keys(wrong);
      t.true(error?.message.startsWith(`"options.${name}" `), error?.message);
    }
    await t.throwsAsync(applySession('../x', options), { code: 'ERR_INVALID_ARG_VALUE' });
  });
}

export function sessionApplyCases(): void {
  commandCases();
  libraryCases();
}
