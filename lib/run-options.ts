/** How a program is run: what a caller can say of it, and its checked form. */
import { constants } from 'node:os';
import type { PathLike } from './arguments.ts';
import {
  absolutePath,
  descriptor,
  oneOf,
  optionalSignal,
  optionsObject,
  pathBytes,
  textBytes,
  workingDirectory,
} from './arguments.ts';
import { argumentRange, argumentType, argumentValue } from './errors.ts';
import type { NativeStart } from './native-programs.ts';

/**
 * `'pipe'`: given by `input`, or collected in the result. `'inherit'`: that of this process.
 * `'ignore'`: /dev/null. A number: this descriptor, which stays open here.
 */
export type RunStdio = 'pipe' | 'inherit' | 'ignore' | number;

export interface RunOptions {
  /**
   * Where the program sees the overlay: an existing directory, other than the root. What lies there is
   * covered for the program, and for nobody else. Default: the top-most lower, so that paths stay what
   * they are.
   */
  readonly at?: PathLike;
  /**
   * The working directory, by its path where the overlay is in place already. Default: `process.cwd()` if
   * that is inside of `at`, where it is a directory of the overlay, else `at`.
   */
  readonly cwd?: PathLike;
  /** The whole environment. Default: `process.env`. A value of `undefined` leaves the name out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** For all three, or for standard input, output and error. Default: `'pipe'`. */
  readonly stdio?: RunStdio | readonly [stdin: RunStdio, stdout: RunStdio, stderr: RunStdio];
  /** What the program reads from standard input; without it the input is empty. */
  readonly input?: string | Uint8Array;
  /**
   * How many bytes are collected of standard output, and of standard error. Beyond that the program is
   * sent `killSignal`. Default: 1 MiB, as in `node:child_process`.
   */
  readonly maxBuffer?: number;
  /** Sends `killSignal`; the run then rejects with an `AbortError`, once the program is gone. */
  readonly signal?: AbortSignal;
  /** Default: `'SIGTERM'`. A program that does not mind it is waited for. */
  readonly killSignal?: NodeJS.Signals | number;
}

const optionNames = [
  'at',
  'cwd',
  'env',
  'stdio',
  'input',
  'maxBuffer',
  'signal',
  'killSignal',
] as const satisfies readonly (keyof RunOptions)[];

/** What the addon is told, but for the overlay, and what is done here. */
export interface RunPlan {
  readonly start: Omit<NativeStart, 'mount' | 'userNamespace'>;
  readonly result: ResultPlan;
}

/** What is done here with a program and its output. */
export interface ResultPlan {
  readonly input: Uint8Array;
  readonly maxBuffer: number;
  readonly signal: AbortSignal | undefined;
  readonly killSignal: number;
}

const wordsOfStdio = ['pipe', 'inherit', 'ignore'] as const;
const names = ['stdin', 'stdout', 'stderr'] as const;
const nullDevice = -1;
const newPipe = -2;

function stdioNumber(value: unknown, name: string, own: number): number {
  if (typeof value === 'number') {
    return descriptor(value, name);
  }
  switch (oneOf(value, name, wordsOfStdio)) {
    case 'inherit':
      return own;
    case 'ignore':
      return nullDevice;
    case 'pipe':
      return newPipe;
  }
}

function stdioNumbers(value: unknown): readonly number[] {
  if (!Array.isArray(value)) {
    return names.map((_, i) => stdioNumber(value, 'options.stdio', i));
  }
  if (value.length !== names.length) {
    throw argumentValue('options.stdio', 'must have three items: stdin, stdout and stderr');
  }
  return Array.from(value, (item, i) => stdioNumber(item, `options.stdio[${i}]`, i));
}

export function environment(value: unknown): readonly Buffer[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw argumentType('options.env', 'an object', value);
  }
  return Object.entries(value)
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => {
      if (typeof text !== 'string') {
        throw argumentType(`options.env.${name}`, 'a string', text);
      }
      if (name === '' || name.includes('=')) {
        throw argumentValue('options.env', `has a name that cannot be one: '${name}'`);
      }
      return textBytes(`${name}=${text}`, `options.env.${name}`);
    });
}

function inputBytes(value: unknown, stdin: number | undefined): Uint8Array {
  if (value === undefined) {
    return Buffer.alloc(0);
  }
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw argumentType('options.input', 'a string or a Uint8Array', value);
  }
  if (stdin !== newPipe) {
    throw argumentValue('options.input', "needs standard input to be 'pipe'");
  }
  return Buffer.from(value as string); // a copy: it is written while the caller goes on
}

function bufferLimit(value: unknown): number {
  if (typeof value !== 'number') {
    throw argumentType('options.maxBuffer', 'a number', value);
  }
  if (!(value >= 0)) {
    throw argumentRange('options.maxBuffer', 'must not be negative');
  }
  return value;
}

export function signalNumber(value: unknown, name: string): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  const number = typeof value === 'string' ? numbers[value] : value;
  if (typeof number !== 'number' || !Object.values(numbers).includes(number)) {
    throw argumentValue(name, 'must be the name or the number of a signal');
  }
  return number;
}

function argumentList(value: unknown): readonly Buffer[] {
  if (!Array.isArray(value)) {
    throw argumentType('args', 'an array', value);
  }
  return Array.from(value, (item, i) => textBytes(item, `args[${i}]`));
}

/** A program that is run on an overlay must not work beside it by default. */
function startIn(at: Buffer): Buffer {
  const here = workingDirectory();
  const below = Buffer.concat([at, Buffer.from('/')]);
  return here.equals(at) || here.subarray(0, below.length).equals(below) ? here : at;
}

function place(given: unknown, otherwise: Buffer | undefined): Buffer {
  if (given === undefined && otherwise === undefined) {
    throw argumentValue('options.at', 'must be given: the top-most lower has no path');
  }
  return given === undefined && otherwise ? otherwise : absolutePath(given, 'options.at');
}

/** What is run, and with what. */
export interface ProgramPlan {
  readonly file: Buffer;
  readonly args: readonly Buffer[];
  readonly stdio: readonly number[];
}

export function programPlan(command: unknown, args: unknown, stdio: unknown): ProgramPlan {
  const file = pathBytes(command, 'command');
  return { file, args: [file, ...argumentList(args)], stdio: stdioNumbers(stdio ?? 'pipe') };
}

export function resultPlan(
  given: Readonly<Record<string, unknown>>,
  stdin: number | undefined,
): ResultPlan {
  return {
    input: inputBytes(given.input, stdin),
    maxBuffer: bufferLimit(given.maxBuffer ?? 1024 * 1024),
    signal: optionalSignal(given.signal, 'options.signal'),
    killSignal: signalNumber(given.killSignal ?? 'SIGTERM', 'options.killSignal'),
  };
}

/** `at` is where the program sees the overlay unless the options say otherwise. */
export function runPlan(
  command: unknown,
  args: unknown,
  options: unknown,
  at: Buffer | undefined,
): RunPlan {
  const given = optionsObject(options, 'options', optionNames);
  const program = programPlan(command, args, given.stdio);
  const seen = place(given.at, at);
  return {
    start: {
      ...program,
      at: seen,
      env: environment(given.env ?? process.env),
      cwd: given.cwd === undefined ? startIn(seen) : absolutePath(given.cwd, 'options.cwd'),
    },
    result: resultPlan(given, program.stdio[0]),
  };
}
