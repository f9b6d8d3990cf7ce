import { setImmediate as othersTurn } from 'node:timers/promises';
import { AbortError } from './errors.ts';
import { unwrap } from './native.ts';
import type { Outcome } from './native-outcome.ts';
import type { NativeBatch } from './native-walks.ts';

/** A walk of the core, asked for one batch after another. */
export interface Pulled<Walk, Item> {
  open(): Promise<Outcome<Walk>>;
  next(walk: Walk): Promise<Outcome<NativeBatch>>;
  /** Stops a running job at its next look. */
  cancel(walk: Walk): void;
  /** Stops it and lets go of everything, in the pool. Cannot fail. */
  close(walk: Walk): Promise<unknown>;
  decode(block: Buffer): Item[];
  /** Whether an entry is in the list. Asked in order; however long it takes, others have their turns. */
  readonly keep?: ((item: Item) => boolean) | undefined;
  /** The entries that are in the list, with what has to be looked up of them. */
  complete?(items: Item[]): Promise<Item[]>;
}

/** So long, in milliseconds, entries are decoded and chosen before others have their turn. */
const turn = 5;

const milliseconds = (): number => process.uptime() * 1000;

/** The walks that have a job in the pool. */
const running = new Set<() => void>();
let exitWatched = false;

/** An exiting process waits for running jobs, and only here can they still be told to stop. */
function watchExit(): void {
  if (!exitWatched) {
    exitWatched = true;
    process.once('exit', () => {
      for (const stop of running) {
        stop();
      }
    });
  }
}

const end = { done: true, value: undefined } as const;

/**
 * The batches of a walk. While those of one job are consumed the next job is under way, and no
 * other: a consumer that takes its time holds up the walk.
 */
class PulledBatches<Walk, Item> {
  readonly #source: Pulled<Walk, Item>;
  readonly #signal: AbortSignal | undefined;
  #walk: Walk | undefined;
  #ahead: Promise<Outcome<NativeBatch>> | undefined;
  /** Found, and still to be decoded. */
  #blocks: Buffer[] = [];
  /** The walk has ended. */
  #complete = false;
  /** Nothing more will be fetched. */
  #ended = false;
  /** The end, or an error, has been reported. */
  #told = false;

  constructor(source: Pulled<Walk, Item>, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
  }

  get aborted(): boolean {
    return !this.#told && this.#signal?.aborted === true;
  }

  /** At least one entry; undefined at the end. */
  async next(): Promise<Item[] | undefined> {
    try {
      for (;;) {
        this.#checkSignal();
        if (this.#ended) {
          this.#told = true;
          return undefined;
        }
        const items = await this.#fetch();
        if (items.length > 0) {
          return items;
        }
      }
    } catch (error) {
      return await this.#failed(error);
    }
  }

  /** Runs the whole walk by calls of another kind. */
  async run<T extends { readonly more: boolean }>(
    call: (walk: Walk) => Promise<Outcome<T>>,
  ): Promise<T> {
    try {
      for (;;) {
        this.#checkSignal();
        const walk = await this.#opened();
        if (walk === undefined) {
          throw new AbortError(undefined);
        }
        const result = unwrap(await this.#interruptible(this.#watched(walk, call)));
        if (!result.more) {
          await this.finish();
          return result;
        }
      }
    } catch (error) {
      return await this.#failed(error);
    }
  }

  /** Frees everything; a job that is running stops at its next look and nobody waits for it. */
  finish(): Promise<void> {
    this.#ended = true;
    this.#told = true;
    this.#blocks = [];
    return this.#release();
  }

  async #failed(error: unknown): Promise<never> {
    const released = this.finish();
    // An abort is told at once.
    if (!(error instanceof AbortError)) {
      await released;
    }
    throw error;
  }

  #checkSignal(): void {
    if (this.aborted) {
      throw new AbortError(this.#signal?.reason);
    }
  }

