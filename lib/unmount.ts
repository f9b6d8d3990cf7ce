import { setTimeout as sleep } from 'node:timers/promises';
import type { PathLike } from './arguments.ts';
import {
  absolutePath,
  integer,
  optionalBoolean,
  optionalSignal,
  optionsObject,
} from './arguments.ts';
import type { Failure } from './errors.ts';
import { AbortError, argumentRange, argumentType } from './errors.ts';
import { explainBusy, explainBusySync, isBusy } from './holders.ts';
import { umountFlags } from './mount-flags.ts';
import { native, unwrap } from './native.ts';
import type { NativeUnmounted, NativeUnmountScope } from './native-unmounting.ts';

/** One certain mount, wherever it is by now. */
export interface MountReference {
  /**
   * Its unique id, which is never used again (Linux 6.8; `overlay.mountId`), or its id in the mount
   * table (`/proc/self/mountinfo`), which can be another mount's by now. Unique ids begin at 2^31, and
   * those of the table are smaller.
   */
  readonly mountId: bigint;
}

/** How often an unmounting is tried again while the mount is busy. */
export interface UnmountRetry {
  /** How many times more, 1 to 10000. */
  readonly times: number;
  /** Milliseconds between them, 1 to 60000. Default: 100. */
  readonly delay?: number;
}

export interface UnmountSyncOptions {
  /** Detach at once even if it is in use (MNT_DETACH); its users keep their files. */
  readonly lazy?: boolean;
  /** Abort what is pending, where the filesystem can (MNT_FORCE); without effect on an overlay. */
  readonly force?: boolean;
  /** Unmount whatever is there. Default: overlays only. */
  readonly any?: boolean;
  /** Everything that is mounted below it too, of any kind, the deepest first. */
  readonly recursive?: boolean;
  /**
   * Every mount that is stacked on the place, from the top down to the first that is no overlay; with
   * `any` all of them. What is mounted there while it is going on stays.
   */
  readonly all?: boolean;
  /** Try again while it is busy. Default: for 45 ms only, in which a lookup of a path by others passes. */
  readonly retry?: UnmountRetry;
}

export interface UnmountOptions extends UnmountSyncOptions {
  /** Ends the waiting between two attempts; what is unmounted by then stays so. */
  readonly signal?: AbortSignal;
}

interface Request {
  readonly target: Buffer | bigint;
  readonly flags: number;
  readonly scope: NativeUnmountScope;
  readonly times: number;
  readonly delay: number;
  readonly signal: AbortSignal | undefined;
}

const optionNames = ['lazy', 'force', 'any', 'recursive', 'all', 'retry'];
const largestId = 2n ** 64n - 1n;

function mountOf(target: unknown): Buffer | bigint {
  if (typeof target !== 'object' || target === null || !('mountId' in target)) {
    return absolutePath(target, 'target');
  }
  const { mountId } = optionsObject(target, 'target', ['mountId']);
  if (typeof mountId !== 'bigint') {
    throw argumentType('target.mountId', 'a bigint', mountId);
  }
  if (mountId < 1n || mountId > largestId) {
    throw argumentRange('target.mountId', `must be from 1 to ${largestId}`);
  }
  return mountId;
}

function retryOf(value: unknown): Pick<Request, 'times' | 'delay'> {
  if (value === undefined) {
    return { times: 0, delay: 0 };
  }
  const { times, delay = 100 } = optionsObject(value, 'options.retry', ['times', 'delay']);
  return {
    times: integer(times, 'options.retry.times', 1, 10_000),
    delay: integer(delay, 'options.retry.delay', 1, 60_000),
  };
}

function requestOf(target: unknown, options: unknown, names: readonly string[]): Request {
  const mount = mountOf(target);
  const given = optionsObject(options, 'options', names);
  const flag = (name: string): boolean => optionalBoolean(given[name], `options.${name}`) ?? false;
  return {
    target: mount,
    flags:
      (flag('lazy') ? umountFlags.MNT_DETACH : 0) | (flag('force') ? umountFlags.MNT_FORCE : 0),
    scope: { any: flag('any'), recursive: flag('recursive'), all: flag('all') },
    ...retryOf(given.retry),
    signal: optionalSignal(given.signal, 'options.signal'),
  };
}

/** What came of it so far. */
class Progress {
  readonly #places: Buffer[] = [];
  #left: number;

  constructor(times: number) {
    this.#left = times;
  }

  /** The failure, if there is one and it ends the whole. */
  add({ places, failure }: NativeUnmounted): { done: boolean; failure?: Failure } {
    this.#places.push(...places);
    if (failure === null) {
      return { done: true };
    }
    if (!isBusy(failure) || this.#left === 0) {
      return { done: true, failure };
    }
    this.#left -= 1;
    return { done: false };
  }

  /** Mount points that were unmounted. */
  unmounted(): string[] {
    return this.#places.map(String);
  }
}

async function pause(delay: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delay, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted ? new AbortError(signal.reason) : error;
  }
}

/**
 * Unmounts the overlay at a mount point, or one with a certain id, whoever mounted it. A symbolic link
 * is resolved first. The root directory of the process is never unmounted: the kernel would make its
 * filesystem read-only instead.
 *
 * What is to go is determined at the start, and each mount only goes if its id is still the same then.
 * With `recursive` and `all` a failure ends the matter: it is the cause, and what was unmounted by then
 * is in the `unmounted` of the error.
 *
 * @throws OverlayError `EINVAL` if nothing is mounted there or it is no overlay, `EBUSY` while it is
 * in use (with its `holders`) or if another mount covers it, `EPERM` without CAP_SYS_ADMIN.
 * @throws AbortError when the `signal` fires before it is done.
 * @see umount(2)
 */
export async function unmount(
  target: PathLike | MountReference,
  options?: UnmountOptions,
): Promise<void> {
  const request = requestOf(target, options, [...optionNames, 'signal']);
  const { flags, scope, delay, signal } = request;
  if (signal?.aborted) {
    throw new AbortError(signal.reason);
  }
  const progress = new Progress(request.times);
  let outcome = unwrap(
    typeof request.target === 'bigint'
      ? await native().unmountById(request.target, flags, scope, false)
      : await native().unmountAt(request.target, flags, scope, false),
  );
  for (;;) {
    const { done, failure } = progress.add(outcome);
    if (failure !== undefined) {
      throw await explainBusy(failure, { unmounted: progress.unmounted() });
    }
    if (done) {
      return;
    }
    await pause(delay, signal);
    outcome = unwrap(await native().unmountRest(outcome.rest, flags, false));
  }
}

/** Like `unmount`, blocking, also while it waits to try again. */
export function unmountSync(target: PathLike | MountReference, options?: UnmountSyncOptions): void {
  const request = requestOf(target, options, optionNames);
  const { flags, scope, delay } = request;
  const progress = new Progress(request.times);
  let outcome = unwrap(
    typeof request.target === 'bigint'
      ? native().unmountById(request.target, flags, scope, true)
      : native().unmountAt(request.target, flags, scope, true),
  );
  for (;;) {
    const { done, failure } = progress.add(outcome);
    if (failure !== undefined) {
      throw explainBusySync(failure, { unmounted: progress.unmounted() });
    }
    if (done) {
      return;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delay);
    outcome = unwrap(native().unmountRest(outcome.rest, flags, true));
  }
}
