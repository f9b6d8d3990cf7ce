import { bold, green, heading, red, yellow } from './print.mjs';
import { ci } from './tools.mjs';

/** With CI=true only tests that say why they cannot run there may be skipped. */
function forbidden(title) {
  return ci && !/\[(?:root only|user only|kernel)\]/.test(title);
}

/** Applies the rule for skips, and gives every result the same shape. */
export function judge(name, result) {
  const judged = { name, passed: 0, failed: 0, failures: [], skips: [], details: [], ...result };
  if (result.skip) {
    judged.skips = ci ? [] : [result.skip];
    judged.failures = ci ? [`skipped, which CI=true forbids: ${result.skip}`] : [];
    judged.failed = judged.failures.length;
    return judged;
  }
  const bad = judged.skips.filter(forbidden);
  judged.skips = judged.skips.filter((title) => !forbidden(title));
  judged.failures = [
    ...judged.failures,
    ...bad.map((title) => `skipped, which CI=true forbids: ${title}`),
  ];
  judged.failed += bad.length;
  return judged;
}

function table(suites) {
  const rows = suites.map(({ name, passed, failed, skips }) => [
    name,
    passed,
    failed,
    skips.length,
  ]);
  const width = Math.max(...rows.map(([name]) => name.length));
  const line = ([name, ...numbers]) =>
    name.padEnd(width) + numbers.map((number) => String(number).padStart(9)).join('');
  process.stdout.write(`${bold(line(['suite', 'passed', 'failed', 'skipped']))}\n`);
  for (const row of rows) {
    const colour = row[2] > 0 ? red : row[3] > 0 ? yellow : green;
    process.stdout.write(`${colour(line(row))}\n`);
  }
}

function list(title, suites, key) {
  if (suites.every((suite) => suite[key].length === 0)) {
    return;
  }
  process.stdout.write(`\n${title}\n`);
  for (const suite of suites) {
    for (const item of suite[key]) {
      process.stdout.write(`  ${suite.name}: ${item}\n`);
    }
  }
}

/** Prints everything that is worth knowing, the totals last; returns whether nothing failed. */
export function summarise(suites) {
  heading('summary');
  table(suites);
  list('skipped', suites, 'skips');
  // Thousands of lines further up they are found by nobody who has only the end of a log.
  list('in detail', suites, 'details');
  list('failed', suites, 'failures');
  const sum = (count) => suites.reduce((total, suite) => total + count(suite), 0);
  const failed = sum((suite) => suite.failed);
  const skipped = sum((suite) => suite.skips.length);
  const tail = skipped > 0 ? `, ${skipped} skipped` : '';
  process.stdout.write(`\n${sum((suite) => suite.passed)} passed, ${failed} failed${tail}\n`);
  return failed === 0;
}
