/**
 * Running on a copy-on-write view, and applying what came of it, in a private mount namespace: against
 * Node's own start, a minimal C program, cp(1) and rsync(1). docs/benchmarks.md says more.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureFiles, measureLarge } from './run/applying.ts';
import { measureSpawning } from './run/spawning.ts';
import { measureStarting } from './run/starting.ts';
import { printMachine, runToEnd, script } from './tools.ts';

const usage = `npm run bench -- run [options]
  --part NAME     only this one (again for more): start, spawn, files, large
  --runs N        of every process (30)
  --cycles N      of every form of spawning (300)
  --check         everything on small trees and once, for a test: what it measures says nothing`;

const options = {
  part: {
    type: 'string',
    multiple: true,
    default: ['start', 'spawn', 'files', 'large'] as string[],
  },
  runs: { type: 'string', default: '30' },
  cycles: { type: 'string', default: '300' },
  check: { type: 'boolean', default: false },
  inside: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** In a mount namespace, with which everything goes that is mounted; the directory goes here. */
async function enter(args: readonly string[]): Promise<number> {
  const base = mkdtempSync(join(tmpdir(), 'overlayfs-bench-'));
  chmodSync(base, 0o755);
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const words = [...user, '--mount', '--propagation', 'private', '--', process.execPath];
  const inside = [...words, script('main'), 'run', ...args, '--inside', base];
  try {
    return await runToEnd('unshare', inside);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/** Of the machine, who may mount images. */
function isRoot(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}

export async function runBench(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options });
  if (values.help) {
    console.log(usage);
    return;
  }
  const { check, inside: base } = values;
  if (base === undefined) {
    process.exitCode = await enter(args);
    return;
  }
  const runs = check ? 1 : Number(values.runs);
  const part = (name: string): string | undefined => {
    const directory = join(base, name);
    mkdirSync(directory);
    return values.part.includes(name) ? directory : undefined;
  };
  printMachine();
  const [start, spawn, files, large] = ['start', 'spawn', 'files', 'large'].map(part);
  if (start !== undefined) {
    measureStarting(start, runs);
  }
  if (spawn !== undefined) {
    await measureSpawning(spawn, check ? 10 : Number(values.cycles));
  }
  if (files !== undefined) {
    await measureFiles(files, check ? 200 : 10_000, check ? 1 : 5);
  }
  if (large !== undefined && isRoot()) {
    await measureLarge(large, check ? 2 ** 28 : 2 ** 32, check ? 1 : 7);
  } else if (large !== undefined) {
    console.log('\nThe large file was not tried: mounting an image for it takes root.');
  }
  if (check) {
    process.exitCode = 0; // limits are for what is big enough
  }
}
