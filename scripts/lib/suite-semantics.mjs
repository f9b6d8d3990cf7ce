import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { createRunDirectory, owner, suiteEnvironment } from './sandbox.mjs';
import { supervised } from './supervise.mjs';

const program = join('dist', 'test', 'semantics', 'main.js');

/** Two cores: more processes do not make it faster. */
const workers = 2;

/** What makes ordinary users of the workers that root starts. */
function rootlessCommands(plan, directories) {
  if (plan.skip) {
    return JSON.stringify(plan.skip);
  }
  return JSON.stringify(directories.map((directory) => ({ ...plan.command(directory), ...owner })));
}

/**
 * Random histories: as root over the whole matrix, else over what a user namespace can do. With
 * `args` for test/semantics/main.ts.
 */
export async function semanticsSuite(plans, args) {
  const asRoot = !plans.root.skip;
  const plan = asRoot ? plans.root : plans.user;
  if (plan.skip) {
    return { skip: plan.skip };
  }
  const directory = createRunDirectory(asRoot);
  const others = asRoot ? Array.from({ length: workers }, () => createRunDirectory(false)) : [];
  const outcome = join(directory, 'tmp', 'outcome.json');
  const { words, node } = plan.command(directory);
  const facts = ['--as', asRoot ? 'root' : 'user', '--workers', `${workers}`, '--result', outcome];
  if (asRoot) {
    facts.push('--rootless', rootlessCommands(plans.user, others));
  }
  const { result, left } = await supervised([directory, ...others], async (mark) => {
    const env = mark(suiteEnvironment(directory, asRoot ? 'root' : 'user'));
    const [command, ...rest] = [...words, node, program, ...facts, ...args];
    const { ok } = await run(command, rest, { env });
    const counts = existsSync(outcome)
      ? JSON.parse(readFileSync(outcome, 'utf8'))
      : { passed: 0, failures: ['the program ended without its result'], skips: [] };
    if (!ok && counts.failures.length === 0) {
      counts.failures.push('the program failed');
    }
    return counts;
  });
  const failures = [...result.failures, ...left.map((item) => `[left behind] ${item}`)];
  return { passed: result.passed, failed: failures.length, failures, skips: result.skips };
}
