// Random histories over the whole matrix. It is started in a mount namespace of its own, by
// scripts/lib/suite-semantics.mjs, which also knows how to become an ordinary user.
import { chmod, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArguments } from './arguments.ts';
import type { Cell, Filesystem, Privilege } from './cells.ts';
import { cells } from './cells.ts';
import { mountAll, unmountAll } from './filesystems.ts';
import type { Task } from './messages.ts';
import type { Command } from './pool.ts';
import { Pool } from './pool.ts';
import { Counts, explain } from './report.ts';
import { keptHistories, readHistory, writeHistory } from './seeds.ts';

const given = readArguments(process.argv.slice(2));
const say = (text: string): void => {
  process.stdout.write(text);
};

// ---- where ----

const base = await realpath(await mkdtemp(join(tmpdir(), 'overlayfs-test-')));
await chmod(base, 0o755);
const mounted = await mountAll(base, given.root);
const places = new Map(mounted.places);
if (!given.root) places.set('temp', base);
const filesystems: readonly Filesystem[] = given.root
  ? ['ext4', 'xfs', 'btrfs', 'tmpfs']
  : ['tmpfs', 'temp'];

// Each worker has mounts of its own: a namespace that was copied while another worker had an overlay
// mounted would keep its upper in use.
const own = ['unshare', '--mount', '--propagation', 'private', '--'];
const here: Command = { words: own, node: process.execPath };
const commands = Array.from({ length: given.workers }, (_, slot) => {
  if (!given.root) return { rootless: here };
  const rootless = typeof given.rootless === 'string' ? undefined : given.rootless[slot];
  return { root: here, ...(rootless !== undefined && { rootless }) };
});
const pool = new Pool({
  places,
  lengths: { upper: 40, lower: 10 },
  shrinkMs: given.shrinkSeconds * 1000,
  commands,
});

async function clean(lazily: boolean): Promise<void> {
  await unmountAll(mounted, lazily);
  await rm(base, { recursive: true });
}

// The first one lets the histories under way finish, and shows the counts; the second does not.
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!stopped) {
      stopped = true;
      return;
    }
    pool.kill();
    void clean(true).finally(() => process.exit(1));
  });
}

// ---- what ----

const skips: string[] = [];
function possible(filesystem: Filesystem): boolean {
  const why = mounted.missing.get(filesystem);
  if (why !== undefined) skips.push(`cells of ${filesystem}: ${why}`);
  return why === undefined;
}
const privileges: Privilege[] = given.root ? ['root', 'rootless'] : ['rootless'];
if (given.root && typeof given.rootless === 'string') {
  privileges.pop();
  skips.push(`rootless cells: ${given.rootless}`);
}
if (!given.root) {
  for (const [name, why] of mounted.missing) skips.push(`cells of ${name}: ${why}`);
  skips.push('cells of root: not started as root');
}
const matrix = cells(filesystems.filter(possible), privileges).filter(
  ({ name }) => given.cell === undefined || name.includes(given.cell),
);
const feasible = matrix.filter((cell) => cell.impossible === undefined);

interface Job {
  readonly cell: Cell;
  readonly task: Task;
}

async function* jobs(): AsyncGenerator<Job> {
  const named = new Map(matrix.map((cell) => [cell.name, cell]));
  const kept =
    given.history === undefined ? await keptHistories() : [await readHistory(given.history)];
  for (const history of kept) {
    const cell = named.get(history.cell);
    if (cell !== undefined) yield { cell, task: { kind: 'history', cell: cell.name, history } };
    else if (given.cell === undefined) skips.push(`a kept history of ${history.cell}`);
  }
  if (given.history !== undefined) return;
  for (const cell of matrix.filter(({ impossible }) => impossible !== undefined)) {
    yield { cell, task: { kind: 'impossible', cell: cell.name } };
  }
  const deadline = given.minutes === undefined ? 0 : Date.now() + given.minutes * 60_000;
  for (let round = 0; given.minutes !== undefined || round < given.each; round++) {
    for (const cell of feasible) {
      if (stopped || (given.minutes !== undefined && Date.now() > deadline)) return;
      yield { cell, task: { kind: 'seed', cell: cell.name, seed: given.seed + round } };
    }
  }
}

// ---- how ----

const counts = new Counts();
const failures: string[] = [];
const began = Date.now();
let told = began;

async function perform(slot: number, { cell, task }: Job): Promise<void> {
  const answer = await pool.perform(slot, cell, task);
  const name = task.kind === 'seed' ? `${cell.name}, seed ${task.seed}` : cell.name;
  if ('error' in answer) {
    failures.push(`${name}: ${answer.error.split('\n')[0]}`);
    say(`ERROR in ${name}: ${answer.error}\n`);
    return;
  }
  if (task.kind === 'impossible') {
    counts.impossible++;
    return;
  }
  counts.add(cell, answer.result);
  const { failure } = answer.result;
  if (failure === undefined) return;
  failures.push(`${name}: ${failure.what}`);
  say(`\n${explain(failure)}`);
  if (given.failures === undefined) return;
  say(`  kept in ${await writeHistory(given.failures, failure.history)}\n`);
}

function progress(): void {
  if (Date.now() - told < 15_000) return;
  told = Date.now();
  const { histories, operations, changes } = counts.total;
  const seconds = Math.round((told - began) / 1000);
  say(
    `${seconds} s: ${histories} histories, ${operations} operations, ${changes} changes compared\n`,
  );
}

async function serve(slot: number, queue: AsyncGenerator<Job>): Promise<void> {
  for (let next = await queue.next(); next.done !== true; next = await queue.next()) {
    await perform(slot, next.value);
    progress();
  }
}

say(`seed ${given.seed}: ${feasible.length} cells that are possible, ${matrix.length} in all\n`);
const queue = jobs();
await Promise.all(Array.from({ length: pool.slots }, (_, slot) => serve(slot, queue)));
await pool.close();
await clean(false).catch((error: unknown) => {
  failures.push(`something is left: ${String(error)}`);
});

say(`\n${counts.table(matrix)}`);
for (const skip of skips) say(`skipped: ${skip}\n`);
const { histories, operations, refused, changes, failures: wrong } = counts.total;
say(
  `\n${histories} histories, ${operations} operations (${refused} refused by the kernel), ${changes} changes ` +
    `compared, ${failures.length} failures, seed ${given.seed}, ${Math.round((Date.now() - began) / 1000)} s\n`,
);
if (given.result !== undefined) {
  const passed = histories - wrong + counts.impossible;
  await writeFile(given.result, JSON.stringify({ passed, failures, skips }));
}
process.exitCode = failures.length > 0 || stopped ? 1 : 0;
