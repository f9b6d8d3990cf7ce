/** The library in a Node that runs already: a sandbox from its making to its end, and a program in one. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox, SandboxOptions } from 'overlayfs';
import { createSandbox } from 'overlayfs';
import { compile } from '../tools.ts';
import { printRows, timesOf } from './figures.ts';

const turns = 10;

async function timed(count: number, cycle: () => Promise<void>): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await cycle();
    took.push(performance.now() - started);
  }
  return took;
}

/** `close` comes when nothing of the program is left. */
async function spawnIn(sandbox: Sandbox): Promise<void> {
  const [code] = (await once(sandbox.spawn('true', [], { stdio: 'ignore' }), 'close')) as [number];
  if (code !== 0) {
    throw new Error(`true: exit code ${code}`);
  }
}

async function plainSpawn(): Promise<void> {
  await once(spawn('true', [], { stdio: 'ignore' }), 'close');
}

function byC(mode: 'whole' | 'run', lower: string, state: string, count: number): number[] {
  const args = [mode, lower, state, String(count), 'true'];
  const output = execFileSync(compile('floor-run'), args, { encoding: 'utf8' });
  return output
    .trimEnd()
    .split('\n')
    .map((nanoseconds) => Number(nanoseconds) / 1e6);
}

export async function measureSpawning(directory: string, cycles: number): Promise<void> {
  const [lower, state] = ['lower', 'state'].map((name) => join(directory, name)) as [
    string,
    string,
  ];
  for (const made of [lower, state]) {
    mkdirSync(made, { recursive: true });
  }
  const options: SandboxOptions = { lower, directory: state };
  const took = { wholeC: [], whole: [], runC: [], run: [], plain: [] } as Record<string, number[]>;
  const each = Math.ceil(cycles / turns);
  const whole = async (): Promise<void> => {
    await using sandbox = await createSandbox(options);
    await spawnIn(sandbox);
  };
  await timed(Math.min(20, cycles), whole); // until it has been compiled
  for (let turn = 0; turn < turns; turn++) {
    took.wholeC?.push(...byC('whole', lower, state, each));
    took.whole?.push(...(await timed(each, whole)));
    took.runC?.push(...byC('run', lower, state, each));
    await using sandbox = await createSandbox(options);
    took.run?.push(...(await timed(each, () => spawnIn(sandbox))));
    took.plain?.push(...(await timed(each, plainSpawn)));
  }
  const of = (name: string): number[] => took[name] ?? [];
  printRows('The library in a Node that runs already', [
    { title: 'C: session, overlay, program, and all away', took: of('wholeC') },
    {
      title: 'createSandbox, spawn, close',
      took: of('whole'),
      judged: timesOf(of('whole'), of('wholeC'), 1.3, 'C', 1),
    },
    { title: 'C: a program on an overlay that is there', took: of('runC') },
    {
      title: 'spawn in a sandbox that is there',
      took: of('run'),
      judged: timesOf(of('run'), of('runC'), 1.3, 'C', 1),
    },
    { title: 'child_process.spawn, no overlay', took: of('plain') },
  ]);
  rmSync(state, { recursive: true });
}
