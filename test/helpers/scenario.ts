// One scenario: layers, an overlay of them, something done in it, and then every list of changes that
// the library can give, each compared with that of the oracle.
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ExecutionContext } from 'ava';
import type { Aspect, Change, ChangesOptions, ChangesSource } from 'overlayfs';
import { changes, mountOverlay } from 'overlayfs';
import type { Lab } from './lab.ts';
import type { OracleChange } from './oracle.ts';
import type { Layer, LayerNames, Scene } from './scene.ts';
import { asUser, makeLowers, mountByLab, mountView, own, startScene } from './scene.ts';

export interface Scenario {
  /** In the order in which they are made, the bottom-most first. Default: one that is empty. */
  readonly lowers?: readonly Layer[];
  /** Between making the lowers and mounting: an upper that is there already, a lower that changed. */
  readonly prepare?: (scene: Scene) => Promise<void>;
  readonly edit: (lab: Lab, merged: Buffer, scene: Scene) => Promise<void>;
  /** Mount options that the library does not offer: then the lab mounts. */
  readonly options?: readonly string[];
  readonly ignore?: readonly Aspect[];
  readonly names?: LayerNames;
}

/** The list as lines such as `M file>directory a/b [type]`, names as latin1. */
export interface Lines {
  readonly plain: readonly string[];
  /** With `expand: true`. */
  readonly expanded: readonly string[];
}

export type Row = Readonly<Record<string, string>>;

function row(change: OracleChange | Change, path: Buffer): Row {
  return {
    kind: change.kind,
    // Every byte is one character of latin1.
    path: path.toString('latin1'),
    type: change.type,
    ...(change.previousType !== undefined && { previousType: change.previousType }),
    aspects: change.aspects.join(),
    ...('content' in change && { content: change.content }),
  };
}

function line({ kind = '', type, previousType, path, aspects }: Row): string {
  const types = previousType === undefined ? type : `${previousType}>${type}`;
  return `${kind.charAt(0).toUpperCase()} ${types} ${path}${aspects ? ` [${aspects}]` : ''}`;
}

export async function reportedRows(source: ChangesSource, options: ChangesOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const change of changes(source, { ...options, encoding: 'buffer' })) {
    if (change.pathBytes?.toString() !== change.path)
      throw new Error(`${change.path}: not its bytes`);
    rows.push(row(change, change.pathBytes));
  }
  return rows;
}

/** The list of the oracle. */
export async function oracleRows(
  { lab, before, target, upper }: Scene,
  expand: boolean,
  ignore: readonly Aspect[],
  indexed = false,
): Promise<Row[]> {
  const options = { own, upper, expand, indexed, ignoreRootOwner: asUser } as const;
  const rows: Row[] = [];
  for (const change of await lab.compare(before, target, options)) {
    const aspects = change.aspects.filter((aspect) => !ignore.includes(aspect));
    if (change.kind === 'modified' && aspects.length === 0) continue;
    rows.push(row({ ...change, aspects }, change.path));
  }
  return rows;
}

/** Ava's own comparison takes minutes for long lists: it is for showing what differs. */
function same(t: ExecutionContext, actual: unknown, expected: unknown, message: string): void {
  if (isDeepStrictEqual(actual, expected)) t.pass(message);
  else t.deepEqual(actual, expected, message);
}

/** A mount of the scene. */
export interface Mounted {
  readonly overlay?: ChangesSource;
  readonly close: () => Promise<void>;
  /** It keeps hard links together. */
  readonly indexed?: boolean;
}

/** Compares every list; the overlay is closed on the way. */
export async function checkLists(
  t: ExecutionContext,
  scene: Scene,
  ignore: readonly Aspect[],
  mounted: Mounted,
): Promise<Lines> {
  const { overlay, close, indexed = false } = mounted;
  const [plain, expanded] = [
    await oracleRows(scene, false, ignore, indexed),
    await oracleRows(scene, true, ignore, indexed),
  ];
  const compare = async (name: string, source: ChangesSource): Promise<void> => {
    same(t, await reportedRows(source, { ignore }), plain, name);
    same(t, await reportedRows(source, { ignore, expand: true }), expanded, `${name}, expanded`);
  };
  if (overlay !== undefined) await compare('of the overlay', overlay);
  await compare('of the mount point', scene.target);
  await close();
  const { upper, lowers: lower, work } = scene;
  await compare('of the layers', { upper, lower, xattrs: own, ...(indexed && { work }) });
  return { plain: plain.map(line), expanded: expanded.map(line) };
}

/** Mounts through the library, as the scene is, and compares. */
export async function mountAndCheck(
  t: ExecutionContext,
  scene: Scene,
  edit: Scenario['edit'],
  ignore: readonly Aspect[] = [],
): Promise<Lines> {
  const { lowers: lower, upper, work, target } = scene;
  const overlay = await mountOverlay({ lower, upper, work, target });
  t.teardown(() => overlay.close({ lazy: true }));
  await edit(scene.lab, target, scene);
  return await checkLists(t, scene, ignore, { overlay, close: () => overlay.close() });
}

async function mountByLabAndCheck(
  t: ExecutionContext,
  scene: Scene,
  edit: Scenario['edit'],
  options: readonly string[],
): Promise<Lines> {
  const indexed = options.includes('index=on');
  // By the time of its last change the oracle tells a changed inode from the lower's.
  if (indexed) await sleep(20);
  const close = await mountByLab(scene, options);
  t.teardown(close);
  await edit(scene.lab, scene.target, scene);
  return await checkLists(t, scene, [], { close, indexed });
}

/** Plays the scenario; the lists are equal, and returned for a look at what they say. */
export async function play(t: ExecutionContext, lab: Lab, scenario: Scenario): Promise<Lines> {
  const { lowers = [async () => undefined], options, edit, ignore } = scenario;
  const metacopy = options?.includes('metacopy=on') === true;
  const scene = await startScene(t, lab, lowers.length, scenario.names);
  await makeLowers(scene, lowers);
  await scenario.prepare?.(scene);
  t.teardown(await mountView(scene, [metacopy ? 'metacopy=on' : 'redirect_dir=follow']));
  if (options === undefined) return await mountAndCheck(t, scene, edit, ignore);
  const lines = await mountByLabAndCheck(t, scene, edit, options);
  // Our own mounts follow redirects that exist, but know no metacopies and have no index.
  if (!metacopy && !options.includes('index=on'))
    same(t, await mountAndCheck(t, scene, async () => undefined), lines, 'again');
  return lines;
}

export interface Case extends Scenario {
  readonly title: string;
  /** Needs privileges that root has in the initial user namespace only. */
  readonly rootOnly?: boolean;
  readonly expected: readonly string[];
  /** Default: the same. */
  readonly expanded?: readonly string[];
}

export interface Register {
  (title: string, body: (t: ExecutionContext) => Promise<void>): void;
  skip(title: string, body: (t: ExecutionContext) => Promise<void>): void;
}

/** A test for each: the lists are equal, and are the expected ones. */
export function playAll(test: Register, lab: () => Lab, cases: readonly Case[]): void {
  for (const scenario of cases) {
    const body = async (t: ExecutionContext): Promise<void> => {
      const lines = await play(t, lab(), scenario);
      t.deepEqual(lines.plain, scenario.expected);
      t.deepEqual(lines.expanded, scenario.expanded ?? scenario.expected);
    };
    if (scenario.rootOnly === true && asUser) test.skip(`${scenario.title} [root only]`, body);
    else test(scenario.title, body);
  }
}
