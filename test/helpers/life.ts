/**
 * A program that is ended in the middle of a walk. Arguments: the upper, the lower, the stage at which
 * it ends, and how. What it prints is what the test asserts.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Change } from 'overlayfs';
import { changes } from 'overlayfs';

interface Plan {
  readonly upper: string;
  readonly lower: string;
  /** before: nothing asked for yet; opening: the first answer is awaited; walking: after the first
   * entry, while the next batch is fetched; comparing: while two huge files are compared. */
  readonly stage: 'before' | 'opening' | 'walking' | 'comparing';
}

/** Brings a walk to a stage and calls `then` with a job of the pool running (but for `before`). */
async function reach(plan: Plan, signal: AbortSignal | undefined, then: () => void): Promise<void> {
  const walk = changes(
    { upper: plan.upper, lower: plan.lower, xattrs: 'user' },
    signal === undefined ? {} : { signal },
  );
  if (plan.stage === 'before') {
    then();
    return;
  }
  const iterator = walk[Symbol.asyncIterator]();
  const drain = async (): Promise<Change | undefined> => {
    let last: Change | undefined;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) {
        return last;
      }
      last = value;
    }
  };
  if (plan.stage === 'opening') {
    const draining = drain();
    then();
    await draining;
    return;
  }
  await iterator.next();
  const draining = drain();
  // The huge pair is all that is left once the small ones have been passed.
  setTimeout(then, plan.stage === 'walking' ? 3 : 400);
  await draining;
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

async function main(): Promise<void> {
  const [upper = '', lower = '', stage = '', ending = ''] = process.argv.slice(2);
  const plan = { upper, lower, stage } as Plan;
  if (ending === 'exit') {
    await reach(plan, undefined, () => process.exit(7));
  } else if (ending === 'throw') {
    process.once('uncaughtException', () => process.exit(8));
    await reach(plan, undefined, () => {
      setImmediate(() => {
        throw new Error('in the middle');
      });
    });
  } else if (ending === 'terminate') {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: plan });
    worker.on('message', () => {
      const started = performance.now();
      worker.terminate().then(() => {
        console.log(`terminated ${Math.round(performance.now() - started)}`);
      }, console.error);
    });
  } else if (ending === 'abort') {
    process.stdout.write(''); // its own descriptor is not counted
    const before = descriptors();
    const controller = new AbortController();
    let aborted = 0;
    try {
      await reach(plan, controller.signal, () => {
        aborted = performance.now();
        controller.abort(new Error('enough'));
      });
      console.log('not aborted');
    } catch (error) {
      const late = performance.now() - aborted;
      const { name, code, cause } = error as Error & { code?: string; cause?: Error };
      console.log(`aborted ${name} ${code} ${cause?.message} ${Math.round(late)}`);
    }
    // The job in the pool sees the flag at its next look and then lets go of its descriptors.
    await new Promise((resolve) => setTimeout(resolve, 200));
    console.log(`descriptors ${descriptors() - before}`);
  }
}

if (isMainThread) {
  await main();
} else {
  await reach(workerData as Plan, undefined, () => parentPort?.postMessage('reached'));
}
