/** What ends when, whoever makes the sandbox. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Sandbox, SandboxOptions } from 'overlayfs';
import { findSession, pruneSessions } from 'overlayfs';
import { native, unwrap } from '../../lib/native.ts';
import { until } from './holding.ts';
import { closed, descriptors } from './sandbox-cases.ts';
import { SandboxPlace } from './sandbox-place.ts';

function leftOverCases(where: string, options: SandboxOptions): void {
  /** A daemon as they were made of old: twice forked, in a session of its own. */
  const daemon = (script: string): string =>
    `(setsid sh -c '${script}' </dev/null >/dev/null 2>&1 &)`;

  test.serial(
    `what a program leaves running is ended before its run is over${where}`,
    async (t) => {
      using place = new SandboxPlace(options);
      await using sandbox = await place.sandbox({ grace: 300 });
      const cwd = place.lower;
      const script = [
        'sleep 1000 &',
        daemon(
          'trap "sleep 0.1; echo tidy > tidy; exit" TERM; echo > ready; while :; do sleep 0.01; done',
        ),
        daemon('trap "" TERM; echo > deaf; while :; do sleep 0.01; done'),
        'while ! [ -e ready ] || ! [ -e deaf ]; do sleep 0.01; done; exit 3',
      ].join('\n');
      const { code } = await sandbox.run('sh', ['-c', script], { cwd });
      t.is(code, 3);
      t.deepEqual(place.processes(), []);
      t.is((await sandbox.run('cat', ['tidy'], { cwd })).stdout.toString(), 'tidy\n');
    },
  );

  test.serial(`a stopped one too, and one that starts others${where}`, async (t) => {
    using place = new SandboxPlace(options);
    await using sandbox = await place.sandbox({ grace: 100 });
    const script = `${daemon('kill -STOP $$; sleep 1000')}
      ${daemon('trap "" TERM; while :; do sleep 0.02 & done')}
      sleep 0.2`;
    const begun = performance.now();
    const { code } = await sandbox.run('sh', ['-c', script], { cwd: place.lower });
    t.is(code, 0);
    t.true(performance.now() - begun < 10_000);
    t.deepEqual(place.processes(), []);
  });

  test.serial(`what is left running and writes is read to its end${where}`, async (t) => {
    using place = new SandboxPlace(options);
    await using sandbox = await place.sandbox();
    const script =
      '(trap "echo late; exit" TERM; echo > ready; while :; do sleep 0.01; done) & while ! [ -e ready ]; do :; done; echo early';
    const { stdout } = await sandbox.run('sh', ['-c', script], { cwd: place.lower });
    t.is(stdout.toString(), 'early\nlate\n');
  });

  test.serial(
    `exit comes with the program, close with the last of what it left${where}`,
    async (t) => {
      using place = new SandboxPlace(options);
      await using sandbox = await place.sandbox({ grace: 400 });
      const program = sandbox.spawn(
        'sh',
        [
          '-c',
          `${daemon('trap "" TERM; echo > ready; sleep 1000')}; while ! [ -e ready ]; do :; done`,
        ],
        {
          stdio: 'ignore',
          cwd: place.lower,
        },
      );
      const exit = await new Promise((resolve) => program.on('exit', resolve));
      const begun = performance.now();
      t.is(exit, 0);
      t.not(place.processes().length, 0);
      await closed(program);
      t.true(performance.now() - begun > 300);
      t.deepEqual(place.processes(), []);
    },
  );

  test.serial(`closing a sandbox ends what runs in it${where}`, async (t) => {
    using place = new SandboxPlace(options);
    const before = await descriptors();
    const sandbox = await place.sandbox({ grace: 200 });
    const program = sandbox.spawn('sh', ['-c', 'echo > ready; sleep 1000; sleep 1000'], {
      cwd: place.lower,
      stdio: 'ignore',
    });
    const end = closed(program);
    await until('the program runs', () => existsSync(join(sandbox.path, '0/upper/ready')));
    await Promise.all([sandbox.close(), sandbox.close()]);
    t.deepEqual(await end, [null, 'SIGTERM']);
    t.deepEqual(place.processes(), []);
    t.deepEqual(place.sessions(), []);
    t.throws(() => sandbox.spawn('true'), { code: 'ERR_INVALID_STATE' });
    await t.throwsAsync(sandbox.run('true'), { code: 'ERR_INVALID_STATE' });
    t.is(await descriptors(), before);
  });
}

function goneCases(where: string, options: SandboxOptions): void {
  test.serial(`a session that somebody has removed can be closed${where}`, async (t) => {
    using place = new SandboxPlace(options);
    const before = await descriptors();
    const remove = ({ pathBytes }: Sandbox): void => unwrap(native().removeTree(pathBytes, true));
    const unnamed = await place.sandbox();
    remove(unnamed);
    await unnamed.close();
    const named = await place.sandbox({ session: 'one' });
    remove(named);
    const other = await place.sandbox({ session: 'one' });
    await named.close({ discard: true });
    t.deepEqual(place.sessions(), ['one']);
    const elsewhere = place.at('elsewhere');
    mkdirSync(elsewhere);
    await other.close({ discard: true });
    const replaced = await place.sandbox({ session: 'two' });
    remove(replaced);
    const its = await place.sandbox({ session: 'two', lower: elsewhere });
    await t.throwsAsync(replaced.close(), { code: 'ENOENT' });
    const found = await findSession('two', { directory: place.state });
    t.deepEqual(
      found.overlays.map(({ target }) => target),
      [elsewhere],
    );
    await its.close({ discard: true });
    const kept = await place.sandbox();
    remove(kept);
    await t.throwsAsync(kept.close({ discard: false }), { code: 'ENOENT' });
    await kept.close();
    t.deepEqual(place.sessions(), []);
    t.is(await descriptors(), before);
  });
}

function lifeCases(where: string, options: SandboxOptions): void {
  const life = fileURLToPath(new URL('./sandbox-life.js', import.meta.url));

  for (const how of ['exit', 'throw', 'terminate', 'kill'] as const) {
    test.serial(`a process that ends (${how}) takes its programs along${where}`, async (t) => {
      using place = new SandboxPlace(options);
      const child = spawn(
        process.execPath,
        [life, place.lower, place.state, how, JSON.stringify(options)],
        {
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      );
      const over = new Promise((resolve) => child.once('close', resolve));
      const said = await text(child.stdout);
      await over; // and with it its locks
      t.is(said, how === 'terminate' ? 'running\nterminated\nreleased\n' : 'running\n');
      await until('all of it has ended', () => place.processes().length === 0);
      await pruneSessions({ directory: place.state });
      t.deepEqual(place.sessions(), []);
    });
  }
}

/** @param options of every sandbox: how one ends does not depend on them. */
export function sandboxEndCases(where = '', options: SandboxOptions = {}): void {
  leftOverCases(where, options);
  goneCases(where, options);
  lifeCases(where, options);
}
