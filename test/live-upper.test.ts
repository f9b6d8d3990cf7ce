// An upper that is written to while it is read: what nobody touches is reported exactly, each time, and
// what is touched is reported as it was at some moment, in order, once.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Change, ChangesSource } from 'overlayfs';
import { changes, scanLayer } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { LabError } from './helpers/lab-process.ts';
import { Random } from './helpers/random-layers.ts';
import type { Scene } from './helpers/scene.ts';
import { asUser, at, makeLowers, mountByLab, own, plant, startScene } from './helpers/scene.ts';

const milliseconds = 5000;
const batch = 40;

let reader: Lab;
let writer: Lab;
test.before('the labs start', async () => {
  [reader, writer] = await Promise.all([Lab.start(), Lab.start()]);
});
test.after.always('the labs end', () => Promise.all([reader.close(), writer.close()]));

/** Untouched names lie between those that come and go, in byte order. */
const untouched = plant({
  'a-first': 'untouched',
  'live/b-untouched/deep/changed': 'old',
  'live/b-untouched/deep/gone': 'old',
  'live/d2-untouched': 'old',
  'live/e-untouched/same': 'old',
  'z-last/x': 'old',
});

const stable = [
  'M file a-first [content,times]',
  'M file live/b-untouched/deep/changed [content]',
  'D file live/b-untouched/deep/gone',
  'M file live/d2-untouched [mode]',
  'A directory live/d2-untouched-new',
  'A file live/d2-untouched-new/x',
  'D directory z-last',
];
const isStable = (path: string): boolean => !path.startsWith('live/') || path.includes('untouched');

async function changeStable(merged: Buffer): Promise<void> {
  await reader.append(at(merged, 'a-first'), '!');
  await reader.write(at(merged, 'live/b-untouched/deep/changed'), 'new');
  await reader.utimens(at(merged, 'live/b-untouched/deep/changed'), 0n, 10n ** 18n);
  await reader.unlink(at(merged, 'live/b-untouched/deep/gone'));
  await reader.chmod(at(merged, 'live/d2-untouched'), 0o600);
  await plant({ 'live/d2-untouched-new/x': 'new' })(reader, merged);
  await reader.rmtree(at(merged, 'z-last'));
}

const directories = ['live', 'live/d1', 'live/d2', 'live/d3', 'live/d2/d1'] as const;
const names = ['c', 'd1', 'd2', 'd3', 'f1', 'f2', 'zz'] as const;

/** What was below, by path. */
const lower = new Map<string, string>();
for (const directory of ['live', 'live/d1', 'live/d2', 'live/d2/d1']) {
  lower.set(directory, 'directory');
  for (const name of ['c', 'f1']) lower.set(`${directory}/${name}`, 'file');
}

const content = (random: Random): string => 'x'.repeat(random.below(3) * 5000);

function operation(random: Random, merged: Buffer): Promise<void> {
  const any = (): Buffer => at(merged, random.of(directories), random.of(names));
  const [one, other] = [any(), any()];
  switch (random.below(12)) {
    case 0:
    case 1:
      return writer.write(one, content(random));
    case 2:
      return writer.mkdir(one);
    case 3:
      return writer.unlink(one);
    case 4:
      return writer.rmtree(one);
    case 5:
    case 6:
      return writer.rename(one, other);
    case 7:
      return writer.exchange(one, other);
    case 8:
      return writer.symlink('c', one);
    case 9:
      return writer.fifo(one);
    case 10:
      return writer.chmod(one, random.of([0o600, 0o644, 0o755]));
    default:
      return writer.link(one, other);
  }
}

/** Goes on until `over`; resolves to how many operations did something. */
async function churn(merged: Buffer, over: () => boolean): Promise<number> {
  const random = new Random(1);
  let done = 0;
  while (!over()) {
    const operations = Array.from({ length: batch }, () => operation(random, merged));
    for (const result of await Promise.allSettled(operations)) {
      if (result.status === 'fulfilled') done++;
      else if (!(result.reason instanceof LabError)) throw result.reason;
    }
    // Two processors have to do for the writer, the kernel and the reader.
    await new Promise((resolve) => setTimeout(resolve, random.below(4)));
  }
  return done;
}

