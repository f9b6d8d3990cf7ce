/**
 * A running Node that is told by messages what to do and how often: `worker.js` with an IPC channel.
 * What a user would write instead of the library is here too.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changes } from 'overlayfs';
import { idle, loopDelay, readLatency, together } from './worker-beside.ts';
import type { Asked, Told } from './worker-messages.ts';
import { walks } from './worker-walks.ts';

function peakBytes(): number {
  const [, kib = '0'] =
    /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kib) * 1024;
}

/** A process that has everything loaded and has walked over nothing is what others are compared with. */
async function walkNothing(): Promise<void> {
  const base = mkdtempSync(join(tmpdir(), 'overlayfs-bench-'));
  try {
    const [upper, lower] = [join(base, 'upper'), join(base, 'lower')];
    mkdirSync(upper);
    mkdirSync(lower);
    for await (const _ of changes({ upper, lower, xattrs: 'user' })) {
      break;
    }
  } finally {
    rmSync(base, { recursive: true });
  }
}

async function answer({ what, how, layers }: Asked): Promise<Told> {
  const walk = walks[how];
  switch (what) {
    case 'walk': {
      const started = performance.now();
      const counts = await walk(layers);
      return { ms: performance.now() - started, counts, peakBytes: peakBytes() };
    }
    case 'idle':
      await walkNothing();
      await idle();
      return { peakBytes: peakBytes() };
    case 'loop':
      return { delay: await loopDelay(() => walk(layers)) };
    case 'loop-idle':
      return { delay: await loopDelay(idle) };
    case 'reading':
      return { latency: await readLatency(() => walk(layers)) };
    case 'reading-idle':
      return { latency: await readLatency(idle) };
    case 'together':
      return { together: await together(() => walk(layers)) };
  }
}

process.on('message', (asked: Asked) => {
  answer(asked).then(
    (told) => process.send?.(told),
    (error: unknown) => process.send?.({ error: String(error) } satisfies Told),
  );
});
