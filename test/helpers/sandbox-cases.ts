/** What holds for every sandbox, whoever makes it. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { OverlayError, SandboxProcess } from 'overlayfs';
import { createSandbox } from 'overlayfs';
import { SandboxPlace } from './sandbox-place.ts';

/** Once the event loop has closed what it was told to. */
export async function descriptors(): Promise<number> {
  await pause(30);
  return readdirSync('/proc/self/fd').length;
}

export const closed = (program: SandboxProcess): Promise<[number | null, string | null]> =>
  new Promise((resolve, reject) => {
    program.on('close', (code, signal) => resolve([code, signal]));
    program.on('error', reject);
  });

async function changed(sandbox: {
  overlays: readonly { changes(): AsyncIterable<{ kind: string; path: string }> }[];
}) {
  const list: string[] = [];
  for (const overlay of sandbox.overlays) {
    for await (const { kind, path } of overlay.changes()) {
      list.push(`${kind} ${path}`);
    }
  }
  return list;
}

function lookingCases(): void {
  test.serial(
    'programs see a view in place, and what they write lands in the session',
    async (t) => {
      using place = new SandboxPlace();
      writeFileSync(join(place.lower, 'file'), 'below\n');
      writeFileSync(join(place.lower, 'gone'), '');
      await using sandbox = await place.sandbox();
      const script = 'pwd -P; cat file; echo more >> file; rm gone; mkdir new; realpath new';
      const { code, stdout } = await sandbox.run('sh', ['-c', script], { cwd: place.lower });
      t.is(code, 0);
      t.is(stdout.toString(), `${place.lower}\nbelow\n${place.lower}/new\n`);
      t.deepEqual(readdirSync(place.lower).sort(), ['file', 'gone']);
      t.is(readFileSync(join(place.lower, 'file'), 'utf8'), 'below\n');
      t.deepEqual(await changed(sandbox), ['modified file', 'deleted gone', 'added new']);
      const again = await sandbox.run('cat', ['file'], { cwd: place.lower });
      t.is(again.stdout.toString(), 'below\nmore\n');
      t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(place.base));
    },
  );

  test.serial('the working directory is that of the view, by default ours', async (t) => {
    using place = new SandboxPlace();
    mkdirSync(join(place.lower, 'sub'));
    const before = process.cwd();
    process.chdir(join(place.lower, 'sub'));
    try {
      await using sandbox = await place.sandbox();
      const { stdout } = await sandbox.run('sh', ['-c', 'pwd -P; echo > new; ls ../sub']);
      t.is(stdout.toString(), `${place.lower}/sub\nnew\n`);
      t.deepEqual(readdirSync('.'), []);
    } finally {
      process.chdir(before);
    }
  });

  test.serial('a working directory that only the view has, and one that nobody has', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox();
    await sandbox.run('mkdir', [join(place.lower, 'inside')]);
    const cwd = join(place.lower, 'inside');
    t.is((await sandbox.run('pwd', [], { cwd })).stdout.toString(), `${cwd}\n`);
    await t.throwsAsync(sandbox.run('pwd', [], { cwd: join(place.lower, 'none') }), {
      code: 'ENOENT',
      message: /chdir/,
    });
  });

  test.serial('the default lower is the working directory', async (t) => {
    using place = new SandboxPlace();
    const before = process.cwd();
    process.chdir(place.lower);
    try {
      await using sandbox = await createSandbox({ directory: place.state });
      t.deepEqual(
        sandbox.overlays.map(({ target }) => target),
        [place.lower],
      );
    } finally {
      process.chdir(before);
    }
  });

  test.serial('several lowers, one inside of another', async (t) => {
    using place = new SandboxPlace();
    mkdirSync(join(place.lower, 'in/deep'), { recursive: true });
    mkdirSync(place.at('other'));
    const lower = [join(place.lower, 'in'), place.at('other'), place.lower];
    await using sandbox = await place.sandbox({ lower });
    const script =
      'echo a > a; echo b > in/b; echo c > in/deep/c; echo d > ../other/d; ls -R . ../other';
    const { code, stdout } = await sandbox.run('sh', ['-c', script], { cwd: place.lower });
    t.is(code, 0);
    t.regex(stdout.toString(), /\.\/in\/deep:\nc\n/);
    t.deepEqual(readdirSync(place.lower), ['in']);
    t.deepEqual(readdirSync(join(place.lower, 'in')), ['deep']);
    t.deepEqual((await changed(sandbox)).sort(), ['added a', 'added b', 'added d', 'added deep/c']);
  });

  test.serial('directories stacked on a target, the top-most first', async (t) => {
    using place = new SandboxPlace();
    for (const [name, files] of [
      ['one', ['both', 'one']],
      ['two', ['both', 'two']],
    ] as const) {
      mkdirSync(place.at(name));
      for (const file of files) {
        writeFileSync(place.at(`${name}/${file}`), name);
      }
    }
    writeFileSync(join(place.lower, 'hidden'), '');
    const stacked = { target: place.lower, lower: [place.at('one'), place.at('two')] };
    await using sandbox = await place.sandbox({ overlays: [stacked] });
    const { stdout } = await sandbox.run('sh', ['-c', 'ls; cat both'], { cwd: place.lower });
    t.is(stdout.toString(), 'both\none\ntwo\none');
    await t.throwsAsync(place.sandbox({ overlays: [stacked, stacked] }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: /twice/,
    });
  });
}

