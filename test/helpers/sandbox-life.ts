/** A program with a sandbox that ends in some way. Arguments: the lower, a place for sessions, and how. */
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createSandbox } from 'overlayfs';

interface Plan {
  readonly lower: string;
  readonly directory: string;
}

async function start({ lower, directory }: Plan): Promise<void> {
  const sandbox = await createSandbox({ lower, directory, grace: 100 });
  const script = 'trap "" TERM; (setsid sleep 1000 &); echo ready; sleep 1000';
  const program = sandbox.spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => program.stdout?.once('data', resolve));
}

if (isMainThread) {
  const [lower = '', directory = '', how = ''] = process.argv.slice(2);
  const plan = { lower, directory };
  if (how === 'terminate') {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: plan });
    await new Promise((resolve) => worker.once('message', resolve));
    process.stdout.write('running\n');
    await worker.terminate();
    process.stdout.write('terminated\n');
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
  await start(workerData as Plan);
  parentPort?.postMessage('running');
  setInterval(() => undefined, 1000);
}
