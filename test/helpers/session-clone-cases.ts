/** What holds for copies of sessions, whoever makes them. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { Session } from 'overlayfs';
import {
  applySession,
  changes,
  cloneSession,
  discardSession,
  findSession,
  pruneSessions,
  scanLayer,
} from 'overlayfs';
import { onTerminal, overlayfs, program } from './command.ts';
import { xattrs } from './place.ts';
import { SandboxPlace } from './sandbox-place.ts';

/** A session that is kept, with what a script wrote. */
export async function kept(place: SandboxPlace, name: string, script: string): Promise<string> {
  const sandbox = await place.sandbox({ session: name });
  try {
    const { code, stderr } = await sandbox.run('bash', ['-ec', script], { cwd: place.lower });
    if (code !== 0) {
      throw new Error(stderr.toString());
    }
  } finally {
    await sandbox.close();
  }
  return sandbox.path;
}

/** Of everything below a directory, itself included, what a copy has to have as well. */
export async function facts(directory: string): Promise<string[]> {
  const list: string[] = [];
  const groups = new Map<bigint, string>();
  const look = (name: string): void => {
    const path = Buffer.from(`${directory}/${name}`, 'latin1');
    const st = lstatSync(path, { bigint: true });
    const group = st.isDirectory() ? name : (groups.get(st.ino) ?? name);
    groups.set(st.ino, group);
    const content = st.isSymbolicLink()
      ? readlinkSync(path)
      : st.isFile()
        ? createHash('sha256').update(readFileSync(path)).digest('hex')
        : '';
    const numbers = [st.mode, st.uid, st.gid, st.rdev, st.mtimeNs];
    // The work directory may have a name of the whiteouts as well.
    const nlink = st.isCharacterDevice() && st.rdev === 0n ? [] : [st.nlink];
    const more = st.isDirectory() ? [] : [st.size, st.blocks, ...nlink];
    list.push([name, ...numbers, ...more, group, content].join(' '));
    if (st.isDirectory()) {
      for (const each of readdirSync(path, 'latin1').sort()) {
        look(`${name}/${each}`);
      }
    }
  };
  look('.');
  for await (const { path, marks } of scanLayer(directory, { xattrs })) {
    // The identity of the overlay is no part of what is in it.
    for (const { name, value } of marks.filter((mark) => !mark.name.endsWith('.uuid'))) {
      list.push([path, name, value.toString('hex')].join(' '));
    }
  }
  return list;
}

export async function lines(session: Session): Promise<string[]> {
  const list: string[] = [];
  for (const { layers } of session.overlays) {
    for await (const { kind, path } of changes(layers)) {
      list.push(`${kind} ${path}`);
    }
  }
  return list;
}

function plant({ lower }: SandboxPlace): void {
  for (const directory of ['opaque/in', 'removed', 'kept']) {
    mkdirSync(join(lower, directory), { recursive: true });
  }
  for (const name of ['changed', 'gone', 'opaque/in/f', 'opaque/old', 'removed/f', 'kept/f']) {
    writeFileSync(join(lower, name), 'old');
  }
}

const script = `echo new > changed; rm gone; rm -r removed; rm -r opaque; mkdir opaque
  echo > opaque/new; mkfifo fifo; ln -s /nowhere/at/all link; echo x > a; ln a b; ln a kept/c
  truncate -s 8M sparse; printf end >> sparse; head -c 300000 /dev/urandom > noise
  mkdir -p deep/er; chmod 0555 deep; chmod 4711 noise; rm kept/f
  touch -d '2001-02-03 04:05:06.789' a deep/er link -h
  python3 -c 'import os; os.setxattr("a", "user.note", b"v\\0w")'
  mkdir "$(printf 'n\\nl\\377')"; echo > "$(printf 'n\\nl\\377/f')"`;

