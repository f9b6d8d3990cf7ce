/**
 * Reading changes: the library, a floor in minimal C, and what a user would take instead, on trees like
 * a package store that were changed through mounted overlays. docs/benchmarks.md says more.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Measured } from './changes/bench.ts';
import { measure } from './changes/bench.ts';
import type { Case } from './changes/cases.ts';
import { cases, smallest } from './changes/cases.ts';
import { check, checkSame } from './changes/check.ts';
import type { Programs } from './changes/contestants.ts';
import { writeDocs } from './changes/docs.ts';
import { judge, printJudged } from './changes/limits.ts';
import { machineAt, machineText } from './changes/machine.ts';
import { canDropCaches } from './changes/rounds.ts';
import { printCase } from './changes/table.ts';
import type { Space } from './changes/trees.ts';
import { Trees } from './changes/trees.ts';
import { compile, runToEnd, script } from './tools.ts';

const usage = `npm run bench -- changes [options]
  --full          all cases, with 10⁶ entries, and with dropped caches: about 6 GB, an hour
  --case NAME     only this one (again for more): ${cases.map(({ name }) => name).join(', ')}
  --runs N        of everybody who is not slow (7)
  --bare          only the library and the floor
  --keep DIR      keep the trees in DIR, and take them from there the next time
  --json FILE     write all of it there
  --docs          write the figures and the chart into docs/
  --check         measure nothing: compare the answers on small trees, made twice`;

const options = {
  full: { type: 'boolean', default: false },
  case: { type: 'string', multiple: true, default: [] as string[] },
  runs: { type: 'string', default: '7' },
  bare: { type: 'boolean', default: false },
  keep: { type: 'string' },
  json: { type: 'string' },
  docs: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  inside: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Root of the machine, whose marks are `trusted.*`; anybody else has `user.*` in a namespace. */
function spaceHere(): Space {
  const everybody = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
  return process.getuid?.() === 0 && everybody ? 'trusted' : 'user';
}

/** In a mount namespace, with which everything goes that is mounted; the trees go here. */
async function enter(args: readonly string[], keep: string | undefined): Promise<void> {
  const kept = keep === undefined ? undefined : resolve(keep);
  const base = kept ?? mkdtempSync(join(tmpdir(), 'overlayfs-bench-'));
  mkdirSync(base, { recursive: true });
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const namespaces = [...user, '--mount', '--propagation', 'private', '--'];
  const inside = [process.execPath, script('main'), 'changes', ...args, '--inside', base];
  try {
    process.exitCode = await runToEnd('unshare', [...namespaces, ...inside]);
  } finally {
    if (kept === undefined) {
      rmSync(base, { recursive: true, force: true });
    }
  }
}

function chosen(names: readonly string[], full: boolean): readonly Case[] {
  const unknown = names.find((name) => cases.every((one) => one.name !== name));
  if (unknown !== undefined) {
    throw new Error(`There is no case ${unknown}.\n${usage}`);
  }
  return cases.filter(({ name, full: large }) =>
    names.length > 0 ? names.includes(name) : full || !large,
  );
}

/** For tests: quick, and whatever is wrong is an error. */
async function checkOnly(programs: Programs, base: string): Promise<void> {
  const [trees, again] = ['1', '2'].map((name) => new Trees(join(base, name), spaceHere())) as [
    Trees,
    Trees,
  ];
  for (const one of smallest) {
    const layers = trees.layers(one);
    const { counts } = await check(programs, trees, layers, true);
    await checkSame(layers, again.layers(one));
    console.log(`${one.title}: the same answer by all: ${JSON.stringify(counts)}`);
  }
}

async function measureAll(
  programs: Programs,
  base: string,
  values: { case: string[]; full: boolean; runs: string; bare: boolean },
): Promise<Measured[]> {
  const trees = new Trees(base, spaceHere());
  const measured: Measured[] = [];
  const extent = { runs: Number(values.runs), full: values.full, bare: values.bare };
  if (values.full && !canDropCaches()) {
    console.log(
      'Caches cannot be dropped here (that takes root): everything is measured warm only.',
    );
  }
  for (const one of chosen(values.case, values.full)) {
    const result = await measure(one, programs, trees, extent);
    measured.push(result);
    printCase(result);
  }
  return measured;
}

export async function changes(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options });
  if (values.help) {
    console.log(usage);
    return;
  }
  if (values.inside === undefined) {
    await enter(args, values.keep);
    return;
  }
  const started = performance.now();
  const programs: Programs = {
    floor: compile('floor-changes'),
    measure: compile('measure'),
    threads: availableParallelism(),
  };
  if (values.check) {
    await checkOnly(programs, values.inside);
    return;
  }
  const machine = machineAt(values.inside);
  console.log(machineText(machine));
  const measured = await measureAll(programs, values.inside, values);
  const judged = judge(measured);
  printJudged(judged);
  const seconds = (performance.now() - started) / 1000;
  console.log(`\n${seconds.toFixed(0)} s in all`);
  if (values.json !== undefined) {
    const all = { machine, seconds, cases: measured, judged };
    writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
  }
  if (values.docs) {
    writeDocs(measured, judged, machine, seconds);
  }
  process.exitCode = judged.every(({ holds }) => holds) ? 0 : 1;
}
