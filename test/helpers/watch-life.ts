/**
 * A program that ends while it watches a descriptor. Arguments: a FIFO, and how it ends. What it prints is
 * what the test asserts.
 */
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { native, unwrap } from '../../lib/native.ts';
import type { WatchHandle } from '../../lib/native-programs.ts';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Watches a FIFO that has something to read at once, or never. */
function watch(
  fifo: string,
  ready: boolean,
  keepAlive: boolean,
  callback: () => void,
): WatchHandle {
  const fd = openSync(fifo, 'r+');
  if (ready) {
    writeSync(fd, 'x');
  }
  const handle = unwrap(native().watchFd(fd, false, keepAlive, callback));
  // What is in a FIFO goes when nobody has it open: that it is read later shows the duplicate.
  closeSync(fd);
  return handle;
}

const held: WatchHandle[] = [];
const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** One after the other, so that memory is collected with the loop running. */
async function collected(fifo: string): Promise<void> {
  const { gc } = globalThis as { gc?: () => void };
  process.stdout.write(''); // its own descriptor is not counted
  native();
  await wait();
  const before = descriptors();
  for (let i = 0; i < 50; i++) {
    watch(fifo, false, true, () => undefined);
  }
  const open = descriptors() - before;
  for (let i = 0; i < 50 && descriptors() > before; i++) {
    gc?.();
    await wait();
  }
  console.log(`opened ${open}, left ${descriptors() - before}`);
}

async function main(fifo: string, ending: string): Promise<void> {
  switch (ending) {
    case 'idle':
      held.push(watch(fifo, false, false, () => undefined));
      break;
    case 'kept':
      held.push(
        watch(fifo, true, true, () => {
          console.log('called back');
          for (const handle of held) {
            native().unwatchFd(handle);
            native().unwatchFd(handle);
          }
        }),
      );
      break;
    case 'exit':
      held.push(watch(fifo, false, true, () => undefined));
      process.exit(7);
      break;
    case 'exit-in-callback':
      held.push(watch(fifo, true, true, () => process.exit(7)));
      break;
    case 'throw':
      process.once('uncaughtException', (error) => {
        console.log(error.message);
        process.exit(8);
      });
      held.push(
        watch(fifo, true, true, () => {
          throw new Error('in the callback');
        }),
      );
      break;
    case 'collected':
      await collected(fifo);
      break;
    default: {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { fifo, ending } });
      worker.once('message', () => {
        worker.terminate().then(() => console.log('terminated'), console.error);
      });
    }
  }
}

if (isMainThread) {
  const [fifo = '', ending = ''] = process.argv.slice(2);
  await main(fifo, ending);
} else {
  const { fifo, ending } = workerData as { fifo: string; ending: string };
  const called = (): void => parentPort?.postMessage('called back');
  held.push(watch(fifo, ending === 'terminate-busy', true, called));
  if (ending === 'terminate-idle') {
    called();
  }
}
