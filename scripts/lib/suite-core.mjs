import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root } from './root.mjs';
import { run } from './run.mjs';
import { privately } from './sandbox.mjs';
import { ci, compilerEnvironment } from './tools.mjs';

async function make(args) {
  const env = { ...process.env, ...compilerEnvironment() };
  // Under `npm test` started by make, its job server would be handed on to a make of our own.
  delete env.MAKEFLAGS;
  const jobs = `-j${availableParallelism()}`;
  const result = await run('make', [jobs, '--silent', ...args], { env, quiet: true });
  // Warnings are shown, although they fail the build in CI only: compilers newer than ours exist.
  process.stdout.write(result.output);
  return result;
}

/** The C program with which the tests change trees; it is linked with nothing of native/. */
export async function buildLab() {
  if (!existsSync(join(root, 'test', 'lab', 'Makefile'))) {
    return true;
  }
  return (await make(['-C', 'test/lab'])).ok;
}

/** Sanitizers of this age cannot live with as much address randomisation as new kernels do. */
async function fixedAddresses() {
  const words = ['setarch', '-R'];
  return (await run(words[0], [words[1], 'true'], { quiet: true })).ok ? words : [];
}

/** Builds and runs the unit tests of native/core; `sanitize` with address and undefined checks. */
export function coreTests({ sanitize }) {
  return sanitize
    ? coreProgram({ variant: 'SANITIZE', program: 'core-test-sanitize', fixed: true })
    : coreProgram({ program: 'core-test' });
}

/** One program that native/Makefile builds; `fixed`: with a sanitizer that wants its addresses fixed. */
export async function coreProgram({ variant, program, args = [], fixed = false }) {
  const flags = [...(variant ? [`${variant}=1`] : []), ...(ci ? [] : ['WERROR='])];
  if (!(await make(['-f', 'native/Makefile', ...flags])).ok) {
    return { passed: 0, failed: 1, failures: ['the build failed'], skips: [] };
  }
  const [command, ...words] = [
    // What a test of root's mounts stays its own.
    ...(await privately()),
    ...(fixed ? await fixedAddresses() : []),
    join(root, 'build', program),
    ...args,
  ];
  let text = '';
  const { ok, code, signal } = await run(command, words, {
    onStdout(chunk) {
      process.stdout.write(chunk);
      text += chunk;
    },
  });
  const line = [...text.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?/gm)].at(-1);
  const [passed, failed, skipped] = (line ?? []).slice(1).map((count) => Number(count ?? 0));
  const failures = text.split('\n').filter((each) => /^\s*(?:FAIL|not ok|✘)/.test(each));
  const skips = text.split('\n').filter((each) => /^\s*(?:skip|SKIP)/.test(each));
  if (!ok && !failed) {
    failures.push(`the program ended with ${signal ?? `code ${code}`}`);
  } else if (!line) {
    failures.push('the program did not say how many tests passed');
  }
  return {
    passed: passed ?? 0,
    failed: failed || (ok && line ? 0 : 1),
    failures,
    skips: skips.length === (skipped ?? 0) ? skips : Array(skipped ?? 0).fill('a core test'),
  };
}
