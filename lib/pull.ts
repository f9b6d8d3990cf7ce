import { AbortError } from './errors.ts';
import type { NativeBatch, Outcome } from './native.ts';
import { unwrap } from './native.ts';

/** A walk of the core, asked for one batch after another. */
export interface Pulled<Walk, Item> {
  open(): Promise<Outcome<Walk>>;
  next(walk: Walk): Promise<Outcome<NativeBatch>>;
  /** Stops a running job at its next look. */
  cancel(walk: Walk): void;
  /** Stops it and lets go of everything, in the pool. Cannot fail. */
  close(walk: Walk): Promise<unknown>;
  decode(bytes: Buffer): Item[];
}

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
 * The entries of a walk, in order, iterable once. Leaving the loop, an error and an abort free
 * everything; a job that is running then stops at its next look and nobody waits for it.
 */
export class PulledEntries<Walk, Item> implements AsyncIterableIterator<Item> {
  readonly #source: Pulled<Walk, Item>;
  readonly #signal: AbortSignal | undefined;
  #walk: Walk | undefined;
  #items: readonly Item[] = [];
  #at = 0;
  #iterated = false;
  /** Nothing more will be fetched. */
  #ended = false;
  /** The end, or an error, has been reported. */
  #told = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: Pulled<Walk, Item>, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    if (this.#iterated) {
      throw Object.assign(new TypeError('A list of changes or entries can be iterated once only'), {
        code: 'ERR_INVALID_STATE',
      });
    }
    this.#iterated = true;
    return this;
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    // Calls that do not wait for each other are answered in their order.
    const result = this.#last.then(() => this.#next());
    this.#last = result.catch(() => undefined);
    return result;
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    await this.#finish();
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#finish();
  }

  async #next(): Promise<IteratorResult<Item, undefined>> {
    try {
      for (;;) {
        this.#checkSignal();
        if (this.#at < this.#items.length) {
          return { done: false, value: this.#items[this.#at++] as Item };
        }
        if (this.#ended) {
          this.#told = true;
          return end;
        }
        await this.#fill();
      }
    } catch (error) {
      const released = this.#finish();
      // An abort is told at once.
      if (!(error instanceof AbortError)) {
        await released;
      }
      throw error;
    }
  }

  /** Also between the entries of a batch that is here already. */
  #checkSignal(): void {
    if (!this.#told && this.#signal?.aborted) {
      throw new AbortError(this.#signal.reason);
    }
  }

  async #fill(): Promise<void> {
    if (this.#walk === undefined) {
      const opened = unwrap(await this.#interruptible(this.#open()));
      if (this.#ended) {
        return; // left while it was being opened
      }
      this.#walk = opened;
    }
    const walk = this.#walk;
    const stop = (): void => this.#source.cancel(walk);
    watchExit();
    running.add(stop);
    const job = this.#source.next(walk).finally(() => running.delete(stop));
    const batch = unwrap(await this.#interruptible(job));
    if (this.#ended) {
      return; // left while the job was running
    }
    this.#items = this.#source.decode(batch.bytes);
    this.#at = 0;
    if (!batch.more) {
      this.#ended = true;
      await this.#release();
    }
  }

  /** What is opened after an abort has already been reported is closed again. */
  async #open(): Promise<Outcome<Walk>> {
    const outcome = await this.#source.open();
    if (this.#ended && 'value' in outcome) {
      void this.#source.close(outcome.value);
    }
    return outcome;
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

  #finish(): Promise<void> {
    this.#ended = true;
    this.#told = true;
    this.#items = [];
    this.#at = 0;
    return this.#release();
  }

  /** Until then the walk has descriptors in its directories, which would keep a mount busy. */
  async #release(): Promise<void> {
    const walk = this.#walk;
    this.#walk = undefined;
    if (walk !== undefined) {
      await this.#source.close(walk);
    }
  }
}