function processCases(): void {
  test.serial('codes and signals', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox();
    const end = async (script: string): Promise<unknown[]> => {
      const { code, signal } = await sandbox.run('sh', ['-c', script]);
      return [code, signal];
    };
    t.deepEqual(await end('exit 0'), [0, null]);
    t.deepEqual(await end('exit 200'), [200, null]);
    t.deepEqual(await end('kill -KILL $$'), [null, 'SIGKILL']);
    t.deepEqual(await end('kill -34 $$'), [null, 'SIG34']);
    t.deepEqual(await end('yes | true; kill -PIPE $$'), [null, 'SIGPIPE']);
  });

  test.serial('spawn is as of child_process', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox();
    const events: string[] = [];
    const program = sandbox.spawn('sh', ['-c', 'cat; echo err >&2; exit 7'], { cwd: place.lower });
    t.true(Number.isInteger(program.pid));
    t.true(existsSync(`/proc/${program.pid}`));
    program.on('spawn', () => events.push('spawn'));
    program.on('exit', (code, signal) => events.push(`exit ${code} ${signal}`));
    const end = closed(program);
    program.stdin?.end('through');
    if (program.stdout === null || program.stderr === null) {
      t.fail('no pipes');
      return;
    }
    const [stdout, stderr] = await Promise.all([text(program.stdout), text(program.stderr)]);
    t.deepEqual([stdout, stderr], ['through', 'err\n']);
    t.deepEqual(await end, [7, null]);
    t.deepEqual(events, ['spawn', 'exit 7 null']);
    t.is(program.exitCode, 7);
    t.deepEqual(program.spawnargs, ['sh', '-c', 'cat; echo err >&2; exit 7']);
    t.false(program.kill());
    t.false(program.killed);
  });

  test.serial('kill, and an abort', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox();
    const before = await descriptors();
    const killed = sandbox.spawn('sleep', ['1000'], { stdio: 'ignore' });
    t.true(killed.kill(0));
    t.true(killed.kill('SIGINT'));
    t.true(killed.killed);
    t.deepEqual(await closed(killed), [null, 'SIGINT']);
    t.is(killed.signalCode, 'SIGINT');
    t.is(killed.stdin, null);

    const controller = new AbortController();
    const aborted = sandbox.spawn('sleep', ['1000'], { signal: controller.signal });
    const errors: unknown[] = [];
    aborted.on('error', (error) => errors.push(error));
    const end = new Promise((resolve) => aborted.on('close', (...args) => resolve(args)));
    controller.abort('enough');
    t.deepEqual(await end, [null, 'SIGTERM']);
    t.like(errors, [{ name: 'AbortError', cause: 'enough' }]);
    await t.throwsAsync(sandbox.run('sleep', ['1000'], { signal: AbortSignal.timeout(50) }), {
      name: 'AbortError',
    });
    t.is(await descriptors(), before);
  });

  test.serial('what cannot be started is an error event, and an error', async (t) => {
    using place = new SandboxPlace();
    writeFileSync(join(place.lower, 'text'), 'echo\n', { mode: 0o755 });
    writeFileSync(join(place.lower, 'plain'), '');
    await using sandbox = await place.sandbox();
    const before = await descriptors();
    const env = { PATH: '/usr/bin:/bin' };
    for (const [command, code] of [
      ['no-such-program', 'ENOENT'],
      ['./text', 'ENOEXEC'],
      ['./plain', 'EACCES'],
    ] as const) {
      const program = sandbox.spawn(command, [], { cwd: place.lower, env });
      t.is(program.pid, undefined);
      const error = await new Promise<OverlayError>((resolve) =>
        program.on('error', (failure) => resolve(failure as OverlayError)),
      );
      t.is(error.code, code);
      t.is(error.syscall, 'execve');
      await t.throwsAsync(sandbox.run(command, [], { cwd: place.lower, env }), { code });
    }
    t.is(await descriptors(), before);
    t.deepEqual(place.processes(), []);
  });

  test.serial('arguments and environment are bytes', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox();
    const odd = Buffer.from([0x66, 0xff, 0x0a, 0x20, 0xfe, 0x22, 0x24]);
    const script = 'printf "%s|%s|%s" "$#" "$1" "$2"';
    const { stdout } = await sandbox.run('sh', ['-c', script, 'sh', odd, '']);
    t.deepEqual(stdout, Buffer.concat([Buffer.from('2|'), odd, Buffer.from('|')]));
    const env = { A: 'ä=b', PATH: process.env.PATH, B: undefined };
    const listed = await sandbox.run('env', [], { env });
    t.deepEqual(listed.stdout.toString().split('\n').sort(), [
      '',
      'A=ä=b',
      `PATH=${process.env.PATH}`,
    ]);
    const own = await sandbox.run('env', ['-0']);
    const beside = execFileSync('env', ['-0']);
    t.deepEqual(own.stdout.toString().split('\0').sort(), beside.toString().split('\0').sort());
  });

  test.serial('input and output of any length, and of any kind', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox();
    const input = Buffer.alloc(20 << 20, 'abc\n');
    const all = await sandbox.run('cat', [], { input, maxBuffer: Number.POSITIVE_INFINITY });
    t.true(all.stdout.equals(input));
    await t.throwsAsync(sandbox.run('yes', [], { maxBuffer: 5 }), {
      code: 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER',
    });
    const fd = openSync(place.at('out'), 'w');
    const stdio = ['ignore', fd, fd] as const;
    await sandbox.run('sh', ['-c', 'readlink /proc/self/fd/0; echo err >&2'], { stdio });
    closeSync(fd);
    t.is(readFileSync(place.at('out'), 'utf8'), '/dev/null\nerr\n');
    // Nobody reads it, and it ends all the same.
    const unread = sandbox.spawn('sh', ['-c', 'head -c 60000 /dev/zero'], { stdio: 'pipe' });
    t.deepEqual(await closed(unread), [0, null]);
    t.is((await sandbox.run('ls', ['/proc/self/fd'])).stdout.toString(), '0\n1\n2\n3\n');
  });

  test.serial('many at once', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox();
    const before = await descriptors();
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        sandbox.run('sh', ['-c', 'echo "$1" > "$1"; cat "$1"', 'sh', `${i}`], { cwd: place.lower }),
      ),
    );
    t.deepEqual(
      all.map(({ stdout }) => stdout.toString()),
      all.map((_, i) => `${i}\n`),
    );
    t.is(await descriptors(), before);
    t.is((await changed(sandbox)).length, 20);
  });

  test.serial('signals are relayed to one program at a time, and then to the next', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox();
    const waits = ['-c', 'trap "echo got; exit" USR2; echo ready; while :; do sleep 0.01; done'];
    const first = sandbox.spawn('sh', waits, { relaySignals: true });
    const second = sandbox.spawn('true', [], { relaySignals: true });
    const [error] = (await once(second, 'error')) as [OverlayError];
    t.is(error.code, 'EBUSY');
    t.regex(error.message, /handed on to another program already/);
    for (const program of [first, undefined]) {
      const told = program ?? sandbox.spawn('sh', waits, { relaySignals: true });
      const output: string[] = [];
      told.stdout?.on('data', (data) => {
        if (output.push(`${data}`) === 1) {
          process.kill(process.pid, 'SIGUSR2');
        }
      });
      t.deepEqual(await closed(told), [0, null]);
      t.is(output.join(''), 'ready\ngot\n');
    }
  });

  test.serial('wrong arguments are found before anything is done', async (t) => {
    using place = new SandboxPlace();
    for (const [options, name] of [
      [{ typo: 1 }, 'options.typo'],
      [{ session: 'a/b' }, 'options.session'],
      [{ session: '.new-x' }, 'options.session'],
      [{ session: '' }, 'options.session'],
      [{ lower: [] }, 'options.lower'],
      [{ lower: 1 }, 'options.lower'],
      [{ overlays: [] }, 'options.overlays'],
      [{ overlays: [{ target: '/' }] }, 'options.overlays[0].lower'],
      [{ base: 'a', session: 'a' }, 'options.base'],
      [{ base: 'a', lower: '/tmp' }, 'options.base'],
      [{ grace: -1 }, 'options.grace'],
      [{ idMap: 'all' }, 'options.idMap'],
    ] as const) {
      const error = await t.throwsAsync(
        Reflect.apply(createSandbox, undefined, [{ directory: place.state, ...options }]),
      );
      t.true(error?.message.startsWith(`"${name}" `), error?.message);
    }
    t.false(existsSync(place.state));
    await using sandbox = await place.sandbox();
    t.throws(() => Reflect.apply(sandbox.spawn, sandbox, ['sh', [], { at: '/' }]), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
    t.throws(() => Reflect.apply(sandbox.spawn, sandbox, [1]), { code: 'ERR_INVALID_ARG_TYPE' });
    t.throws(() => sandbox.spawn('true', [], { env: { 'A=B': '' } }), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });
}

export function sandboxCases(): void {
  lookingCases();
  processCases();
}
