/** Who takes turns: the floor, the library, and what a user would take instead. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, run } from '../tools.ts';
import type { Layers } from './trees.ts';
import { Worker } from './worker-client.ts';
import type { Counts, How } from './worker-messages.ts';

export interface Timed {
  readonly ms: number;
  /** Where it says what it found. */
  readonly counts?: Counts;
  readonly peakBytes?: number;
}

export interface Contestant {
  readonly name: string;
  readonly title: string;
  /** It is the floor or ours: its counts have to be right. */
  readonly exact: boolean;
  run(): Timed | Promise<Timed>;
  end(): void;
}

export interface Programs {
  readonly floor: string;
  readonly measure: string;
  readonly threads: number;
}

export const command: string = join(root, 'dist', 'command', 'main.cjs');

export function diffWords({ upper, lower, xattrs }: Layers): string[] {
  return ['diff', '--upper', upper, '--lower', lower, '--xattrs', xattrs, '--name-status', '-0'];
}

export function floorWords(layers: Layers, threads: number, ...more: string[]): string[] {
  const marks = layers.xattrs === 'user' ? ['--userxattr'] : [];
  return [layers.upper, layers.lower, '--threads', String(threads), ...marks, ...more];
}

/** Its own clock: what it takes to start a program is not counted for it. */
function floor(
  { floor: program, threads }: Programs,
  layers: Layers,
  many: boolean,
  kinds: boolean,
): Contestant {
  const count = many ? threads : 1;
  const words = floorWords(layers, count, '--report', ...(kinds ? ['--kinds'] : []));
  return {
    name: `floor-${many ? 'n' : '1'}${kinds ? '-kinds' : ''}`,
    title: `floor, ${count} ${count === 1 ? 'thread' : 'threads'}${kinds ? ', kinds only' : ''}`,
    exact: true,
    run: () => {
      const { status, stderr } = spawnSync(program, words, {
        encoding: 'utf8',
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      if (status !== 0) {
        throw new Error(`the floor ended with ${status}: ${stderr}`);
      }
      const { ms, ...counts } = JSON.parse(stderr) as Counts & { ms: number };
      return { ms, counts };
    },
    end: () => undefined,
  };
}

const inNode: Readonly<Record<How, string>> = {
  each: 'changes(), for await',
  'each-1': 'changes({ threads: 1 }), for await',
  batches: 'changes().batches()',
  count: 'changes().count()',
  sync: 'Node: readdirSync, lstatSync',
  async: 'Node: readdir, lstat at once',
  recursive: 'Node: recursive readdir, lstat',
};

/** In a Node that runs already and has done it before. */
function walk(how: How, layers: Layers): Contestant {
  let worker: Worker | undefined;
  return {
    name: how,
    title: inNode[how],
    exact: /^(?:each|batches|count)/.test(how),
    run: async () => {
      worker ??= new Worker();
      const { ms = Number.NaN, counts } = await worker.ask({ what: 'walk', how, layers });
      return { ms, ...(counts && { counts }) };
    },
    end: () => worker?.end(),
  };
}

/** A program from its start to its end, its output thrown away. */
function program(
  { measure }: Programs,
  name: string,
  title: string,
  words: readonly string[],
  statuses: readonly number[] = [0],
): Contestant {
  return {
    name,
    title,
    exact: false,
    run: () => {
      const { status, ...timed } = JSON.parse(run(measure, ...words)) as Timed & { status: number };
      if (!statuses.includes(status)) {
        throw new Error(`${words.join(' ')}: exit code ${status}`);
      }
      return timed;
    },
    end: () => undefined,
  };
}

const known = new Map<string, string | undefined>();

/** The path of a program: given by a variable of the environment, or else found; said once if not. */
function found(name: string): string | undefined {
  if (!known.has(name)) {
    const path = process.env[`OVERLAYFS_BENCH_${name.toUpperCase()}`] ?? name;
    const { error } = spawnSync(path, ['--version'], { stdio: 'ignore' });
    if (error !== undefined) {
      console.log(`${name} is not installed, and left out`);
    }
    known.set(name, error === undefined ? path : undefined);
  }
  return known.get(name);
}

/** One of them, unless it is not installed. */
function peer(
  programs: Programs,
  name: string,
  title: string,
  words: readonly string[],
  statuses?: readonly number[],
): Contestant[] {
  const path = found(name);
  return path === undefined ? [] : [program(programs, name, title, [path, ...words], statuses)];
}

export function ours(programs: Programs, layers: Layers): Contestant[] {
  return [
    floor(programs, layers, false, false),
    floor(programs, layers, true, false),
    floor(programs, layers, true, true),
    walk('each', layers),
    walk('each-1', layers),
    walk('batches', layers),
    walk('count', layers),
    program(programs, 'command', 'overlayfs diff, a process', [
      process.execPath,
      command,
      ...diffWords(layers),
    ]),
    program(programs, 'node', 'node -e 0, a process', [process.execPath, '-e', '0']),
  ];
}

/** @param atOnce Whether Node has the memory to begin with everything in a directory at once. */
export function others(programs: Programs, layers: Layers, atOnce: boolean): Contestant[] {
  const printed = ['-printf', '%y %m %s %T@ %P\\n'];
  return [
    walk('sync', layers),
    ...(atOnce ? [walk('async', layers)] : []),
    walk('recursive', layers),
    ...peer(programs, 'find', 'find -printf of the upper', [layers.upper, ...printed]),
    ...peer(programs, 'bfs', 'bfs -printf of the upper', [layers.upper, ...printed]),
  ];
}

/** What compares two whole trees. */
export function whole(programs: Programs, { lower }: Layers, merged: string): Contestant[] {
  const trees = ['--recursive', '--brief', '--no-dereference', lower, merged];
  return [
    ...peer(programs, 'diff', 'diff -rq of lower and merged', trees, [0, 1]),
    ...peer(programs, 'rsync', 'rsync -ain --delete', [
      '-ain',
      '--delete',
      `${merged}/`,
      `${lower}/`,
    ]),
  ];
}
