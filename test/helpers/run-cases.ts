/** What holds for every program on a detached overlay, whoever has mounted it. */
import { execFileSync } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import type { OverlayError } from 'overlayfs';
import { native } from '../../lib/native.ts';
import type { RunOptions } from '../../lib/run-options.ts';
import { Detached } from './detached.ts';

/** Every thread of the pool has to do with it. */
const slowWork = promisify(pbkdf2);

/** Once the event loop has closed what it was told to. */
async function descriptors(): Promise<number> {
  await pause(20);
  return readdirSync('/proc/self/fd').length;
}
/** The overlays of our own namespace; other tests mount others meanwhile. */
const overlaysOf = (mounted: Detached): string[] => mounted.place.overlays();

function prepare(lower: string): void {
  mkdirSync(join(lower, 'dir'));
  writeFileSync(join(lower, 'dir/file'), 'below\n');
  symlinkSync('dir', join(lower, 'link'));
  writeFileSync(join(lower, 'module.cjs'), 'exports.where = __filename;\n');
  writeFileSync(join(lower, 'text'), 'echo\n', { mode: 0o755 });
  writeFileSync(join(lower, 'script'), '#!/no/such/interpreter\n', { mode: 0o755 });
  writeFileSync(join(lower, 'denied'), '');
  for (const name of ['', 'dir', 'text', 'script']) {
    chmodSync(join(lower, name), 0o755); // whatever the umask is
  }
}

