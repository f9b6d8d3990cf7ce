// Descriptors are watched in the loop of their environment, and however that ends, it ends cleanly.
import { execFile, execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { native, unwrap } from '../lib/native.ts';
import { Place } from './helpers/place.ts';

const program = fileURLToPath(new URL('helpers/watch-life.js', import.meta.url));
const soon = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
const descriptors = (): number => readdirSync('/proc/self/fd').length;

function fifoIn(place: Place): string {
  const fifo = join(place.base, 'fifo');
  execFileSync('mkfifo', [fifo]);
  return fifo;
}

function run(
  fifo: string,
  ending: string,
): Promise<{ code: unknown; signal: unknown; output: string }> {
  return new Promise((resolve) => {
    // A program that hangs is killed, which is seen by its signal.
    const options = { timeout: 20_000, killSignal: 'SIGKILL' } as const;
    const words = ['--expose-gc', program, fifo, ending];
    execFile(process.execPath, words, options, (error, stdout, stderr) => {
      const { code, signal } = error ?? { code: 0, signal: null };
      resolve({ code, signal: signal ?? null, output: stdout + stderr });
    });
  });
}

for (const [title, ending, code, output] of [
  ['a watch alone does not keep the program', 'idle', 0, ''],
  ['unless it was asked to; twice unwatched is once', 'kept', 0, 'called back\n'],
  ['process.exit while watching', 'exit', 7, ''],
  ['process.exit in the callback', 'exit-in-callback', 7, ''],
  ['an exception in the callback is an uncaught one', 'throw', 8, 'in the callback\n'],
  ['worker.terminate while watching', 'terminate-idle', 0, 'terminated\n'],
  ['worker.terminate while called back all the time', 'terminate-busy', 0, 'terminated\n'],
  ['a collected handle ends its watch', 'collected', 0, 'opened 50, left 0\n'],
] as const) {
  test(title, async (t) => {
    using place = new Place();
    t.deepEqual(await run(fifoIn(place), ending), { code, signal: null, output });
  });
}

test.serial('what can be read calls back until it is unwatched', async (t) => {
  using place = new Place();
  const fd = openSync(fifoIn(place), 'r+');
  const before = descriptors();
  let calls = 0;
  const watch = unwrap(native().watchFd(fd, false, true, () => calls++));
  t.is(descriptors(), before + 1);
  await soon(50);
  t.is(calls, 0);
  writeSync(fd, 'x');
  await soon(50);
  t.true(calls > 0);
  native().unwatchFd(watch);
  const last = calls;
  await soon(50);
  t.is(calls, last);
  t.is(descriptors(), before);
  closeSync(fd);
});

test.serial('with priority, a change of the mount table calls back once', async (t) => {
  using place = new Place();
  const table = openSync('/proc/self/mountinfo', 'r');
  let calls = 0;
  const watch = unwrap(native().watchFd(table, true, true, () => calls++));
  closeSync(table);
  await soon(50);
  t.is(calls, 0);
  place.tmpfs('mount');
  await soon(50);
  t.is(calls, 1);
  native().unwatchFd(watch);
});

test('what cannot be watched says so', (t) => {
  const call = (fd: number): unknown => unwrap(native().watchFd(fd, false, false, () => undefined));
  t.throws(() => call(987_654), { name: 'OverlayError', code: 'EBADF' });
  const file = openSync(program, 'r');
  t.throws(() => call(file), { code: 'EPERM', message: /epoll_ctl/ });
  closeSync(file);
});
