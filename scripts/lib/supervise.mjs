import { randomUUID } from 'node:crypto';
import { killProcesses, lingering, marked } from './leftovers.mjs';
import { groups } from './run.mjs';
import { removeRunDirectory } from './sandbox.mjs';

/** Runs and directories that are alive, for an interruption. */
const live = new Map();

/**
 * Does some work whose processes carry the environment that `mark` gives; then ends what is left of
 * them, says so in `left`, and removes the directories.
 */
export async function supervised(directories, work) {
  const id = randomUUID();
  live.set(id, directories);
  try {
    const result = await work((env) => marked(env, id));
    return { result, left: await lingering(id) };
  } finally {
    killProcesses(id);
    for (const directory of directories) {
      await removeRunDirectory(directory);
    }
    live.delete(id);
  }
}

/** Ends everything that was started, at once and without leaving anything. */
export async function abandon() {
  for (const group of groups) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
  for (const [id, directories] of live) {
    killProcesses(id);
    for (const directory of directories) {
      await removeRunDirectory(directory);
    }
  }
}
