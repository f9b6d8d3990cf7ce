import { join } from 'node:path';
import { AvaOutput } from './ava-output.mjs';
import { listFiles } from './files.mjs';
import { run } from './run.mjs';
import { createRunDirectory, suiteEnvironment } from './sandbox.mjs';
import { supervised } from './supervise.mjs';

/** `test/x.test.ts` is what people type; ava sees what the compiler made of it. */
function compiledName(argument) {
  return argument.replace(/^(?:\.\/)?(test\/.*)\.ts(?=$|:)/, 'dist/$1.js');
}

/** The tests of mounting, which run by each of the kernel's interfaces. */
const mounting = /^(?:overlay(?:-.*)?|mount-.*|peers-mounts)\.test\.js$/;

/** `by`: 'mount' for the tests of mounting alone, with mount(2). */
export async function avaSuite(as, { command }, named, by) {
  const files = by === undefined ? [] : listFiles('dist/test', mounting);
  const args = named.length > 0 ? named : files;
  const config = as === 'unprivileged' ? ['--config', 'scripts/lib/ava-unprivileged.mjs'] : [];
  const pattern = as === 'unprivileged' ? /\.unprivileged\.js$/ : /\.test\.js$/;
  if (listFiles('dist/test', pattern).length === 0) {
    return { absent: true };
  }
  const directory = createRunDirectory(as === 'root');
  const { words, node } = command(directory);
  const output = new AvaOutput();
  const child = join('scripts', 'lib', 'suite-child.mjs');
  const [program, ...rest] = [...words, node, child, ...config, ...args.map(compiledName)];
  const { result: ok, left } = await supervised([directory], async (mark) => {
    const env = mark(suiteEnvironment(directory, as));
    env.OVERLAYFS_TEST_INTERFACE = by ?? 'fsopen';
    if (process.stdout.isTTY) {
      env.FORCE_COLOR = '1';
    }
    const ran = await run(program, rest, {
      env,
      onStdout(chunk) {
        process.stdout.write(chunk);
        output.add(chunk);
      },
    });
    return ran.ok;
  });
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
