/**
 * Mounting and unmounting one overlay again and again, by different means that take turns:
 * `mount-run.js DIR 'JSON of MountPlan'` prints the nanoseconds of every cycle of each as JSON.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { MountOptions } from 'overlayfs';
import { mountOverlay, mountOverlaySync } from 'overlayfs';
import { run } from './tools.ts';

export interface MountPlan {
  /** `sync`, `promise`, `commands`, or a mode of the C program. */
  readonly means: readonly string[];
  /** Of each; of `commands` a tenth. */
  readonly cycles: number;
  readonly blocks: number;
  readonly floor: string;
  readonly rootless: boolean;
  readonly volatile: boolean;
}

export type Nanoseconds = Readonly<Record<string, readonly number[]>>;

const [directory = '', json = '{}'] = process.argv.slice(2);
const plan = JSON.parse(json) as MountPlan;
const at = (name: string): string => join(directory, name);

const ours: MountOptions = {
  lower: at('lower'),
  upper: at('upper'),
  work: at('work'),
  volatile: plan.volatile,
  ...(plan.rootless ? {} : { target: at('target') }),
};
/** What the library gives the kernel for these. */
const kernelOptions: readonly string[] = [
  ...(plan.rootless ? ['userxattr', 'redirect_dir=nofollow'] : ['redirect_dir=follow']),
  ...['index=off', 'metacopy=off', 'xino=off', 'nfs_export=off'],
  ...(plan.volatile ? ['volatile'] : []),
];

async function timed(count: number, cycle: () => void | Promise<void>): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = process.hrtime.bigint();
    const ends = cycle();
    if (ends !== undefined) {
      await ends;
    }
    took.push(Number(process.hrtime.bigint() - started));
  }
  return took;
}

function mountSync(): void {
  mountOverlaySync(ours).closeSync();
}

async function mountByPromises(): Promise<void> {
  const overlay = await mountOverlay(ours);
  await overlay.close();
}

function command(program: string, ...args: readonly string[]): void {
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) {
    throw new Error(`${program} ${args.join(' ')}: exit code ${status}`);
  }
}

function mountByCommands(): void {
  const layers = [`lowerdir=${at('lower')}`, `upperdir=${at('upper')}`, `workdir=${at('work')}`];
  const options = [...layers, ...kernelOptions].join(',');
  command('mount', '-t', 'overlay', 'overlay', '-o', options, at('target'));
  command('umount', at('target'));
}

/** The commands leave the mark of a volatile mount, which is not counted against them. */
async function timedCommands(count: number): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < count; i++) {
    took.push(...(await timed(1, mountByCommands)));
    rmSync(at('work/work/incompat'), { recursive: true, force: true });
  }
  return took;
}

function block(means: string, count: number): readonly number[] | Promise<readonly number[]> {
  switch (means) {
    case 'sync':
      return timed(count, mountSync);
    case 'promise':
      return timed(count, mountByPromises);
    case 'commands':
      return timedCommands(Math.ceil(count / 10));
    default:
      return run(plan.floor, means, directory, String(count), ...kernelOptions)
        .trimEnd()
        .split('\n')
        .map(Number);
  }
}

const took: Record<string, number[]> = Object.fromEntries(plan.means.map((means) => [means, []]));
for (let i = 0; i < plan.blocks; i++) {
  for (const means of plan.means) {
    const count = Math.ceil(plan.cycles / plan.blocks);
    took[means]?.push(...(count === 0 ? [] : await block(means, count)));
  }
}
console.log(JSON.stringify(took));
