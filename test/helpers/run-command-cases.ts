/** What holds for `overlayfs run` and what goes with it, whoever runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { Result } from './command.ts';
import { objects, overlayfs, overlayfsBytes, program, shell } from './command.ts';
import { until } from './holding.ts';
import { SandboxPlace } from './sandbox-place.ts';
import { type } from './typing.ts';

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

const statesOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/task`).map(
    (task) => readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1').split(') ')[1]?.[0] ?? '',
  );

/** @param own Options of `run`. */
export function signalCases(where = '', own: readonly string[] = []): void {
  // A thread that cannot be stopped keeps the shell from being told that its job is.
  test.serial(`stopped and continued, with all of its threads${where}`, async (t) => {
    using place = new SandboxPlace();
    const script = 'trap "exit 9" TERM; echo up; while :; do sleep 0.02; done';
    const words = ['run', '--dir', place.state, ...own, '--', 'sh', '-c', script];
    const child = spawn(process.execPath, [program, ...words], {
      cwd: place.lower,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    const { pid = 0 } = child;
    await once(child.stdout, 'data');
    for (let i = 0; i < 2; i++) {
      process.kill(-pid, 'SIGSTOP');
      await until('it is stopped', () => statesOf(pid).every((state) => state === 'T'));
      process.kill(-pid, 'SIGCONT');
      await until('it goes on', () => !statesOf(pid).includes('T'));
    }
    child.kill();
    t.deepEqual(await ended, [9, null]);
    t.deepEqual(place.processes(), []);
  });

  test.serial(`signals are handed on, and the status says so${where}`, async (t) => {
    using place = new SandboxPlace();
    const script = `trap "echo got INT" INT; trap "echo got HUP" HUP; trap "echo got USR1" USR1
      trap "echo got WINCH" WINCH; trap "echo got TERM; exit 9" TERM
      echo ready; while :; do sleep 0.02; done`;
    const child = spawn(
      process.execPath,
      [program, 'run', '--dir', place.state, ...own, '--', 'sh', '-c', script],
      { cwd: place.lower, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await until('the program runs', () => said.includes('ready'));
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGWINCH'] as const) {
      child.kill(signal);
      await until(signal, () => said.includes(`got ${signal.slice(3)}\n`));
    }
    child.kill('SIGTERM');
    const end = await new Promise((resolve) => child.once('close', (...args) => resolve(args)));
    t.deepEqual(end, [9, null]);
    t.is(said, 'ready\ngot INT\ngot HUP\ngot USR1\ngot WINCH\ngot TERM\n');
    t.deepEqual(place.sessions(), []);
  });

  /** What it leaves in a session of its own would outlive its group. */
  const leaving = 'setsid sleep 1000 & echo ready; sleep 1000';

  test.serial(`SIGKILL for the whole process group leaves nothing running${where}`, async (t) => {
    using place = new SandboxPlace();
    const child = spawn(
      process.execPath,
      [program, 'run', '--dir', place.state, ...own, '--', 'sh', '-c', leaving],
      { cwd: place.lower, stdio: ['ignore', 'pipe', 'inherit'], detached: true },
    );
    await new Promise((resolve) => child.stdout.once('data', resolve));
    process.kill(-(child.pid as number), 'SIGKILL');
    await until('all of it has ended', () => place.processes().length === 0);
    t.pass();
  });

  test.serial(`a terminal that hangs up ends it${where}`, async (t) => {
    using place = new SandboxPlace();
    const words = [process.execPath, program, 'run', '--dir', place.state, ...own];
    const line = `exec ${words.join(' ')} -- sh -c '${leaving}'`;
    const terminal = spawn('script', ['-qec', line, '/dev/null'], {
      cwd: place.lower,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => terminal.stdout.once('data', resolve));
    terminal.kill('SIGKILL'); // it has the other end
    await until('all of it has ended', () => place.processes().length === 0);
    await until('the session is gone', () => place.sessions().length === 0);
    t.pass();
  });

  test.serial(`nothing is stopped where nobody could continue it${where}`, async (t) => {
    using place = new SandboxPlace();
    const words = [process.execPath, program, 'run', '--dir', place.state, ...own];
    const line = `exec ${words.join(' ')} -- sh -c 'echo ready; read line; echo "got $line"; exec sleep 1000'`;
    const terminal = spawn('script', ['-qec', line, '/dev/null'], {
      cwd: place.lower,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let said = '';
    terminal.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await until('the program runs', () => said.includes('ready'));
    terminal.stdin.write('\x1a'); // Ctrl-Z: the leader of the session has no shell above it
    await new Promise((resolve) => setTimeout(resolve, 200));
    terminal.stdin.write('on\n');
    await until('the program goes on', () => said.includes('got on'));
    terminal.kill('SIGKILL');
    await until('all of it has ended', () => place.processes().length === 0);
    t.pass();
  });

  test.serial(`a shell on a terminal has its job control${where}`, (t) => {
    using place = new SandboxPlace();
    const shellWords = ['bash', '--norc', '--noprofile', '-i'];
    const begin = [process.execPath, program, 'run', '--dir', place.state, ...own];
    const words = [...begin, ...shellWords];
    const steps = [
      ['bash-', 'sleep 1000\n'],
      ['sleep', '\x03'],
      ['bash-', 'echo code=$?\n'],
      ['code=130', 'sleep 1000\n'],
      ['sleep', '\x1a'],
      ['Stopped', 'kill %1; echo > new; ls\n'],
      ['new', 'exit 3\n'],
    ] as const;
    // Without a prompt of its own it says its name.
    const { PS1: _, ...env } = process.env;
    const { status, missing } = type(words, steps, { cwd: place.lower, env });
    t.deepEqual([status, missing], [3, []]);
    t.deepEqual(place.sessions(), []);
    t.deepEqual(place.processes(), []);
  });

  test.serial(`Ctrl-C reaches the program once, and the run goes on${where}`, (t) => {
    using place = new SandboxPlace();
    const script = `trap "echo said >> count" INT; echo ready
      while ! [ -e count ]; do sleep 0.02; done; sleep 0.3; exit $(wc -l < count)`;
    const begin = [process.execPath, program, 'run', '--dir', place.state, ...own];
    const words = [...begin, 'sh', '-c', script];
    const { status, missing } = type(words, [['ready', '\x03']], { cwd: place.lower });
    t.deepEqual([status, missing], [1, []]);
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
