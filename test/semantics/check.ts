// Compares what the library reports with the oracle, and with what applying the report gives.
import type { ApplyResult, ChangesOptions, ChangesSource } from 'overlayfs';
import { applyChanges, changes } from 'overlayfs';
import type { AppliedChange } from '../helpers/lab.ts';
import type { CompareOptions } from '../helpers/oracle.ts';
import type { Cell } from './cells.ts';
import type { Stage } from './stage.ts';

/** Something that is not as it must be. */
export class Disagreement extends Error {
  /** Which comparison failed. */
  readonly what: string;
  readonly expected: readonly string[];
  readonly actual: readonly string[];

  constructor(what: string, expected: readonly string[], actual: readonly string[]) {
    super(what);
    this.name = 'Disagreement';
    this.what = what;
    this.expected = expected;
    this.actual = actual;
  }
}

interface Row extends AppliedChange {
  readonly type: string;
  readonly previousType?: string | undefined;
}

/** Such as `M file>directory a/b [type]`. */
function line({ kind, type, previousType, aspects, path }: Row): string {
  const types = previousType === undefined ? type : `${previousType}>${type}`;
  const text = JSON.stringify(path.toString('latin1')).slice(1, -1);
  return `${kind.charAt(0).toUpperCase()} ${types} ${text}${aspects.length > 0 ? ` [${aspects}]` : ''}`;
}

async function reported(source: ChangesSource, options: ChangesOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const change of changes(source, { ...options, encoding: 'buffer' })) {
    rows.push({ ...change, path: change.pathBytes ?? Buffer.from(change.path) });
  }
  return rows;
}

function same(what: string, expected: readonly Row[], actual: readonly Row[]): void {
  const left = expected.map(line);
  const right = actual.map(line);
  if (left.join('\n') !== right.join('\n')) throw new Disagreement(what, left, right);
}

/** An ordinary user cannot give an upper the owner of the lower: the library leaves it out. */
function common({ set: { own } }: Cell): Pick<CompareOptions, 'own' | 'ignoreRootOwner'> {
  return { own, ignoreRootOwner: own === 'user' };
}

export interface Oracle {
  readonly plain: readonly Row[];
  readonly expanded: readonly Row[];
}

/** The two lists of the oracle; both views are mounted. */
export async function ask(stage: Stage, indexed: boolean): Promise<Oracle> {
  const { lab, before, target, upper, cell } = stage;
  const list = (expand: boolean): Promise<Row[]> =>
    lab.compare(before, target, { ...common(cell), upper, expand, indexed });
  const [plain, expanded] = await Promise.all([list(false), list(true)]);
  return { plain, expanded };
}

/** A failing call is a disagreement too: the oracle has an answer. */
async function judged(
  what: string,
  expected: readonly Row[],
  list: Promise<Row[]>,
): Promise<Row[]> {
  let rows: Row[];
  try {
    rows = await list;
  } catch (error) {
    throw new Disagreement(`${what} fails`, expected.map(line), [String(error)]);
  }
  same(what, expected, rows);
  return rows;
}

/** Both lists of one source; returns the plain one. */
export async function checkLists(
  what: string,
  source: ChangesSource,
  oracle: Oracle,
): Promise<Row[]> {
  const rows = await judged(what, oracle.plain, reported(source, {}));
  const more = reported(source, { expand: true, content: 'always' });
  await judged(`${what}, expanded`, oracle.expanded, more);
  return rows;
}

/** The view before, with the reported changes applied, is the view after in every attribute. */
export async function checkApplied(
  stage: Stage,
  list: readonly Row[],
  indexed: boolean,
): Promise<void> {
  const { lab, before, target, upper, cell } = stage;
  const copy = await stage.makeDirectory('copy');
  // The upper knows best which names are links of each other, unless there is an index.
  const witness = indexed ? [] : [upper];
  await lab.copyTree(before, copy);
  await lab.apply(list, target, copy, ...witness);
  const options = { ...common(cell), upper, indexed, applied: true };
  same('the changes, applied', [], await lab.compare(copy, target, options));
  await lab.rmtree(copy);
}

/** What of a result is no success. */
function problems(result: ApplyResult): string[] {
  return [...result.conflicts, ...result.failed].map(
    ({ outcome, path, error }) => `${outcome} ${path}: ${error?.message}`,
  );
}

/** The library itself applies them, to a copy of the view before; and again, to what has come of it. */
export async function checkApplying(stage: Stage, indexed: boolean): Promise<Buffer> {
  const { lab, before, target, upper, cell } = stage;
  const copy = await stage.makeDirectory('library-copy');
  await lab.copyTree(before, copy);
  const options = { ...common(cell), upper, indexed, applied: true };
  for (const time of ['applied', 'applied again']) {
    const wrong = problems(await applyChanges(target, { to: copy, sync: false }));
    if (wrong.length > 0) throw new Disagreement(`the library, ${time}`, [], wrong);
    same(`the library, ${time}`, [], await lab.compare(copy, target, options));
  }
  return copy;
}

/** Applied to the lower itself, which then is what the copy is. */
export async function checkApplyingToLower(
  stage: Stage,
  indexed: boolean,
  copy: Buffer,
): Promise<void> {
  const { lab, upper, lowers, data, work, cell } = stage;
  const [lower] = lowers;
  if (lowers.length !== 1 || lower === undefined || cell.shape === 'nested') return;
  const source = {
    upper,
    lower,
    xattrs: cell.set.own,
    ...(data.length > 0 && { dataLower: data }),
    ...(indexed && { work }),
  };
  const wrong = problems(await applyChanges(source, { sync: false }));
  if (wrong.length > 0) throw new Disagreement('the library, to the lower', [], wrong);
  // What the layer has escaped shows through a mount.
  await stage.mountBefore();
  const options = { ...common(cell), applied: true };
  same('the lower with the changes', [], await lab.compare(copy, stage.before, options));
}