function copyCases(): void {
  test.serial('a clone has everything that the original has', async (t) => {
    using place = new SandboxPlace();
    plant(place);
    const directory = place.state;
    const path = await kept(place, 'one', script);
    const before = await facts(join(path, '0/upper'));
    t.true(before.length > 20, before.join());
    const clone = await cloneSession('one', 'two', { directory });
    t.is(clone.path, place.at('state/two'));
    t.deepEqual(await facts(join(clone.path, '0/upper')), before);
    const original = await findSession('one', { directory });
    t.deepEqual([clone.created, clone.last], [original.created, original.last]);
    t.deepEqual(await lines(clone), await lines(original));
    t.deepEqual(readdirSync(join(clone.path, '0/work')), []);
    const sandbox = await place.sandbox({ session: 'two' });
    const { stdout } = await sandbox.run('sh', ['-c', 'LC_ALL=C ls -q; ls opaque; cat changed b'], {
      cwd: place.lower,
    });
    await sandbox.close();
    const seen = [
      'a',
      'b',
      'changed',
      'deep',
      'fifo',
      'kept',
      'link',
      'n?l?',
      'noise',
      'opaque',
      'sparse',
    ];
    t.is(stdout.toString(), [...seen, 'new', 'new', 'x', ''].join('\n'));
  });

  test.serial('the two go separate ways', async (t) => {
    using place = new SandboxPlace();
    plant(place);
    const directory = place.state;
    await pause(30);
    await kept(place, 'one', 'echo one > file; echo > changed');
    await cloneSession('one', 'two', { directory });
    await kept(place, 'two', 'echo two >> file; rm changed');
    await kept(place, 'one', 'rm file');
    t.deepEqual(await lines(await findSession('one', { directory })), ['modified changed']);
    t.deepEqual(await lines(await findSession('two', { directory })), [
      'deleted changed',
      'added file',
    ]);
    await discardSession('one', { directory });
    // Since when the original was made, not the clone.
    const result = await applySession('two', { directory });
    t.like(result, { complete: true, discarded: true });
    t.is(readFileSync(join(place.lower, 'file'), 'utf8'), 'one\ntwo\n');
    t.false(existsSync(join(place.lower, 'changed')));
  });

  test.serial('what has changed between the original and the clone is a conflict', async (t) => {
    using place = new SandboxPlace();
    plant(place);
    const directory = place.state;
    await pause(30);
    await kept(place, 'one', 'echo > changed');
    await pause(30);
    writeFileSync(join(place.lower, 'changed'), 'by somebody else');
    await pause(30);
    await cloneSession('one', 'two', { directory });
    const { overlays } = await applySession('two', { directory });
    t.deepEqual(
      overlays.map(({ conflicts }) => conflicts.map(({ path }) => path)),
      [['changed']],
    );
  });

  test.serial('one that is stacked, and one that others are stacked on', async (t) => {
    using place = new SandboxPlace();
    plant(place);
    const directory = place.state;
    await kept(place, 'one', 'echo > one');
    const above = await place.sandbox({ session: 'above', base: 'one' });
    await above.run('sh', ['-c', 'echo > above; rm one'], { cwd: place.lower });
    await above.close();
    t.is((await cloneSession('above', 'other', { directory })).base, 'one');
    t.deepEqual(await lines(await findSession('other', { directory })), [
      'added above',
      'deleted one',
    ]);
    const twin = await cloneSession('one', 'twin', { directory });
    t.deepEqual(await lines(twin), ['added one']);
    await t.throwsAsync(discardSession('one', { directory }), { message: /above, other/ });
    await discardSession('twin', { directory });
  });

  test.serial('several directories, and a limit on open files', async (t) => {
    using place = new SandboxPlace();
    const targets = [place.at('first'), place.at('second')];
    for (const each of targets) mkdirSync(each);
    const sandbox = await place.sandbox({
      overlays: targets.map((target) => ({ target, lower: target })),
      session: 'one',
    });
    const many = `d=.; for i in $(seq 150); do d=$d/d; mkdir $d; echo > $d/f; done
      for i in $(seq 200); do mkdir e$i; echo > e$i/f; ln e$i/f g$i; done`;
    for (const cwd of targets) {
      await sandbox.run('sh', ['-c', many], { cwd });
    }
    await sandbox.close();
    const line = `ulimit -n 100; exec "$@"`;
    const words = [process.execPath, program, 'sessions', 'clone', '--dir', place.state];
    const child = spawn('sh', ['-c', line, 'sh', ...words, 'one', 'two'], { stdio: 'inherit' });
    t.is(await new Promise((resolve) => child.once('close', resolve)), 0);
    for (const i of [0, 1]) {
      const [one, two] = ['one', 'two'].map((name) => join(place.state, name, `${i}/upper`));
      t.deepEqual(await facts(`${two}`), await facts(`${one}`));
    }
  });
}

