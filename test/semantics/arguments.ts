// The command line of the main program.
import { parseArgs } from 'node:util';
import type { Command } from './pool.ts';

export interface Arguments {
  /** Whether this is root of the initial user namespace. */
  readonly root: boolean;
  /** So many histories in each cell, or as many as fit into the minutes. */
  readonly each: number;
  readonly minutes: number | undefined;
  readonly seed: number;
  /** Only cells whose names contain it. */
  readonly cell: string | undefined;
  /** Only this one. */
  readonly history: string | undefined;
  /** Where the histories of failures are written. */
  readonly failures: string | undefined;
  /** Where the outcome is written. */
  readonly result: string | undefined;
  readonly workers: number;
  /** How long a failing history is made smaller. */
  readonly shrinkSeconds: number;
  /** What makes ordinary users of the processes that root starts; or why that is impossible. */
  readonly rootless: readonly Command[] | string;
}

function number(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} takes a number`);
  return value;
}

export function readArguments(args: readonly string[]): Arguments {
  const string = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      as: string,
      each: string,
      minutes: string,
      seed: string,
      cell: string,
      history: string,
      failures: string,
      result: string,
      workers: string,
      shrink: string,
      rootless: string,
    },
  });
  const seed = number(values.seed, 'seed', Math.floor(Math.random() * 2 ** 31));
  return {
    root: values.as === 'root',
    each: number(values.each, 'each', 5),
    minutes: values.minutes === undefined ? undefined : number(values.minutes, 'minutes', 0),
    seed,
    cell: values.cell,
    history: values.history,
    failures: values.failures,
    result: values.result,
    workers: number(values.workers, 'workers', 2),
    shrinkSeconds: number(values.shrink, 'shrink', 30),
    rootless:
      values.rootless === undefined
        ? 'not asked for'
        : (JSON.parse(values.rootless) as readonly Command[] | string),
  };
}
