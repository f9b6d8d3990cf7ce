// What becomes of the command when nobody takes its output: a reader that is slow, one that goes away,
// a full disk, an interruption.
import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { program, shell } from './helpers/command.ts';
import { hugePair } from './helpers/huge-pair.ts';
import { asRoot, Place } from './helpers/place.ts';

const marks = asRoot ? [] : ['--userxattr'];
const many = 100_000;
const some = 5_000;

let place: Place;

/** Names of 200 bytes: the list is larger than any buffer on its way. */
function fill(directory: string, count: number): void {
  let source = '';
  for (let i = 0; i < count; i++) {
    const parent = `${directory}/${Math.floor(i / 1000)}`;
    if (i % 1000 === 0) {
      mkdirSync(parent, { recursive: true });
    }
    const path = `${parent}/${String(i).padStart(200, '0')}`;
    if (i % 30_000 === 0) {
      writeFileSync(path, ''); // ext4 gives a file 65000 names
      source = path;
    } else {
      linkSync(source, path);
    }
  }
}

test.before(() => {
  place = new Place('lower', 'huge', 'hugelower');
  fill(place.at('many'), many);
  fill(place.at('some'), some);
  fill(place.at('huge'), some);
  hugePair(place.at('huge/z'), place.at('hugelower/z'));
});

test.after.always(() => place[Symbol.dispose]());

const diffOf = (upper: string, ...options: string[]): string[] => {
  const lower = place.at(upper === 'huge' ? 'hugelower' : 'lower');
  return ['diff', ...options, ...marks, '--upper', place.at(upper), '--lower', lower];
};

type Running = ChildProcessByStdio<null, Readable, Readable>;

/** The command, and nobody reads what it prints. */
function start(t: ExecutionContext, args: readonly string[]): Running {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

/** Ticks of a processor that it has used. */
function ticks({ pid }: Running): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** Waits until it does nothing any more, having done something. */
async function stalled(child: Running): Promise<void> {
  let quiet = 0;
  let last = 0;
  while (quiet < 8) {
    await sleep(100);
    const now = ticks(child);
    quiet = child.stdout.readableLength > 0 && now - last <= 1 ? quiet + 1 : 0;
    last = now;
  }
}

/** What it has ever held in memory, when it has printed as much as it can. */
async function peakMegabytes(child: Running): Promise<number> {
  child.stdout.once('readable', () => undefined); // fills the buffer on this side, once
  await stalled(child);
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

async function ended(child: Running): Promise<readonly [number | null, string | null]> {
  const [code, signal] = await once(child, 'close');
  return [code, signal];
}

test.serial('a slow reader makes it wait, not grow', async (t) => {
  const short = await peakMegabytes(start(t, diffOf('some', '--json')));
  const child = start(t, diffOf('many', '--json'));
  const long = await peakMegabytes(child);
  const end = ended(child);
  const [all, errors] = await Promise.all([buffer(child.stdout), text(child.stderr)]);
  t.is(errors, '');
  t.deepEqual(await end, [0, null]);
  t.is(all.toString().split('\n').length - 1, many + many / 1000);
  const outputMegabytes = all.length / 1024 ** 2;
  t.log(`${short.toFixed(0)} and ${long.toFixed(0)} MB for ${outputMegabytes.toFixed(0)} MB`);
  t.true(long - short < outputMegabytes / 3);
});

test.serial('an interruption ends it while it waits for a reader', async (t) => {
  const child = start(t, diffOf('many'));
  await peakMegabytes(child);
  const end = ended(child);
  child.kill('SIGINT');
  child.stdout.resume();
  t.deepEqual(await end, [null, 'SIGINT']);
});

test.serial('an interruption ends it while it compares', async (t) => {
  const child = start(t, diffOf('huge'));
  const end = ended(child);
  child.stdout.resume();
  while (ticks(child) < 150) {
    await sleep(50); // what comes before the huge file takes a few only
  }
  const started = performance.now();
  child.kill('SIGINT');
  t.deepEqual(await end, [null, 'SIGINT']);
  t.true(performance.now() - started < 1000);
});

/** The exit code of the command on the left of a pipe. */
async function leftOfPipe(t: ExecutionContext, args: readonly string[]): Promise<string> {
  const words = args.map((word) => `'${word}'`).join(' ');
  const { stdout, stderr } = await shell(
    `{ overlayfs ${words}; echo "status $?" >&3; } 3>&2 | head -n 1 >/dev/null`,
  );
  t.is(stdout.length, 0);
  return stderr;
}

test.serial('a reader that goes away ends it quietly', async (t) => {
  for (const form of [[], ['--json'], ['-0'], ['--name-status']]) {
    t.is(await leftOfPipe(t, diffOf('many', ...form)), 'status 0\n', form.join());
  }
  t.is(await leftOfPipe(t, diffOf('many', '--exit-code')), 'status 3\n');
  t.is(await leftOfPipe(t, ['scan', ...marks, place.at('many')]), 'status 0\n');
  // What would come next takes a minute.
  const started = performance.now();
  t.is(await leftOfPipe(t, diffOf('huge')), 'status 0\n');
  t.true(performance.now() - started < 15_000);
});

test.serial('a reader that was never there is no failure either', async (t) => {
  for (const args of ['diff --help', '--version', 'list']) {
    // The reader has ended before the command starts.
    const line = `{ sleep 0.3; overlayfs ${args}; echo "status $?" >&2; } | true`;
    t.is((await shell(line)).stderr, 'status 0\n', args);
  }
});

test.serial('a full disk is a failure, and nothing stays mounted', async (t) => {
  const full = 'overlayfs: the output cannot be written: ENOSPC: no space left on device, write\n';
  for (const args of [diffOf('some'), ['--help'], ['scan', ...marks, place.at('some')]]) {
    const words = args.map((word) => `'${word}'`).join(' ');
    const { status, stderr } = await shell(`overlayfs ${words} >/dev/full`);
    t.deepEqual([status, stderr], [1, full]);
  }
  mkdirSync(place.at('target'));
  const layers = `--lower '${place.at('lower')}' --upper '${place.at('upper')}'`;
  const line = `overlayfs mount ${layers} '${place.at('target')}' >/dev/full`;
  const { status, stderr } = await shell(line);
  t.deepEqual([status, stderr], [1, full]);
  t.deepEqual(place.overlays(), []);
  t.deepEqual(readdirSync(place.at('target')), []);
});