function refusalCases(): void {
  test.serial('what cannot be cloned is refused, and nothing is left', async (t) => {
    using place = new SandboxPlace();
    const directory = place.state;
    await kept(place, 'one', 'echo > file');
    await kept(place, 'two', 'echo > file');
    const refused = (from: string, to: string, code: string): Promise<unknown> =>
      t.throwsAsync(cloneSession(from, to, { directory }), { code });
    await refused('one', 'two', 'EEXIST');
    await refused('none', 'new', 'ENOENT');
    await refused('one', '../x', 'ERR_INVALID_ARG_VALUE');
    await refused('.new-x', 'new', 'ERR_INVALID_ARG_VALUE');
    const sandbox = await place.sandbox({ session: 'one' });
    const error = await t.throwsAsync(cloneSession('one', 'new', { directory }), { code: 'EBUSY' });
    t.true(error?.message.includes(`process ${process.pid} `));
    await sandbox.close();
    const unnamed = await place.sandbox();
    await refused(unnamed.name, 'new', 'EBUSY');
    await unnamed.close();
    mkdirSync(place.at('state/two/0/work/index'));
    await t.throwsAsync(cloneSession('two', 'new', { directory }), {
      code: 'ENOTSUP',
      message: /option index/,
    });
    writeFileSync(place.at('state/one/session.json'), '{');
    await refused('one', 'new', 'ERR_SESSION_BROKEN');
    t.deepEqual(place.sessions(), ['one', 'two']);
  });

  test.serial('an abort, and a callback that throws, leave nothing', async (t) => {
    using place = new SandboxPlace();
    const directory = place.state;
    await kept(place, 'one', 'seq 3000 | xargs touch');
    const controller = new AbortController();
    let heard = 0;
    const onProgress = (): void => {
      heard++;
      controller.abort();
    };
    const { signal } = controller;
    await t.throwsAsync(cloneSession('one', 'two', { directory, signal, onProgress }), {
      code: 'ABORT_ERR',
    });
    t.is(heard, 1);
    const thrown = cloneSession('one', 'two', {
      directory,
      onProgress: () => {
        throw new Error('enough');
      },
    });
    await t.throwsAsync(thrown, { message: 'enough' });
    t.deepEqual(place.sessions(), ['one']);
    let last = { entries: 0, bytes: 0 };
    await cloneSession('one', 'two', {
      directory,
      onProgress: (progress) => {
        last = progress;
      },
    });
    t.is(last.entries, 3001);
  });
}

function commandCases(): void {
  test.serial('sessions clone', async (t) => {
    using place = new SandboxPlace();
    await kept(place, 'one', 'echo > file');
    const clone = (...words: readonly string[]) =>
      overlayfs(['sessions', 'clone', '--dir', place.state, ...words]);
    const { status, stdout, stderr } = await clone('one', 'two');
    t.deepEqual([status, `${stdout}`, stderr], [0, '', '']);
    const again = await clone('one', 'two');
    t.is(again.status, 1);
    t.regex(again.stderr, /EEXIST: there is a session 'two' already/);
    for (const [words, why] of [
      [[], 'OLD is missing'],
      [['one'], 'NEW is missing'],
      [['one', 'a', 'b'], "'b' is one argument too many"],
      [['one', '/x'], 'NEW'],
      [['--json', 'one', 'three'], 'there is no option --json'],
    ] as const) {
      const wrong = await clone(...words);
      t.is(wrong.status, 2);
      t.true(wrong.stderr.includes(why), wrong.stderr);
    }
    t.deepEqual(place.sessions(), ['one', 'two']);
  });

  test.serial('a clone that is killed is none, and is pruned', async (t) => {
    using place = new SandboxPlace();
    await kept(place, 'one', 'seq 20000 | xargs touch');
    const words = ['sessions', 'clone', '--dir', place.state, 'one', 'two'];
    let halves = 0;
    for (let i = 0; i < 8; i++) {
      const child = spawn(process.execPath, [program, ...words], { stdio: 'ignore' });
      const gone = new Promise((resolve) => child.once('close', resolve));
      while (child.exitCode === null && !place.sessions().some((name) => name.startsWith('.'))) {
        await pause(2);
      }
      // While it is made nobody takes it for what is left.
      t.deepEqual(await pruneSessions({ directory: place.state }), []);
      await pause(i * 15);
      child.kill('SIGKILL');
      await gone;
      const left = place.sessions().filter((name) => name !== 'one');
      const whole = left.includes('two');
      t.is(left.length, 1);
      halves += whole ? 0 : 1;
      const options = { directory: place.state, ...(whole && { unusedFor: 0 }) };
      let pruned = await pruneSessions(options);
      if (pruned.length === 0) {
        await pause(1100); // nothing was in it by then
        pruned = await pruneSessions(options);
      }
      t.true(pruned.some(({ why }) => why === (whole ? 'unused' : 'half-made')));
      if (whole) break;
    }
    t.true(halves > 2);
  });

  test.serial('a line on a terminal tells how far a clone is', async (t) => {
    using place = new SandboxPlace();
    await kept(place, 'one', 'seq 40000 | xargs touch');
    const line = `overlayfs sessions clone --dir ${place.state} one two; echo $?`;
    const [first, ...more] = (await onTerminal(line)).stdout.toString().split('\r\u001b[K');
    t.is(`${first}${more.pop()}`, '0\n');
    t.true(
      more.some((each) => /^overlayfs: \d+ entries copied, 0, \d+ s$/.test(each)),
      more.join(),
    );
  });
}

export function sessionCloneCases(): void {
  copyCases();
  refusalCases();
  commandCases();
}
