/**
 * Mounting and unmounting, in a private mount namespace on a tmpfs of its own, `volatile`. Compared are
 * 10th percentiles, since every unmounting waits for other processors, and that varies.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { countCalls } from './mount-calls.ts';
import type { MountPlan, Nanoseconds } from './mount-run.ts';
import { compile, percentile, printMachine, run, script } from './tools.ts';

const owner = 1000;
const asOwner = ['setpriv', `--reuid=${owner}`, `--regid=${owner}`, '--clear-groups', '--'];
const privately = ['--mount', '--propagation', 'private', '--'];
const names: Readonly<Record<string, string>> = {
  attached: 'C, nothing else',
  guarded: 'C, and nobody else has the upper',
  rootless: 'C, nothing else',
  'rootless-guarded': 'C, and nobody else has the upper',
  sync: 'mountOverlaySync, closeSync',
  promise: 'mountOverlay, close',
  commands: 'mount(8), umount(8)',
};

interface Section {
  readonly title: string;
  readonly plan: MountPlan;
  /** The C program that does what ours does. */
  readonly floor: string;
  /** Without targets it is a report. */
  readonly hasTargets: boolean;
}

const µs = (nanoseconds: number): string => `${(nanoseconds / 1000).toFixed(0)} µs`.padStart(9);
const p10 = (took: Nanoseconds, means: string): number => percentile(took[means] ?? [], 10);

/** Of one line of the table: compared with the C program, and whether that is as it must be. */
function judged(took: Nanoseconds, means: string, floor: string): readonly [string, boolean?] {
  const bottom = p10(took, floor);
  const time = p10(took, means);
  if (means === 'commands') {
    const times = time / p10(took, 'sync');
    return [`${times.toFixed(1)} × the blocking form; at least 20`, times >= 20];
  }
  if (means !== 'sync' && means !== 'promise') {
    return [''];
  }
  const more = means === 'sync' ? 40 : 100;
  const compared = `${(time / bottom).toFixed(2)} × C, ${µs(time - bottom).trim()} more`;
  return [`${compared}; at most 1.3 × and ${more} µs`, time <= 1.3 * bottom + more * 1000];
}

function printSection({ title, plan, floor, hasTargets }: Section, took: Nanoseconds): void {
  console.log(`\n${title}, ${plan.cycles} cycles in ${plan.blocks} turns`);
  console.log(`${' '.repeat(36)}      p10    median`);
  for (const means of plan.means) {
    const median = percentile(took[means] ?? [], 50);
    const [text, holds] = judged(took, means, floor);
    const verdict = !hasTargets || holds === undefined ? '' : holds ? ': holds' : ': MISSED';
    const compared = hasTargets ? text : text.replace(/;.*/, '');
    console.log(
      `  ${names[means]?.padEnd(34)}${µs(p10(took, means))} ${µs(median)}  ${compared}${verdict}`,
    );
    if (hasTargets && holds === false) {
      process.exitCode = 1;
    }
  }
}

function makeLayers(directory: string): void {
  for (const name of ['lower', 'upper', 'work', 'target']) {
    mkdirSync(join(directory, name));
  }
}

/** What an ordinary user needs of a directory that root has made. */
function giveAway(directory: string): void {
  for (const name of ['.', 'lower', 'upper', 'work', 'target']) {
    chownSync(join(directory, name), owner, owner);
  }
}

function measure(section: Section, directory: string, words: readonly string[]): void {
  const [program = '', ...args] = [
    ...words,
    ...[process.execPath, script('mount-run'), directory, JSON.stringify(section.plan)],
  ];
  printSection(section, JSON.parse(run(program, ...args)) as Nanoseconds);
}

