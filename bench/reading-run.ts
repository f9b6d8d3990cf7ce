/** One measured run of the library, in a process of its own: `reading-run.js DIR idle|walk`. */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { changes } from 'overlayfs';

export interface Measured {
  readonly milliseconds: number;
  readonly changes: number;
  readonly kinds: Readonly<Record<string, number>>;
  /** Growth of the resident set at its highest, over the process before the walk. */
  readonly peakBytes: number;
  /** The longest time the event loop was held up. */
  readonly maxDelayMs: number;
  readonly p99DelayMs: number;
}

const [directory = '', what = ''] = process.argv.slice(2);
const layers = {
  upper: join(directory, 'upper'),
  lower: join(directory, 'lower'),
  xattrs: 'user',
} as const;

// Loads the addon and everything that is needed once.
for await (const _ of changes(layers)) {
  break;
}
await sleep(50);

const before = process.memoryUsage.rss();
let peak = before;
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const started = performance.now();
const kinds: Record<string, number> = { added: 0, modified: 0, deleted: 0 };
let count = 0;
if (what === 'walk') {
  for await (const change of changes(layers)) {
    kinds[change.kind] = (kinds[change.kind] ?? 0) + 1;
    if (++count % 1000 === 0) {
      peak = Math.max(peak, process.memoryUsage.rss());
    }
  }
} else {
  await sleep(500);
}
const milliseconds = performance.now() - started;
delay.disable();
const measured: Measured = {
  milliseconds,
  changes: count,
  kinds,
  peakBytes: Math.max(peak, process.memoryUsage.rss()) - before,
  maxDelayMs: delay.max / 1e6,
  p99DelayMs: delay.percentile(99) / 1e6,
};
console.log(JSON.stringify(measured));
