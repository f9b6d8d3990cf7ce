import { describeErrno } from './errno.ts';
import type { MountHolder } from './holder.ts';
import { explain } from './reasons.ts';

/** A failure as the native core reports it. */
export interface Failure {
  readonly errno: number;
  readonly syscall: string;
  readonly path: Buffer | null;
  readonly dest: Buffer | null;
  readonly reason: string;
  readonly detail: Buffer;
  readonly log: readonly Buffer[];
}

export interface OverlayErrorOptions {
  readonly code: string;
  readonly errno?: number;
  readonly syscall?: string;
  readonly path?: string;
  readonly dest?: string;
  readonly hint?: string;
  readonly kernelLog?: readonly string[];
  readonly holders?: readonly MountHolder[];
  readonly unmounted?: readonly string[];
  readonly cause?: unknown;
}

/**
 * What every failed operation throws or rejects with. The message has the form of Node's own system
 * errors, followed by the cause and the way out where they are known:
 *
 *     ENOENT: no such file or directory, open '/lower': this lower directory does not exist
 */
export class OverlayError extends Error {
  override readonly name = 'OverlayError';
  /** Stable name of the error: `EPERM`, `ENOSYS`, … */
  readonly code: string;
  /** The negated error number, as in Node's system errors. */
  readonly errno: number | undefined;
  /** The system call that failed, or that would have. */
  readonly syscall: string | undefined;
  /** What it was called on. Bytes that are not UTF-8 are replaced, as everywhere in messages. */
  readonly path: string | undefined;
  readonly dest: string | undefined;
  /** The cause and what to do about it. */
  readonly hint: string | undefined;
  /** What the kernel said about it, where it told the caller (the log of a filesystem context). */
  readonly kernelLog: readonly string[];
  /** The processes that hold a mount which could not be unmounted (`EBUSY`). */
  readonly holders: readonly MountHolder[] | undefined;
  /** Mount points that were unmounted before another one could not be. */
  readonly unmounted: readonly string[];

  constructor(message: string, options: OverlayErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.errno = options.errno;
    this.syscall = options.syscall;
    this.path = options.path;
    this.dest = options.dest;
    this.hint = options.hint;
    this.kernelLog = options.kernelLog ?? [];
    this.holders = options.holders;
    this.unmounted = options.unmounted ?? [];
  }
}

/** Thrown when a `signal` stopped the work; `cause` is the signal's reason. */
export class AbortError extends Error {
  override readonly name = 'AbortError';
  readonly code = 'ABORT_ERR';

  constructor(reason: unknown) {
    super('The operation was aborted', { cause: reason });
  }
}

/** Its messages begin with a letter for their level and the name of the filesystem. */
function kernelSays(log: readonly string[]): string | undefined {
  const texts = log.map((line) => line.replace(/^[eiw] (?:overlay: )?/, ''));
  return texts.length > 0 ? `the kernel says: ${texts.join('; ')}` : undefined;
}

/** Where nothing more is known: limits of the process and of the system, which the number alone does not tell apart. */
const limits: Readonly<Record<string, string>> = {
  EMFILE: 'this process has as many files open as it may have; `ulimit -n` raises that',
  ENFILE: 'the whole system has as many files open as it may have (fs.file-max)',
};

/** What was found out about a failure after it had happened. */
export interface Findings {
  readonly hint?: string;
  readonly holders?: readonly MountHolder[];
  readonly unmounted?: readonly string[];
}

function sentences(...texts: readonly (string | undefined)[]): string | undefined {
  const said = texts.filter((text) => text !== undefined);
  return said.length > 0 ? said.join('; ') : undefined;
}

export function errorFromFailure(failure: Failure, found: Findings = {}): OverlayError {
  const [code, text] = describeErrno(failure.errno);
  const path = failure.path?.toString() ?? undefined;
  const dest = failure.dest?.toString() ?? undefined;
  const kernelLog = failure.log.map(String);
  const why =
    explain(failure.reason, {
      path: path ?? '',
      dest: dest ?? '',
      detail: failure.detail.toString(),
    }) ??
    kernelSays(kernelLog) ??
    limits[code];
  const unmounted = found.unmounted ?? [];
  const hint = sentences(
    found.hint ?? why,
    unmounted.length > 0 ? `unmounted already: ${unmounted.join(', ')}` : undefined,
  );
  const places = [path, dest].filter((place) => place !== undefined).map((place) => `'${place}'`);
  const what = `${code}: ${text}, ${[failure.syscall, places.join(' -> ')].join(' ').trim()}`;
  return new OverlayError(hint === undefined ? what : `${what}: ${hint}`, {
    code,
    errno: -failure.errno,
    syscall: failure.syscall,
    ...(path === undefined ? {} : { path }),
    ...(dest === undefined ? {} : { dest }),
    ...(hint === undefined ? {} : { hint }),
    kernelLog,
    ...(found.holders === undefined ? {} : { holders: found.holders }),
    unmounted,
  });
}

/** A wrong argument, with Node's code for it. */
export function argumentType(name: string, expected: string, received: unknown): TypeError {
  const shown = received === null ? 'null' : Array.isArray(received) ? 'an array' : typeof received;
  return Object.assign(new TypeError(`"${name}" must be ${expected}, but is ${shown}`), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
}

export function argumentValue(name: string, why: string): TypeError {
  return Object.assign(new TypeError(`"${name}" ${why}`), { code: 'ERR_INVALID_ARG_VALUE' });
}

export function argumentRange(name: string, why: string): RangeError {
  return Object.assign(new RangeError(`"${name}" ${why}`), { code: 'ERR_OUT_OF_RANGE' });
}
