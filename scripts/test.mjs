// Runs everything that can fail. `--suite=lint,core,faults,threads,root,user,root-mount,user-mount,
// unprivileged,semantics` chooses; any other argument is handed to ava (`npm test -- --match='*rename*'`, `npm test -- test/diff.test.ts`).

import { join } from 'node:path';
import { overlayMounts, temporaryDirectories } from './lib/leftovers.mjs';
import { fail, green, heading } from './lib/print.mjs';
import { root } from './lib/root.mjs';
import { useGroups } from './lib/run.mjs';
import { planSuites } from './lib/sandbox.mjs';
import { avaSuite } from './lib/suite-ava.mjs';
import { buildLab, coreProgram, coreTests } from './lib/suite-core.mjs';
import { semanticsSuite } from './lib/suite-semantics.mjs';
import { judge, summarise } from './lib/summary.mjs';
import { abandon } from './lib/supervise.mjs';
import { lint } from './lint.mjs';

const known = [
  ...['lint', 'core', 'faults', 'threads', 'root', 'user', 'root-mount', 'user-mount'],
  ...['unprivileged', 'semantics'],
];
const flag = '--suite=';
const chosen = process.argv
  .filter((argument) => argument.startsWith(flag))
  .flatMap((argument) => argument.slice(flag.length).split(','));
const avaArguments = process.argv.slice(2).filter((argument) => !argument.startsWith(flag));
const unknown = chosen.find((name) => !known.includes(name));
if (unknown !== undefined) {
  fail(`there is no suite ${unknown}; the suites are ${known.join(', ')}.`);
}
if (process.platform !== 'linux') {
  fail('overlayfs exists on Linux only, and so do its tests.');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, async () => {
    await abandon();
    process.stdout.write(`\nended by ${signal}\n`);
    process.exit(1);
  });
}

useGroups();
const wanted = (name) => chosen.length === 0 || chosen.includes(name);
const traces = () => [...overlayMounts(), ...temporaryDirectories()];
const before = new Set(traces());
const suites = [];

function record(name, result) {
  if (result.skip) {
    process.stdout.write(`skipped: ${result.skip}\n`);
  }
  suites.push(judge(name, result));
}

async function lintSuite() {
  const results = await lint();
  const named = (status) => results.filter((result) => result.status === status);
  const text = ({ name, reason }) => (reason ? `${name}: ${reason}` : name);
  // A missing tool was already judged by lint.
  return {
    passed: named('ok').length,
    failed: named('failed').length,
    failures: named('failed').map(text),
    skips: named('skipped').map(text),
  };
}

/** Always the same ones; `npm run fuzz:semantics` makes new ones. */
const semantics = [
  ...['--each', '10', '--seed', '1'],
  ...['--failures', join(root, 'build', 'semantics-failures')],
];

async function labReady() {
  heading('the test program of test/lab');
  if (!(await buildLab())) {
    record('test/lab', { failed: 1, failures: ['the build failed'] });
    return false;
  }
  process.stdout.write(`${green('ok')} built\n`);
  return true;
}

async function avaSuites(plans) {
  const titles = {
    root: 'ava as root, in a private mount namespace',
    user: 'ava as an ordinary user, in a user namespace',
    'root-mount': 'ava as root: what mounts, by mount(2)',
    'user-mount': 'ava in a user namespace: what mounts, by mount(2)',
    unprivileged: 'ava as an ordinary user, outside of any namespace',
  };
  const names = Object.keys(titles).filter(wanted);
  if (names.length === 0) {
    return;
  }
  let ran = false;
  for (const name of names) {
    heading(titles[name]);
    const [as, by] = name.split('-');
    const plan = plans[as];
    const result = plan.skip ? { skip: plan.skip } : await avaSuite(as, plan, avaArguments, by);
    if (result.absent && avaArguments.length === 0 && name !== 'unprivileged') {
      record(`ava ${name}`, { failed: 1, failures: ['there are no tests'] });
    } else if (result.absent) {
      process.stdout.write('no tests\n');
    } else {
      ran ||= !result.skip;
      record(`ava ${name}`, result);
    }
  }
  if (!ran && avaArguments.length > 0) {
    record('ava', { failed: 1, failures: [`no test matches ${avaArguments.join(' ')}`] });
  }
}

if (wanted('lint')) {
  heading('lint');
  record('lint', await lintSuite());
}
if (wanted('core')) {
  heading('unit tests of native/core');
  record('core', await coreTests({ sanitize: false }));
  heading('unit tests of native/core, address and undefined-behaviour sanitizers');
  record('core sanitized', await coreTests({ sanitize: true }));
}
if (wanted('faults')) {
  heading('every call of native/core to the kernel fails in turn');
  record('faults', await coreProgram({ variant: 'FAULTS', program: 'core-faults' }));
}
if (wanted('threads')) {
  heading('sixteen threads mount and unmount, thread sanitizer');
  const threads = { variant: 'TSAN', program: 'core-test-tsan', args: ['Concurrent'] };
  record('threads', await coreProgram({ ...threads, fixed: true }));
}
const running = known.slice(4).some(wanted);
if (running && (await labReady())) {
  const plans = await planSuites();
  await avaSuites(plans);
  // Arguments are for ava: who names tests does not mean these.
  if (wanted('semantics') && (avaArguments.length === 0 || chosen.includes('semantics'))) {
    heading('random histories on real mounts');
    record('semantics', await semanticsSuite(plans, semantics));
  }
}

const left = traces().filter((item) => !before.has(item));
record('nothing left', { passed: left.length === 0 ? 1 : 0, failed: left.length, failures: left });
process.exitCode = summarise(suites) ? 0 : 1;
