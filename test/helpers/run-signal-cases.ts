/** What signals and terminals do to `overlayfs run`, whoever runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { program } from './command.ts';
import { until } from './holding.ts';
import { SandboxPlace } from './sandbox-place.ts';
import { type } from './typing.ts';

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
  const leaving = 'setsid sh -c "echo ready; exec sleep 1000" & sleep 1000';

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
