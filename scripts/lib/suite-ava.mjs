import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { AvaOutput } from './ava-output.mjs';
import { listFiles } from './files.mjs';
import { killProcesses, lingering, marked } from './leftovers.mjs';
import { groups, run } from './run.mjs';
import { createRunDirectory, removeRunDirectory, suiteEnvironment } from './sandbox.mjs';

/** Runs and directories that are alive, for an interruption. */
const live = new Map();

/** `test/x.test.ts` is what people type; ava sees what the compiler made of it. */
function compiledName(argument) {
  return argument.replace(/^(?:\.\/)?(test\/.*)\.ts(?=$|:)/, 'dist/$1.js');
}

export async function avaSuite(as, { command }, args) {
  const config = as === 'unprivileged' ? ['--config', 'scripts/lib/ava-unprivileged.mjs'] : [];
  const pattern = as === 'unprivileged' ? /\.unprivileged\.js$/ : /\.test\.js$/;
  if (listFiles('dist/test', pattern).length === 0) {
    return { absent: true };
  }
  const directory = createRunDirectory(as === 'root');
  const id = randomUUID();
  live.set(id, directory);
  const { words, node } = command(directory);
  const env = marked(suiteEnvironment(directory, as), id);
  if (process.stdout.isTTY) {
    env.FORCE_COLOR = '1';
  }
  const output = new AvaOutput();
  const child = join('scripts', 'lib', 'suite-child.mjs');
  const [program, ...rest] = [...words, node, child, ...config, ...args.map(compiledName)];
  const { ok } = await run(program, rest, {
    env,
    onStdout(chunk) {
      process.stdout.write(chunk);
      output.add(chunk);
    },
  });
  const left = await lingering(id);
  await removeRunDirectory(directory);
  live.delete(id);
  if (output.empty && args.length > 0 && left.length === 0) {
    return { absent: true };
  }
  const result = output.result(ok);
  for (const item of left) {
    result.failed++;
    result.failures.push(`[left behind] ${item}`);
    process.stdout.write(`  ✘ [left behind] ${item}\n`);
  }
  return result;
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
  for (const [id, directory] of live) {
    killProcesses(id);
    await removeRunDirectory(directory);
  }
}
