/** What holds for `overlayfs run` and what goes with it, whoever runs it. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { Result } from './command.ts';
import { objects, overlayfs, overlayfsBytes, program, shell } from './command.ts';
import { until } from './holding.ts';
import { signalCases } from './run-signal-cases.ts';
import { SandboxPlace } from './sandbox-place.ts';

const run = (place: SandboxPlace, ...words: readonly string[]): Promise<Result> =>
  overlayfs(['run', '--dir', place.state, ...words], { cwd: place.lower });

function statusCases(): void {
  test.serial(
    'the exit status is that of the program, or a shell’s for what is none',
    async (t) => {
      using place = new SandboxPlace();
      writeFileSync(join(place.lower, 'plain'), '');
      for (const [words, status] of [
        [['--', 'true'], 0],
        [['--', 'sh', '-c', 'exit 3'], 3],
        [['sh', '-c', 'exit 4'], 4],
        [['--', 'sh', '-c', 'exit 125'], 125],
        [['--', 'sh', '-c', 'kill -TERM $$'], 143],
        [['--', 'sh', '-c', 'kill -KILL $$'], 137],
        [['--', 'no-such-program'], 127],
        [['--', './plain'], 126],
        [[], 125],
        [['--'], 125],
        [['--', ''], 125],
        [['--typo', '--', 'true'], 125],
        [['--on-success', 'apply-not', '--', 'true'], 125],
        [['--overlay', 'x', '--', 'true'], 125],
        [['--grace', 'x', '--', 'true'], 125],
        [['--name', '../x', '--', 'true'], 125],
        [['--lower', '/no/such/directory', '--', 'true'], 125],
        [['--base', 'none', '--', 'true'], 125],
        [['--base', 'one', '--name', 'one', '--', 'true'], 125],
        [['--base', 'one', '--lower', '.', '--', 'true'], 125],
        [['--lower', '.', '--lower', '.', '--', 'true'], 125],
      ] as const) {
        const result = await run(place, ...words);
        t.is(result.status, status, `${words.join(' ')}: ${result.stderr}`);
        const fromProgram = status === 0 || (words as readonly string[]).includes('sh');
        t.is(result.stderr === '', fromProgram, result.stderr);
        t.notRegex(result.stderr, /a bug|options\./);
      }
      t.deepEqual(place.sessions(), []);
      t.deepEqual(readdirSync(place.lower), ['plain']);
    },
  );

  test.serial('what comes after the command is for the command', async (t) => {
    using place = new SandboxPlace();
    const { stdout } = await run(place, 'printf', '%s|', '--name', '--help', '--', '-x');
    t.is(stdout.toString(), '--name|--help|--|-x|');
    const help = await run(place, '--help');
    t.regex(help.stdout.toString(), /^Usage: overlayfs run /);
    t.is((await run(place, '--', '--help')).status, 127);
  });

  test.serial('arguments, environment and input are bytes', async (t) => {
    using place = new SandboxPlace();
    const odd = Buffer.from([0x61, 0xff, 0x0a, 0xfe, 0x22, 0x62]);
    const words = ['run', '--dir', place.state, '--lower', place.lower, 'printf', '%s|'];
    const { stdout } = await overlayfsBytes([...words, odd, '']);
    t.deepEqual(stdout, Buffer.concat([odd, Buffer.from('||')]));
    const line = `ODD="$(printf 'x\\377y')"; export ODD; printf 'in\\376' |
      overlayfs run --dir "$STATE" sh -c 'cat; printf "%s" "$ODD"'`;
    const piped = await shellWithInput(line, place);
    t.deepEqual(piped.stdout, Buffer.from('in\xfex\xffy', 'latin1'));
  });
}

function shellWithInput(line: string, place: SandboxPlace): Promise<Result> {
  return shell(line, { cwd: place.lower, env: { STATE: place.state } });
}

function sessionCases(): void {
  test.serial(
    'a session with a name is kept, looked at, entered again and discarded',
    async (t) => {
      using place = new SandboxPlace();
      writeFileSync(join(place.lower, 'old'), '');
      const first = await run(place, '--name', 'try1', '--', 'sh', '-c', 'rm old; echo > new');
      t.is(first.status, 0, first.stderr);
      const dir = ['--dir', place.state];
      const diff = await overlayfs(['diff', ...dir, 'try1']);
      t.is(diff.stdout.toString(), 'A  new\nD  old\n', diff.stderr);
      const again = await run(place, '--name', 'try1', '--', 'ls');
      t.is(again.stdout.toString(), 'new\n');
      const listed = objects((await overlayfs(['sessions', '--json', ...dir])).stdout);
      t.like(listed, [{ name: 'try1', ephemeral: false, last: { code: 0, signal: null } }]);
      t.is(typeof listed[0]?.bytes, 'number');
      const shown = (await overlayfs(['sessions', ...dir])).stdout.toString();
      t.true(shown.startsWith('try1 ') && shown.includes(place.lower), shown);
      t.is((await overlayfs(['discard', ...dir, 'try1'])).status, 0);
      t.deepEqual(place.sessions(), []);
      const none = await overlayfs(['discard', ...dir, 'try1']);
      t.is(none.status, 1);
      t.regex(none.stderr, /ENOENT: there is no session 'try1'/);
      t.deepEqual(readdirSync(place.lower), ['old']);
    },
  );

  test.serial('one is stacked on another, which then stays as it is', async (t) => {
    using place = new SandboxPlace();
    writeFileSync(join(place.lower, 'file'), 'a');
    await run(place, '--name', 'one', '--', 'sh', '-c', 'printf b >> file; echo > only');
    const second = await run(
      place,
      '--base',
      'one',
      '--name',
      'two',
      '--',
      'sh',
      '-c',
      'cat file; rm only',
    );
    t.is(second.stdout.toString(), 'ab', second.stderr);
    const dir = ['--dir', place.state];
    t.is((await overlayfs(['diff', ...dir, 'two'])).stdout.toString(), 'D  only\n');
    const enter = await run(place, '--name', 'one', '--', 'true');
    t.is(enter.status, 125);
    t.regex(enter.stderr, /two is stacked on it/);
    t.is((await overlayfs(['discard', ...dir, 'one'])).status, 1);
    t.is((await run(place, '--name', 'two', '--', 'ls')).stdout.toString(), 'file\n');
    t.is((await overlayfs(['discard', ...dir, 'two', 'one'])).status, 0);
  });

  test.serial('what is kept or discarded by how the program has ended', async (t) => {
    using place = new SandboxPlace();
    for (const [words, exit, kept] of [
      [[], 0, 0],
      [[], 1, 0],
      [['--on-success', 'keep'], 0, 1],
      [['--on-success', 'keep'], 1, 0],
      [['--on-failure', 'keep'], 1, 1],
      [['--name', 'a'], 1, 1],
      [['--name', 'a', '--on-failure', 'discard'], 1, 0],
      [['--name', 'a', '--on-success', 'discard'], 0, 0],
    ] as const) {
      const { status, stderr } = await run(place, ...words, '--', 'sh', '-c', `exit ${exit}`);
      t.is(status, exit);
      const sessions = place.sessions();
      t.is(sessions.length, kept, words.join(' '));
      if (kept === 1) {
        t.is(stderr === '', (words as readonly string[]).includes('--name'));
        t.is((await overlayfs(['discard', '--dir', place.state, ...sessions])).status, 0);
      }
    }
  });

  test.serial('two runs on one session: the second is told who has it', async (t) => {
    using place = new SandboxPlace();
    const script = 'echo ready; read -r line; exit 5';
    const words = ['run', '--dir', place.state, '--name', 'one', '--', 'sh', '-c', script];
    const first = spawn(process.execPath, [program, ...words], { cwd: place.lower });
    await new Promise((resolve) => first.stdout.once('data', resolve));
    const second = await run(place, '--name', 'one', '--', 'true');
    t.is(second.status, 125);
    t.regex(second.stderr, new RegExp(`EBUSY: the session 'one' is in use: process ${first.pid} `));
    const discarded = await overlayfs(['discard', '--dir', place.state, 'one']);
    t.is(discarded.status, 1);
    t.regex(discarded.stderr, /is in use: process/);
    first.stdin.end('\n');
    t.is(await new Promise((resolve) => first.once('close', resolve)), 5);
    t.is((await run(place, '--name', 'one', '--', 'true')).status, 0);
  });

  test.serial('a run in a run', async (t) => {
    using place = new SandboxPlace();
    writeFileSync(join(place.lower, 'file'), 'a');
    const line = `overlayfs run --dir "$STATE" sh -c '
      printf b >> file
      "$NODE" "$OVERLAYFS" run --dir "$STATE" sh -c "printf c >> file; cat file; echo"
      cat file'`;
    const { stdout, stderr, status } = await shellWithInput(line, place);
    t.is(stdout.toString(), 'abc\nab', stderr);
    t.is(status, 0);
    t.is(readFileSync(join(place.lower, 'file'), 'utf8'), 'a');
  });

  test.serial(
    'the state inside of the lower: placed elsewhere, or refused with a proposal',
    async (t) => {
      using place = new SandboxPlace();
      const env = { ...process.env, XDG_STATE_HOME: join(place.lower, 'state') };
      const ran = await overlayfs(['run', '--on-success', 'keep', '--', 'touch', 'new'], {
        cwd: place.lower,
        env,
      });
      t.is(ran.status, 0, ran.stderr);
      const [, name = ''] = /kept as session (\S+)/.exec(ran.stderr) ?? [];
      t.deepEqual(readdirSync(place.lower), []);
      const diff = await overlayfs(['diff', name], { cwd: place.lower, env });
      t.is(diff.stdout.toString(), 'A  new\n', diff.stderr);
      t.is((await overlayfs(['discard', name], { env })).status, 0);
      const inside = await overlayfs(['run', '--dir', env.XDG_STATE_HOME, '--', 'true'], {
        cwd: place.lower,
      });
      t.is(inside.status, 125);
      t.regex(inside.stderr, /no session can be kept in .* use \/.*--dir/);
    },
  );
}

function killCases(): void {
  test.serial(
    'a runner that is killed leaves nothing running or mounted, and a session to enter',
    async (t) => {
      using place = new SandboxPlace();
      const script = `trap "" TERM; (setsid sleep 1000 &); n=0
      while :; do n=$((n+1)); echo $n > file$((n % 7)); sleep 0.01; done`;
      const words = ['run', '--dir', place.state, '--grace', '100', '--name', 'one'];
      for (let i = 0; i < 12; i++) {
        const child = spawn(process.execPath, [program, ...words, '--', 'sh', '-c', script], {
          cwd: place.lower,
          stdio: 'ignore',
        });
        await pause(40 + i * 40);
        child.kill('SIGKILL');
        await new Promise((resolve) => child.once('close', resolve));
        await until('all of it has ended', () => place.processes().length === 0);
        const again = await run(
          place,
          '--name',
          'one',
          '--',
          'sh',
          '-c',
          'ls >/dev/null; echo entered > mark',
        );
        t.is(again.status, 0, again.stderr);
      }
      t.deepEqual(readdirSync(place.lower), []);
      t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(place.base));
      const pruned = await overlayfs(['sessions', 'prune', '--dir', place.state]);
      t.is(pruned.status, 0, pruned.stderr);
      t.deepEqual(place.sessions(), ['one']);
      t.is((await overlayfs(['discard', '--dir', place.state, 'one'])).status, 0);
    },
  );

  test.serial('an ephemeral one that was killed is pruned', async (t) => {
    using place = new SandboxPlace();
    const child = spawn(
      process.execPath,
      [program, 'run', '--dir', place.state, '--', 'sh', '-c', 'echo ready; sleep 1000'],
      { cwd: place.lower, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const busy = await overlayfs(['sessions', 'prune', '--dir', place.state]);
    t.is(busy.stdout.toString(), '');
    child.kill('SIGKILL');
    await until('all of it has ended', () => place.processes().length === 0);
    t.is(place.sessions().length, 1);
    const pruned = await overlayfs(['sessions', 'prune', '--json', '--dir', place.state]);
    t.like(objects(pruned.stdout), [{ why: 'abandoned', removed: true }]);
    t.deepEqual(place.sessions(), []);
    t.false(existsSync(join(place.lower, 'ready')));
  });
}

export function runCommandCases(): void {
  statusCases();
  signalCases();
  sessionCases();
  killCases();
}
