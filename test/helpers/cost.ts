/**
 * A program whose system calls are counted: lists the changes of an upper, or counts them. Arguments: `list` or
 * `count`, the upper, the lower, the namespace of the marks, perhaps the work directory. It looks for two names that do not exist; what it calls in
 * between is what the list costs.
 */
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { changes } from 'overlayfs';

const [how, upper = '', lower = '', marks = '', work] = process.argv.slice(2);

async function count(): Promise<number> {
  const xattrs = marks === 'user' ? 'user' : 'trusted';
  const source = { upper, lower, xattrs, ...(work !== undefined && { work }) } as const;
  let entries = 0;
  if (how === 'count') {
    const { added, modified, deleted } = await changes(source).count();
    entries = added + modified + deleted;
  } else {
    for await (const _ of changes(source)) entries++;
  }
  // What the list held is let go of in the pool.
  await setTimeout(100);
  return entries;
}

// The first list also pays for loading the addon and for the threads of the pool.
await count();
existsSync('/overlayfs-cost/begin');
const entries = await count();
existsSync('/overlayfs-cost/end');
console.log(entries);