  async #fetch(): Promise<Item[]> {
    if (this.#blocks.length === 0) {
      await this.#find();
    }
    const block = this.#blocks.shift();
    const items = block === undefined ? [] : await this.#decoded(block);
    if (this.#ended) {
      return []; // left meanwhile
    }
    if (this.#complete && this.#blocks.length === 0) {
      this.#ended = true;
      await this.#release();
    }
    return items;
  }

  /** What the next job gives, which is under way already unless it is the first. */
  async #find(): Promise<void> {
    const walk = await this.#opened();
    if (walk === undefined) {
      return;
    }
    const job = this.#ahead ?? this.#watched(walk, this.#source.next);
    this.#ahead = undefined;
    const batch = unwrap(await this.#interruptible(job));
    if (this.#ended) {
      return; // left while the job was running
    }
    this.#blocks = [...batch.blocks];
    this.#complete = !batch.more;
    if (batch.more) {
      this.#ahead = this.#watched(walk, this.#source.next);
    }
  }

  /** Each in a turn of the event loop of its own: between two of them others have theirs. */
  async #decoded(block: Buffer): Promise<Item[]> {
    await this.#interruptible(othersTurn());
    if (this.#ended) {
      return [];
    }
    const items = await this.#kept(block);
    const complete = this.#ended ? undefined : this.#source.complete?.(items);
    return complete === undefined ? items : await this.#interruptible(complete);
  }

  async #kept(block: Buffer): Promise<Item[]> {
    let until = milliseconds() + turn;
    const items = this.#source.decode(block);
    const { keep } = this.#source;
    if (keep === undefined) {
      return items;
    }
    const kept: Item[] = [];
    for (const item of items) {
      if (milliseconds() >= until) {
        await this.#interruptible(othersTurn());
        if (this.#ended) {
          return [];
        }
        until = milliseconds() + turn;
      }
      if (keep(item)) {
        kept.push(item);
      }
    }
    return kept;
  }

  /** Undefined: it was left while it was being opened. */
  async #opened(): Promise<Walk | undefined> {
    if (this.#walk === undefined) {
      const opened = unwrap(await this.#interruptible(this.#open()));
      if (this.#ended) {
        return undefined;
      }
      this.#walk = opened;
    }
    return this.#walk;
  }

  /** What is opened after an abort has already been reported is closed again. */
  async #open(): Promise<Outcome<Walk>> {
    const outcome = await this.#source.open();
    if (this.#ended && 'value' in outcome) {
      void this.#source.close(outcome.value);
    }
    return outcome;
  }

  #watched<T>(walk: Walk, call: (walk: Walk) => Promise<T>): Promise<T> {
    const stop = (): void => this.#source.cancel(walk);
    watchExit();
    running.add(stop);
    return call(walk).finally(() => running.delete(stop));
  }

  /** Settles with the job, or rejects at once when the signal fires. */
  #interruptible<T>(job: Promise<T>): Promise<T> {
    const signal = this.#signal;
    if (signal === undefined) {
      return job;
    }
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(new AbortError(signal.reason));
      if (signal.aborted) {
        abort();
      }
      signal.addEventListener('abort', abort, { once: true });
      job.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  /** Until then the walk has descriptors in its directories, which would keep a mount busy. */
  async #release(): Promise<void> {
    const walk = this.#walk;
    this.#walk = undefined;
    this.#ahead = undefined;
    if (walk !== undefined) {
      await this.#source.close(walk);
    }
  }
}

function iteratedOnce(): TypeError {
  return Object.assign(
    new TypeError('A list of changes or entries can be iterated once only, and in one way'),
    { code: 'ERR_INVALID_STATE' },
  );
}

/** Answers calls that do not wait for each other in their order. */
class OneByOne {
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  get idle(): boolean {
    return this.#waiting === 0;
  }

  call<T>(answer: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#last.then(answer).finally(() => this.#waiting--);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** A generator would not do: its `return` waits for the batch that is asked for. */
class BatchIterator<Walk, Item> implements AsyncIterableIterator<readonly Item[]> {
  readonly #batches: PulledBatches<Walk, Item>;
  readonly #calls = new OneByOne();

  constructor(batches: PulledBatches<Walk, Item>) {
    this.#batches = batches;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<readonly Item[], undefined>> {
    return this.#calls.call(async () => {
      const value = await this.#batches.next();
      return value === undefined ? end : { done: false, value };
    });
  }

  async return(): Promise<IteratorResult<readonly Item[], undefined>> {
    await this.#batches.finish();
    return end;
  }
}

/**
 * The entries of a walk, in order, iterable once: one by one, or in batches. Leaving the loop, an
 * error and an abort free everything; a job that is running then stops at its next look and nobody
 * waits for it.
 */
export class PulledEntries<Walk, Item> implements AsyncIterableIterator<Item> {
  readonly #batches: PulledBatches<Walk, Item>;
  #items: readonly Item[] = [];
  #at = 0;
  /** How it is consumed, once that is known: there is no other way from then on. */
  #way: 'each' | 'whole' | undefined;
  #looped = false;
  readonly #calls = new OneByOne();

  constructor(source: Pulled<Walk, Item>, signal: AbortSignal | undefined) {
    this.#batches = new PulledBatches(source, signal);
  }

  [Symbol.asyncIterator](): this {
    if (this.#looped || this.#way === 'whole') {
      throw iteratedOnce();
    }
    this.#way = 'each';
    this.#looped = true;
    return this;
  }

  /**
   * The same entries, as many at a time as are there: arrays of up to a few thousand. For consumers
   * to whom a promise for every entry matters. Instead of the iteration of single entries.
   */
  batches(): AsyncIterableIterator<readonly Item[]> {
    this.#take();
    return new BatchIterator(this.#batches);
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#way === 'whole') {
      return Promise.reject(iteratedOnce());
    }
    this.#way = 'each';
    if (this.#calls.idle && this.#at < this.#items.length && !this.#batches.aborted) {
      return Promise.resolve({ done: false, value: this.#items[this.#at++] as Item });
    }
    return this.#calls.call(() => this.#next());
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    await this.#finish();
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#finish();
  }

  /** For lists that can be had in other ways as well. */
  protected runToEnd<T extends { readonly more: boolean }>(
    call: (walk: Walk) => Promise<Outcome<T>>,
  ): Promise<T> {
    this.#take();
    return this.#batches.run(call);
  }

  /** Otherwise than one by one. */
  #take(): void {
    if (this.#way !== undefined) {
      throw iteratedOnce();
    }
    this.#way = 'whole';
  }

  async #next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#at === this.#items.length || this.#batches.aborted) {
      this.#items = [];
      this.#at = 0;
      const items = await this.#batches.next();
      if (items === undefined) {
        return end;
      }
      this.#items = items;
    }
    return { done: false, value: this.#items[this.#at++] as Item };
  }

  #finish(): Promise<void> {
    this.#items = [];
    this.#at = 0;
    return this.#batches.finish();
  }
}
