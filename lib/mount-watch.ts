/** Changes of the table of mounts, as they happen. */
import { closeSync, openSync } from 'node:fs';
import { optionalBoolean, optionalSignal, optionsObject } from './arguments.ts';
import { AbortError, errorFromFailure } from './errors.ts';
import type { Mount } from './mount-entry.ts';
import { native, unwrap } from './native.ts';
import { tableSources } from './native-mount-table.ts';
import type { WatchHandle } from './native-programs.ts';
import { decodeMount, keyOf, splitMounts } from './packed-mounts.ts';

/** What is different since the last one, each list in the order of the table. */
export interface MountChange {
  readonly added: readonly Mount[];
  readonly removed: readonly Mount[];
  /** As they are now: moved, remounted, or of another propagation. */
  readonly changed: readonly Mount[];
}

export interface WatchMountsOptions {
  /** The first item is the table as it is, everything in `added`. Default: false. */
  readonly initial?: boolean;
  /** Ends the watch: the iteration rejects with an `AbortError` at once. */
  readonly signal?: AbortSignal;
}

// Of the thread: it may have another namespace than the main thread, which /proc/self is.
const tablePath = '/proc/thread-self/mountinfo';

function openTable(): number {
  try {
    return openSync(tablePath, 'r');
  } catch (error) {
    const { errno = 0, code } = error as NodeJS.ErrnoException;
    throw errorFromFailure({
      errno: -errno,
      syscall: 'open',
      path: Buffer.from(tablePath),
      dest: null,
      reason: code === 'ENOENT' ? 'no-proc' : '',
      detail: Buffer.alloc(0),
      log: [],
    });
  }
}

/** The ids of the table are used again: two entries with one of them may be of two mounts. */
function sameMount(a: Mount, b: Mount): boolean {
  return (
    a.device.major === b.device.major &&
    a.device.minor === b.device.minor &&
    a.filesystemType === b.filesystemType &&
    a.rootBytes.equals(b.rootBytes) &&
    a.sourceBytes.equals(b.sourceBytes)
  );
}

type Table = ReadonlyMap<bigint, Buffer>;

function tableOf(block: Buffer): Table {
  return new Map(splitMounts(block).map((entry) => [keyOf(entry).key, entry]));
}

function compare(before: Table, after: Table): MountChange {
  const added: Mount[] = [];
  const removed: Mount[] = [];
  const changed: Mount[] = [];
  for (const [key, entry] of before) {
    if (!after.has(key)) {
      removed.push(decodeMount(entry));
    }
  }
  for (const [key, entry] of after) {
    const old = before.get(key);
    if (old?.equals(entry)) {
      continue;
    }
    const now = decodeMount(entry);
    if (old === undefined) {
      added.push(now);
    } else if (keyOf(entry).unique || sameMount(decodeMount(old), now)) {
      changed.push(now);
    } else {
      removed.push(decodeMount(old));
      added.push(now);
    }
  }
  return { added, removed, changed };
}

const end = { done: true, value: undefined } as const;

/** The changes, iterable once. Leaving the loop, an error and an abort end the watch. */
export class MountWatch implements AsyncIterableIterator<MountChange> {
  readonly #initial: boolean;
  readonly #signal: AbortSignal | undefined;
  #watch: WatchHandle | undefined;
  #table: Table = new Map();
  /** The table is another one since it was last read. */
  #stale = false;
  #reading = false;
  /** Goes on with what `#next` waits for. */
  #wake: (() => void) | undefined;
  #ended = false;
  /** The end, or an error, has been reported. */
  #told = false;
  #last: Promise<unknown> | undefined;

  constructor(initial: boolean, signal: AbortSignal | undefined) {
    this.#initial = initial;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<MountChange, undefined>> {
    // The first one begins before it returns: what is mounted from then on is a change. Calls that do not wait
    // for each other are answered in their order.
    const result = this.#last === undefined ? this.#next() : this.#last.then(() => this.#next());
    this.#last = result.catch(() => undefined);
    return result;
  }

