/** The command from its start to its end, as a process of its own. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { compile, root } from '../tools.ts';
import type { Row } from './figures.ts';
import { above, printRows } from './figures.ts';

interface Process {
  readonly ms: number;
  /** Of the process and those that it has waited for. */
  readonly cpuMs: number;
  readonly status: number;
}

interface Contestant {
  readonly title: string;
  readonly words: readonly string[];
  /** Milliseconds above Node's own start. */
  readonly most?: number;
}

/** bubblewrap mounts overlays from 0.11 on, and only if it is not setuid. */
function bubblewrap(): string | undefined {
  const { stdout } = spawnSync('bwrap', ['--help'], { encoding: 'utf8' });
  return stdout?.includes('--tmp-overlay') ? 'bwrap' : undefined;
}

function contestants(lower: string, state: string): Contestant[] {
  const node = process.execPath;
  const command = [node, join(root, 'dist/command/main.cjs')];
  const session = mkdtempSync(join(state, 'floor-'));
  const bwrap = bubblewrap();
  if (bwrap === undefined) {
    console.log(
      '\nThere is no bwrap that knows --tmp-overlay (0.11): the C program stands for it.',
    );
  }
  return [
    { title: 'node -e 0', words: [node, '-e', '0'] },
    { title: 'overlayfs --help', words: [...command, '--help'], most: 25 },
    { title: 'overlayfs list', words: [...command, 'list'] },
    {
      title: 'overlayfs run -- true',
      words: [...command, 'run', '--dir', state, '--', 'true'],
      most: 15,
    },
    {
      title: 'C, the same as run',
      words: [compile('floor-run'), 'whole', lower, session, '1', 'true'],
    },
    ...(bwrap === undefined
      ? []
      : [
          {
            title: 'bwrap --tmp-overlay',
            words: [
              bwrap,
              '--bind',
              '/',
              '/',
              '--overlay-src',
              lower,
              '--tmp-overlay',
              lower,
              'true',
            ],
          },
        ]),
  ];
}

function timed(words: readonly string[], cwd: string): Process {
  const { stdout, stderr } = spawnSync(compile('measure'), words, { cwd, encoding: 'utf8' });
  const found = JSON.parse(stdout) as Process;
  if (found.status !== 0) {
    throw new Error(`${words.join(' ')}: exit code ${found.status}: ${stderr}`);
  }
  return found;
}

/** Everybody runs once to warm up, then all take turns. */
export function measureStarting(directory: string, runs: number): void {
  const [lower, state] = ['lower', 'state'].map((name) => join(directory, name)) as [
    string,
    string,
  ];
  for (const made of [lower, state]) {
    mkdirSync(made, { recursive: true });
  }
  const all = contestants(lower, state).map((one) => ({ ...one, seen: [] as Process[] }));
  for (let i = -1; i < runs; i++) {
    for (const { words, seen } of all) {
      const found = timed(words, lower);
      if (i >= 0) {
        seen.push(found);
      }
    }
  }
  const rows = (of: 'ms' | 'cpuMs', judges: boolean): Row[] => {
    const node = all[0]?.seen.map((run) => run[of]) ?? [];
    return all.map(({ title, seen, most }) => {
      const took = seen.map((run) => run[of]);
      return title.startsWith('overlayfs')
        ? { title, took, judged: above(took, node, 'Node', judges ? most : undefined) }
        : { title, took };
    });
  };
  printRows('A process, from its start to its end', rows('ms', true));
  printRows('Its processor time, and that of its children', rows('cpuMs', false));
  const left = readdirSync(state).filter((name) => !name.startsWith('floor-'));
  if (left.length > 0) {
    throw new Error(`Sessions are left: ${left.join()}`);
  }
  rmSync(state, { recursive: true });
}