const line = ({ kind, type, path, aspects }: Change): string =>
  `${kind.charAt(0).toUpperCase()} ${type} ${path}${aspects.length > 0 ? ` [${aspects}]` : ''}`;

const key = (path: string): Buffer => Buffer.from(path.replaceAll('/', '\0'));

function checkEntry(change: Change, previous: string | undefined): string | undefined {
  const { kind, type, path } = change;
  if (previous !== undefined && Buffer.compare(key(previous), key(path)) >= 0) {
    return `${path} comes after ${previous}`;
  }
  if (isStable(path)) return undefined;
  // The lowers do not change, so what was there before is certain.
  const was = lower.get(path);
  if ((kind === 'added') !== (was === undefined)) return `${path} is ${kind}`;
  if (kind === 'deleted' && type !== was) return `${path} was no ${type}`;
  if (kind === 'modified' && (change.previousType ?? type) !== was) return `${path} was no ${type}`;
  return undefined;
}

async function readOnce(source: ChangesSource, expand: boolean): Promise<string | undefined> {
  const lines: string[] = [];
  let previous: string | undefined;
  for await (const change of changes(source, { expand })) {
    const wrong = checkEntry(change, previous);
    if (wrong !== undefined) return wrong;
    previous = change.path;
    if (isStable(change.path)) lines.push(line(change));
  }
  const expected = expand ? [...stable, 'D file z-last/x'] : stable;
  if (lines.join('\n') === expected.join('\n')) return undefined;
  return `what nobody touches:\n${lines.join('\n')}`;
}

async function scanOnce(upper: Buffer): Promise<string | undefined> {
  const paths: string[] = [];
  for await (const { path } of scanLayer(upper, { xattrs: own })) paths.push(path);
  const unordered = paths.findIndex(
    (path, i) => i > 1 && Buffer.compare(key(paths[i - 1] ?? ''), key(path)) >= 0,
  );
  if (unordered >= 0) return `scan: ${paths[unordered]} comes after ${paths[unordered - 1]}`;
  const missing = ['live/b-untouched/deep/gone', 'live/d2-untouched-new/x', 'z-last'].find(
    (path) => !paths.includes(path),
  );
  return missing && `scan: no ${missing}`;
}

async function readWhile(
  t: ExecutionContext,
  scene: Scene,
  options: readonly string[],
): Promise<void> {
  const close = await mountByLab(scene, options);
  t.teardown(close);
  await changeStable(scene.target);
  const layers = { upper: scene.upper, lower: scene.lowers, xattrs: own } as const;
  const reads = [
    () => readOnce(scene.target, false),
    () => readOnce(scene.target, true),
    () => readOnce(layers, false),
    () => readOnce(layers, true),
    () => scanOnce(scene.upper),
  ];
  for (const read of reads) t.is(await read(), undefined);
  const end = performance.now() + milliseconds;
  const over = (): boolean => performance.now() > end;
  const churning = churn(scene.target, over);
  let lists = 0;
  const mistakes = new Map<string, number>();
  while (!over()) {
    for (const read of reads) {
      lists++;
      const wrong = await read().catch(String);
      if (wrong !== undefined) mistakes.set(wrong, (mistakes.get(wrong) ?? 0) + 1);
    }
  }
  const operations = await churning;
  t.deepEqual([...mistakes], [], `in ${lists} lists`);
  t.log(`${lists} lists, ${operations} operations`);
  t.true(lists > 50 && operations > 500);
}

const sets: readonly (readonly string[])[] = asUser
  ? [[]]
  : [['volatile'], ['volatile', 'redirect_dir=on']];
for (const options of sets) {
  test.serial(`a live upper, ${options.join() || 'userxattr'}`, async (t) => {
    t.timeout(10 * milliseconds);
    const scene = await startScene(t, reader, 2);
    const files = [...lower].flatMap(([path, type]) => (type === 'file' ? [[path, 'was']] : []));
    await makeLowers(scene, [untouched, plant(Object.fromEntries(files))]);
    await readWhile(t, scene, options);
  });
}
