/** A program with a sandbox that ends in some way. Arguments: the lower, a place for sessions, how, and options. */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { OverlayError, SandboxOptions } from 'overlayfs';
import { createSandbox, discardSession } from 'overlayfs';

async function start(options: SandboxOptions): Promise<void> {
  const sandbox = await createSandbox({ ...options, grace: 100 });
  const script = 'trap "" TERM; (setsid sleep 1000 &); echo ready; sleep 1000';
  const program = sandbox.spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => program.stdout?.once('data', resolve));
}

if (isMainThread) {
  const [lower = '', directory = '', how = '', options = '{}'] = process.argv.slice(2);
  const plan: SandboxOptions = { lower, directory, ...JSON.parse(options) };
  if (how === 'terminate') {
    const worker = new Worker(fileURLToPath(import.meta.url), {
      workerData: { ...plan, session: 'of-worker' },
    });
    await new Promise((resolve) => worker.once('message', resolve));
    process.stdout.write('running\n');
    await worker.terminate();
    process.stdout.write('terminated\n');
    // Its programs are still being ended, and the session is theirs until then.
    for (let left = 500; ; left--) {
      try {
        await discardSession('of-worker', { directory });
        break;
      } catch (error) {
        if (left === 0 || (error as OverlayError).code !== 'EBUSY') throw error;
        await pause(20);
      }
    }
    process.stdout.write('released\n');
  } else {
    await start(plan);
    process.stdout.write('running\n');
    if (how === 'exit') {
      process.exit(7);
    } else if (how === 'kill') {
      process.kill(process.pid, 'SIGKILL');
    } else {
      throw new Error('in the middle');
    }
  }
} else {
  await start(workerData as SandboxOptions);
  parentPort?.postMessage('running');
  setInterval(() => undefined, 1000);
}
