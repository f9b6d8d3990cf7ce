/** How many system calls one cycle makes, by strace(1). */
import { spawnSync } from 'node:child_process';
import type { MountPlan } from './mount-run.ts';
import { script } from './tools.ts';

const cycles = 100;

export interface Calls {
  readonly total: number;
  /** By name, the most frequent first. */
  readonly text: string;
}

function traced(words: readonly string[]): Map<string, number> | string {
  const { error, status, stderr } = spawnSync(
    'strace',
    ['-f', '-c', '-U', 'calls,name', ...words],
    {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    },
  );
  if (error !== undefined || status !== 0) {
    return `strace: ${error?.message ?? stderr.trim()}`;
  }
  const calls = new Map<string, number>();
  for (const [, count, name = ''] of stderr.matchAll(/^ *(\d+) (\w+)$/gm)) {
    if (name !== 'total') {
      calls.set(name, Number(count));
    }
  }
  return calls;
}

/**
 * The difference between a run of some cycles and a run of none, or why there is none. What happens less
 * than once in two cycles belongs to the runtime.
 */
export function countCalls(
  words: readonly string[],
  directory: string,
  plan: MountPlan,
): Calls | string {
  const run = (count: number): ReturnType<typeof traced> =>
    traced([
      ...words,
      ...[process.execPath, script('mount-run'), directory],
      JSON.stringify({ ...plan, cycles: count, blocks: 1 }),
    ]);
  const none = run(0);
  const some = run(cycles);
  if (typeof none === 'string' || typeof some === 'string') {
    return typeof none === 'string' ? none : String(some);
  }
  const each = [...some]
    .map(([name, count]) => [name, Math.round((count - (none.get(name) ?? 0)) / cycles)] as const)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
  return {
    total: each.reduce((sum, [, count]) => sum + count, 0),
    text: each.map(([name, count]) => `${count} ${name}`).join(', '),
  };
}