export function runCases(): void {
  const mounted = (): Promise<Detached> => Detached.mount(prepare);

  test.serial('a program sees the overlay at the path of its lower', async (t) => {
    await using overlay = await mounted();
    const { lower, upper } = overlay;
    const script = 'pwd -P; realpath link/file; cat link/file; echo new > dir/new; rm dir/file';
    const { stdout, ...rest } = await overlay.run('sh', ['-c', script], { cwd: lower });
    t.is(stdout.toString(), `${lower}\n${lower}/dir/file\nbelow\n`);
    t.deepEqual(rest, { code: 0, signal: null, stderr: Buffer.alloc(0) });
    t.is(readFileSync(join(upper, 'dir/new'), 'utf8'), 'new\n');
    t.deepEqual(readdirSync(join(lower, 'dir')), ['file']);
    const again = await overlay.run('ls', [`${lower}/dir`]);
    t.is(again.stdout.toString(), 'new\n');
    t.deepEqual(overlaysOf(overlay), []);
  });

  test.serial('and at another one, if it is asked to', async (t) => {
    await using overlay = await mounted();
    mkdirSync(overlay.place.at('other'));
    const at = overlay.place.at('other');
    const options = { at, cwd: join(at, 'dir') };
    const { stdout } = await overlay.run('sh', ['-c', 'pwd -P; cat file'], options);
    t.is(stdout.toString(), `${at}/dir\nbelow\n`);
    t.deepEqual(readdirSync(at), []);
  });

  test.serial('git, process.cwd and require work there', async (t) => {
    await using overlay = await mounted();
    const { lower, upper } = overlay;
    const git = async (...args: readonly string[]): Promise<string> => {
      const names = ['-c', 'user.name=a', '-c', 'user.email=a@example.org'];
      const { code, stdout, stderr } = await overlay.run('git', [...names, ...args], {
        cwd: lower,
      });
      t.is(code, 0, stderr.toString());
      return stdout.toString();
    };
    await git('init', '--quiet');
    await git('add', 'dir');
    await git('commit', '--quiet', '--message', 'first');
    t.is(await git('status', '--porcelain', '--untracked-files=no'), '');
    t.is(await git('rev-parse', '--show-toplevel'), `${lower}\n`);
    t.true(existsSync(join(upper, '.git')));
    t.false(existsSync(join(lower, '.git')));

    const script = "console.log(process.cwd(), require('./module.cjs').where)";
    const ran = await overlay.run(process.execPath, ['-e', script], { cwd: lower });
    t.is(ran.stdout.toString(), `${lower} ${lower}/module.cjs\n`, ran.stderr.toString());
  });

  test.serial('the working directory is ours, where the overlay is in place', async (t) => {
    await using overlay = await mounted();
    const before = process.cwd();
    process.chdir(join(overlay.lower, 'dir'));
    try {
      const { stdout } = await overlay.run('sh', ['-c', 'pwd -P; echo new > new']);
      t.is(stdout.toString(), `${overlay.lower}/dir\n`);
    } finally {
      process.chdir(before);
    }
    t.deepEqual(readdirSync(join(overlay.lower, 'dir')), ['file']);
    t.deepEqual(readdirSync(join(overlay.upper, 'dir')), ['new']);
  });

  test.serial('codes and signals', async (t) => {
    await using overlay = await mounted();
    const end = async (script: string): Promise<unknown[]> => {
      const { code, signal } = await overlay.run('sh', ['-c', script]);
      return [code, signal];
    };
    t.deepEqual(await end('exit 0'), [0, null]);
    t.deepEqual(await end('exit 200'), [200, null]);
    t.deepEqual(await end('kill -KILL $$'), [null, 'SIGKILL']);
    t.deepEqual(await end('kill -34 $$'), [null, 'SIG34']);
    // The shell's own rule for what it has started: Node.js ignores this signal, the program does not.
    t.deepEqual(await end('yes | true; kill -PIPE $$'), [null, 'SIGPIPE']);
  });

  test.serial('what was not started says why', async (t) => {
    await using overlay = await mounted();
    const { lower } = overlay;
    const before = await descriptors();
    const env = { PATH: '/usr/bin:/bin' }; // all of it may be searched
    for (const [command, code, options, message] of [
      ['no-such-program', 'ENOENT', {}, /execve 'no-such-program': there is no such program/],
      ['./denied', 'EACCES', {}, /execve '\.\/denied': nobody has the permission/],
      ['./text', 'ENOEXEC', {}, /execve '\.\/text': .*begins with "#!"/],
      ['./script', 'ENOENT', {}, /execve '\.\/script': .*not the interpreter/],
      ['true', 'ENOENT', { cwd: join(lower, 'none') }, /chdir '.*none': the working directory/],
      ['true', 'ENOENT', { at: join(lower, 'none') }, /open '.*none': the mount point does not/],
      ['true', 'ENOTDIR', { at: join(lower, 'text') }, /move_mount '.*text': the mount point has/],
      ['true', 'EINVAL', { at: '/' }, /move_mount '\/': .*name a directory with `at`/],
      ['true', 'EBADF', { stdio: 9999 }, /fcntl 'descriptor 9999'/],
    ] as const) {
      const error = await t.throwsAsync(
        overlay.run(command, [], { cwd: lower, env, ...options } as RunOptions),
        { name: 'OverlayError', code, message },
      );
      t.regex((error as OverlayError).syscall ?? '', /^(execve|chdir|open|move_mount|fcntl)$/);
    }
    t.is(await descriptors(), before);
  });

  test.serial('PATH is that of the environment given, and nothing else is in it', async (t) => {
    await using overlay = await mounted();
    const { lower } = overlay;
    const shell = join(lower, 'dir/mine');
    symlinkSync('/bin/sh', shell);
    const env = { PATH: `:${lower}/dir`, A: 'ä=b', B: undefined };
    const { stdout } = await overlay.run('mine', ['-c', '/usr/bin/env'], { env, cwd: lower });
    const lines = stdout.toString().trimEnd().split('\n').sort();
    // What a shell sets by itself.
    t.deepEqual(
      lines.filter((line) => !/^(_|PWD|OLDPWD|SHLVL)=/.test(line)),
      ['A=ä=b', `PATH=:${lower}/dir`],
    );
    await t.throwsAsync(overlay.run('mine', [], { env: {} }), { code: 'ENOENT' });
  });

  test.serial('names and arguments are bytes', async (t) => {
    await using overlay = await mounted();
    const bytes = Buffer.from([0x66, 0xff, 0x20, 0xfe]);
    const command = Buffer.concat([Buffer.from(`${overlay.lower}/`), bytes]);
    symlinkSync('/bin/sh', command);
    const { stdout } = await overlay.run(command, ['-c', 'printf "%s|%s|" "$0" "$1"', bytes, '']);
    t.deepEqual(stdout, Buffer.concat([bytes, Buffer.from('||')]));
  });

  test.serial('input and output of any length', async (t) => {
    await using overlay = await mounted();
    const input = Buffer.alloc(5 << 20, 'abc\n');
    const options = { input, maxBuffer: Number.POSITIVE_INFINITY };
    const { code, stdout } = await overlay.run('cat', [], options);
    t.is(code, 0);
    t.true(stdout.equals(input));
    t.is((await overlay.run('cat', [], { input: 'text' })).stdout.toString(), 'text');
    t.is((await overlay.run('cat')).stdout.length, 0);
    // Input that the program does not want is no error.
    t.is((await overlay.run('true', [], { input })).code, 0);
    const { stderr } = await overlay.run('sh', ['-c', 'echo out; echo err >&2']);
    t.is(stderr.toString(), 'err\n');
  });

  test.serial('more output than is to be collected ends the program', async (t) => {
    await using overlay = await mounted();
    const before = await descriptors();
    const exact = await overlay.run('printf', ['%s', '12345'], { maxBuffer: 5 });
    t.is(exact.stdout.toString(), '12345');
    const error = await t.throwsAsync(overlay.run('yes', [], { maxBuffer: 5 }), {
      instanceOf: RangeError,
      code: 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER',
      message: 'stdout maxBuffer length exceeded',
    });
    t.is((error as { stdout?: Buffer }).stdout?.toString(), 'y\ny\ny');
    await t.throwsAsync(overlay.run('sh', ['-c', 'exec yes >&2']), {
      message: 'stderr maxBuffer length exceeded',
    });
    t.is(await descriptors(), before);
  });

  test.serial('standard input, output and error may be anything', async (t) => {
    await using overlay = await mounted();
    const file = overlay.place.at('out');
    const fd = openSync(file, 'w');
    const script = 'readlink /proc/self/fd/0; echo err >&2';
    const busy = Array.from({ length: 8 }, () => slowWork('a', 'b', 50_000, 64, 'sha512'));
    const running = overlay.run('sh', ['-c', script], { stdio: ['ignore', fd, fd] });
    closeSync(fd); // the pool has not come to it yet, but it has been duplicated
    await Promise.all(busy);
    const { stdout, stderr } = await running;
    t.is(stdout.length + stderr.length, 0);
    t.is(readFileSync(file, 'utf8'), '/dev/null\nerr\n');
    const own = execFileSync('readlink', ['/proc/self/fd/0'], {
      stdio: ['inherit', 'pipe', 'pipe'],
    });
    const stdio = ['inherit', 'pipe', 'ignore'] as const;
    const inherited = await overlay.run('readlink', ['/proc/self/fd/0'], { stdio });
    t.is(inherited.stdout.toString(), own.toString());
    t.is((await overlay.run('true', [], { stdio: 'ignore' })).code, 0);
  });

  test.serial('no descriptor of ours is open in the program', async (t) => {
    await using overlay = await mounted();
    const { stdout } = await overlay.run('ls', ['/proc/self/fd']);
    t.is(stdout.toString(), '0\n1\n2\n3\n'); // and what ls reads
  });

  test.serial('twenty at once, again and again', async (t) => {
    await using overlay = await mounted();
    const before = await descriptors();
    for (let round = 0; round < 3; round++) {
      const script = 'echo "$1" > "$1"; cat "$1"';
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          overlay.run('sh', ['-c', script, 'sh', `${i}`], { cwd: overlay.lower }),
        ),
      );
      t.deepEqual(
        all.map(({ stdout }) => stdout.toString()),
        all.map((_, i) => `${i}\n`),
      );
    }
    t.is(await descriptors(), before);
    t.is(readdirSync(overlay.upper).length, 20);
  });

  test.serial('an abort ends the program, and then rejects', async (t) => {
    await using overlay = await mounted();
    const { lower, upper } = overlay;
    const before = await descriptors();
    const aborted = { name: 'AbortError', code: 'ABORT_ERR' };

    const early = overlay.run('touch', ['early'], { cwd: lower, signal: AbortSignal.abort('now') });
    t.is((await t.throwsAsync(early, aborted))?.cause, 'now');
    t.false(existsSync(join(upper, 'early')));

    const starting = new AbortController();
    const started = overlay.run('sleep', ['1000'], { signal: starting.signal });
    starting.abort();
    await t.throwsAsync(started, aborted);

    // The program has its time to tidy up.
    const script =
      'trap "sleep 0.2; echo tidy > tidy; exit" TERM; echo > ready; while :; do sleep 0.01; done';
    const running = new AbortController();
    const tidied = overlay.run('sh', ['-c', script], { cwd: lower, signal: running.signal });
    while (!existsSync(join(upper, 'ready'))) {
      await pause(5);
    }
    running.abort();
    await t.throwsAsync(tidied, aborted);
    t.is(readFileSync(join(upper, 'tidy'), 'utf8'), 'tidy\n');

    const killed = overlay.run('sh', ['-c', 'trap "" TERM; while :; do sleep 0.01; done'], {
      signal: AbortSignal.timeout(100),
      killSignal: 'SIGKILL',
    });
    await t.throwsAsync(killed, aborted);
    t.is(await descriptors(), before);
  });

  test.serial(
    'what the program leaves running is waited for until it lets go of its output',
    async (t) => {
      await using overlay = await mounted();
      const left = await overlay.run('sh', ['-c', '(sleep 0.3; echo late) & echo early']);
      t.is(left.stdout.toString(), 'early\nlate\n');
      // Unless it is enough.
      const script = 'sleep 2 & echo early';
      const error = overlay.run('sh', ['-c', script], { signal: AbortSignal.timeout(300) });
      const begun = performance.now();
      await t.throwsAsync(error, { name: 'AbortError' });
      t.true(performance.now() - begun < 1500);
      await overlay.run('pkill', ['-x', '-f', 'sleep 2']);
    },
  );

  test.serial('a program that cannot be watched is not left running', async (t) => {
    await using overlay = await mounted();
    const before = await descriptors();
    const binding = native();
    const { watchFd } = binding;
    const failure = { errno: 28, syscall: 'epoll_ctl', path: null, dest: null, reason: '' };
    binding.watchFd = () => ({ failure: { ...failure, detail: Buffer.alloc(0), log: [] } });
    try {
      const running = overlay.run('sleep', ['1000'], { cwd: overlay.lower });
      await t.throwsAsync(running, { code: 'ENOSPC', message: /epoll_ctl/ });
    } finally {
      binding.watchFd = watchFd;
    }
    t.is(await descriptors(), before);
  });

  test.serial('wrong arguments are found before anything is started', async (t) => {
    await using overlay = await mounted();
    const run = (...args: readonly unknown[]): Promise<unknown> =>
      Reflect.apply(overlay.run, overlay, args);
    const type = 'ERR_INVALID_ARG_TYPE';
    const value = 'ERR_INVALID_ARG_VALUE';
    for (const [args, code, name] of [
      [[1], type, 'command'],
      [[''], value, 'command'],
      [['a\0b'], value, 'command'],
      [['true', 'x'], type, 'args'],
      [['true', [1]], type, 'args[0]'],
      [['true', ['a\0']], value, 'args[0]'],
      [['true', [], { typo: 1 }], value, 'options.typo'],
      [['true', [], { cwd: 1 }], type, 'options.cwd'],
      [['true', [], { at: 1 }], type, 'options.at'],
      [['true', [], { env: [] }], type, 'options.env'],
      [['true', [], { env: { A: 1 } }], type, 'options.env.A'],
      [['true', [], { env: { A: 'a\0' } }], value, 'options.env.A'],
      [['true', [], { env: { 'A=B': '' } }], value, 'options.env'],
      [['true', [], { stdio: 'pip' }], value, 'options.stdio'],
      [['true', [], { stdio: -1 }], 'ERR_OUT_OF_RANGE', 'options.stdio'],
      [['true', [], { stdio: ['pipe', 'pipe'] }], value, 'options.stdio'],
      [['true', [], { stdio: ['pipe', 'pipe', 'x'] }], value, 'options.stdio[2]'],
      [['true', [], { input: 1 }], type, 'options.input'],
      [['true', [], { input: 'x', stdio: 'ignore' }], value, 'options.input'],
      [['true', [], { maxBuffer: '1' }], type, 'options.maxBuffer'],
      [['true', [], { maxBuffer: -1 }], 'ERR_OUT_OF_RANGE', 'options.maxBuffer'],
      [['true', [], { maxBuffer: Number.NaN }], 'ERR_OUT_OF_RANGE', 'options.maxBuffer'],
      [['true', [], { signal: {} }], type, 'options.signal'],
      [['true', [], { killSignal: 'SIGNONE' }], value, 'options.killSignal'],
      [['true', [], { killSignal: 0 }], value, 'options.killSignal'],
    ] as const) {
      const error = await t.throwsAsync(run(...args), { code });
      t.true(error?.message.startsWith(`"${name}" `), error?.message);
    }
  });
}