function printCalls(section: Section, directory: string, words: readonly string[]): void {
  const count = (means: string): ReturnType<typeof countCalls> =>
    countCalls(words, directory, { ...section.plan, means: [means] });
  const bare = count(section.plan.rootless ? 'rootless' : 'attached');
  const guarded = count(section.floor);
  const ours = count('sync');
  if (typeof bare === 'string' || typeof guarded === 'string' || typeof ours === 'string') {
    console.log(`  system calls: not counted, ${bare}`);
    return;
  }
  console.log(
    `  system calls a cycle: ours ${ours.total}, C ${bare.total}, and ${guarded.total} where nobody else ` +
      `has the upper\n  that question: ${guarded.total - bare.total}; our other checks: ` +
      `${ours.total - guarded.total}`,
  );
  console.log(`  ours: ${ours.text}`);
}

function inTmpfs(base: string, name: string): string {
  const directory = join(base, name);
  mkdirSync(directory);
  run('mount', '-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', directory);
  makeLayers(directory);
  return directory;
}

/** The loop device goes with the mount. */
function onExt4(base: string, section: Section): void {
  const image = join(base, 'ext4.img');
  const directory = join(base, 'ext4');
  mkdirSync(directory);
  try {
    run('truncate', '--size=256M', image);
    run('mkfs.ext4', '-q', image);
    run('mount', '-o', 'loop', image, directory);
  } catch (error) {
    console.log(`\n${section.title}: skipped, ${String(error)}`);
    return;
  }
  makeLayers(directory);
  measure(section, directory, []);
}

/** In a mount namespace of ours, with which everything that was mounted here goes. */
function asRoot(sections: Readonly<Record<'path' | 'detached' | 'durable', Section>>): void {
  const base = mkdtempSync(join(tmpdir(), 'overlayfs-bench-'));
  chmodSync(base, 0o755);
  try {
    const path = inTmpfs(base, 'path');
    measure(sections.path, path, []);
    printCalls(sections.path, path, []);
    const detached = inTmpfs(base, 'detached');
    giveAway(detached);
    measure(sections.detached, detached, asOwner);
    printCalls(sections.detached, detached, asOwner);
    onExt4(base, sections.durable);
  } finally {
    spawnSync(
      'umount',
      ['path', 'detached', 'ext4'].map((name) => join(base, name)),
      {
        stdio: 'ignore', // what was not mounted
      },
    );
    rmSync(base, { recursive: true, force: true });
  }
}

export function mount(args: readonly string[]): void {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cycles: { type: 'string', default: '2000' },
      inside: { type: 'boolean', default: false },
    },
  });
  if (process.getuid?.() !== 0) {
    throw new Error('Run it as root: what an ordinary user can do is measured as uid 1000.');
  }
  if (!values.inside) {
    const inside = [process.execPath, script('main'), 'mount', '--inside'];
    const words = [...privately, ...inside, '--cycles', values.cycles];
    process.exitCode = spawnSync('unshare', words, { stdio: 'inherit' }).status ?? 1;
    return;
  }
  const cycles = Number(values.cycles);
  const plan = { blocks: 10, floor: compile('floor-mount'), volatile: true, cycles };
  printMachine();
  asRoot({
    path: {
      title: 'At a path, as root, tmpfs',
      plan: {
        ...plan,
        means: ['attached', 'guarded', 'sync', 'promise', 'commands'],
        rootless: false,
      },
      floor: 'guarded',
      hasTargets: true,
    },
    detached: {
      title: 'Detached, as an ordinary user, tmpfs',
      plan: { ...plan, means: ['rootless', 'rootless-guarded', 'sync', 'promise'], rootless: true },
      floor: 'rootless-guarded',
      hasTargets: true,
    },
    durable: {
      title: 'At a path, as root, ext4, durable: unmounting syncs it',
      plan: {
        ...plan,
        means: ['attached', 'guarded', 'sync', 'promise', 'commands'],
        cycles: cycles / 10,
        rootless: false,
        volatile: false,
      },
      floor: 'guarded',
      hasTargets: false,
    },
  });
}