  return(): Promise<IteratorResult<MountChange, undefined>> {
    this.#told = true;
    this.#end();
    return Promise.resolve(end);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#told = true;
    this.#end();
    return Promise.resolve();
  }

  async #next(): Promise<IteratorResult<MountChange, undefined>> {
    try {
      for (;;) {
        if (!this.#told && this.#signal?.aborted) {
          throw new AbortError(this.#signal.reason);
        }
        if (this.#ended) {
          return end;
        }
        this.#start();
        const change = await this.#look();
        if (change !== undefined && !this.#ended) {
          return { done: false, value: change };
        }
      }
    } catch (error) {
      this.#told = true;
      this.#end();
      throw error;
    }
  }

  #start(): void {
    if (this.#watch !== undefined) {
      return;
    }
    const addon = native();
    const table = openTable();
    try {
      const watch = addon.watchFd(table, true, true, () => this.#changes());
      this.#watch = unwrap(watch);
    } finally {
      closeSync(table); // the watch has its own
    }
    this.#signal?.addEventListener('abort', this.#end, { once: true });
    // libuv gives it to epoll when the event loop next waits, and what has changed by then the kernel tells once:
    // to epoll_ctl(2), which drops it (mounts_poll). So the table is read once more after that.
    setImmediate(() => setImmediate(() => this.#changes()));
    if (this.#initial) {
      this.#stale = true;
    } else {
      this.#table = tableOf(unwrap(addon.listMounts(tableSources.auto, true)));
    }
  }

  #changes(): void {
    this.#stale = true;
    if (!this.#reading) {
      this.#wake?.();
    }
  }

  /** Waits until the table may be another one and reads it; nothing if it is not, or at the end. */
  async #look(): Promise<MountChange | undefined> {
    if (!this.#stale) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      return undefined;
    }
    this.#stale = false;
    const block = await this.#read();
    if (block === undefined) {
      return undefined;
    }
    const before = this.#table;
    this.#table = tableOf(block);
    const change = compare(before, this.#table);
    const lists = [change.added, change.removed, change.changed];
    return lists.some(({ length }) => length > 0) ? change : undefined;
  }

  /** Nobody waits for it after the end. */
  async #read(): Promise<Buffer | undefined> {
    this.#reading = true;
    const job = native().listMounts(tableSources.auto, false);
    try {
      const outcome = await new Promise<Awaited<typeof job> | undefined>((resolve, reject) => {
        this.#wake = () => resolve(undefined);
        job.then(resolve, reject);
      });
      return outcome && unwrap(outcome);
    } finally {
      this.#reading = false;
    }
  }

  readonly #end = (): void => {
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#end);
    if (this.#watch !== undefined) {
      native().unwatchFd(this.#watch);
      this.#watch = undefined;
    }
    this.#table = new Map();
    this.#wake?.();
  };
}

/**
 * Watches the table of mounts of this process's mount namespace. The kernel tells when something was
 * mounted, unmounted, moved or remounted; nothing runs in between. What happens while an item is being
 * looked at is put together in the next one, so that what came and went in that time is in none. A changed
 * propagation and a renamed directory on the way to a mount point are not announced by the kernel and
 * show up with the next change that is.
 *
 * The watch begins with the first `next()`, and before that call returns what it compares with is read: to know what
 * that is, ask for it with `initial`. Until it ends, by `return()` (leaving a `for await`) or by the signal, it
 * keeps the program running, as `fs.watch` does.
 *
 * @throws TypeError for wrong arguments. The iteration rejects with an `OverlayError` where the table
 * cannot be read.
 * @see proc_pid_mountinfo(5), poll(2)
 */
export function watchMounts(options?: WatchMountsOptions): MountWatch {
  const given = optionsObject(options, 'options', ['initial', 'signal']);
  return new MountWatch(
    optionalBoolean(given.initial, 'options.initial') ?? false,
    optionalSignal(given.signal, 'options.signal'),
  );
}
