// The directories of a scenario, and overlays of them that the library has no part in.
import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Lab } from './lab.ts';
import type { LabPath } from './lab-process.ts';

/** Uid 0 of a user namespace. */
export const asUser: boolean = process.env.OVERLAYFS_TEST_AS === 'user';
/** Where the marks of such an overlay are. */
export const own: 'trusted' | 'user' = asUser ? 'user' : 'trusted';

export interface Scene {
  readonly lab: Lab;
  /** Holds everything else. */
  readonly root: Buffer;
  /** Top-most first. */
  readonly lowers: readonly Buffer[];
  readonly upper: Buffer;
  readonly work: Buffer;
  readonly target: Buffer;
  /** Where a view of the lowers alone may be mounted. */
  readonly before: Buffer;
  /** An empty directory: an overlay without an upper needs two lowers. */
  readonly nothing: Buffer;
}

/** Does something in a directory: to a layer, or in the overlay. */
export type Edit = (lab: Lab, directory: Buffer) => Promise<void>;
/** Written directly, or as the upper of an overlay of the layers made before it. */
export type Layer = Edit | { readonly mounted: Edit; readonly options?: readonly string[] };

export interface LayerNames {
  readonly lower: LabPath;
  readonly upper: LabPath;
  readonly work: LabPath;
  readonly target: LabPath;
}

const slash = Buffer.from('/');

function bytes(path: LabPath): Buffer {
  return typeof path === 'string' ? Buffer.from(path) : path;
}

/** A path in bytes: not every name is text. */
export function at(directory: LabPath, ...names: readonly LabPath[]): Buffer {
  return Buffer.concat([bytes(directory), ...names.flatMap((name) => [slash, bytes(name)])]);
}

export async function startScene(
  t: ExecutionContext,
  lab: Lab,
  layers: number,
  names: LayerNames = { lower: 'lower', upper: 'upper', work: 'work', target: 'merged' },
): Promise<Scene> {
  const directory = await mkdtemp(join(await realpath(tmpdir()), 'overlayfs-test-'));
  t.teardown(() => lab.rmtree(directory));
  const root = Buffer.from(directory);
  const scene: Scene = {
    lab,
    root,
    lowers: Array.from({ length: layers }, (_, i) => at(root, `${layers - i}`, names.lower)),
    upper: at(root, 'changes', names.upper),
    work: at(root, 'changes', names.work),
    target: at(root, 'view', names.target),
    before: at(root, 'before'),
    nothing: at(root, 'nothing'),
  };
  const parents = ['changes', 'view', ...scene.lowers.map((_, i) => `${i + 1}`)];
  for (const parent of parents) await lab.mkdir(at(root, parent));
  // The library makes the upper and its work directory.
  for (const path of [...scene.lowers, scene.target, scene.before, scene.nothing]) {
    await lab.mkdir(path);
  }
  return scene;
}

function option(name: string, paths: readonly Buffer[]): Buffer {
  // Not the library's escaping: this one has to be right by itself.
  const escaped = paths.map((path) => path.toString('latin1').replace(/[\\,:]/g, '\\$&'));
  return Buffer.from(`${name}=${escaped.join(':')}`, 'latin1');
}

interface Stack {
  readonly lab: Lab;
  readonly lowers: readonly Buffer[];
  readonly upper: Buffer | undefined;
  readonly work: Buffer;
  readonly target: Buffer;
}

/** Mounts with mount(2) through the lab; the result unmounts, once. */
export async function mountByLab(
  { lab, lowers, upper, work, target }: Stack,
  options: readonly string[] = [],
): Promise<() => Promise<void>> {
  const layers = [option('lowerdir', lowers)];
  if (upper !== undefined) {
    for (const path of [upper, work]) if (!(await lab.exists(path))) await lab.mkdir(path);
    layers.push(option('upperdir', [upper]), option('workdir', [work]));
  }
  // An ordinary user's mount follows no redirects and makes none.
  const words = asUser ? ['userxattr'] : ['index=off', ...options];
  const data = [...layers, ...words.map((word) => Buffer.from(word))];
  const joined = data.flatMap((part, i) => (i === 0 ? [part] : [Buffer.from(','), part]));
  await lab.mount('overlay', target, 'overlay', [], Buffer.concat(joined));
  let mounted = true;
  return async () => {
    if (mounted) await lab.umount(target);
    mounted = false;
  };
}

/** Mounts the lowers alone, read-only: what they look like is for the kernel to say. */
export function mountView(
  scene: Scene,
  options: readonly string[] = [],
): Promise<() => Promise<void>> {
  const { before: target, lowers, nothing } = scene;
  return mountByLab({ ...scene, target, lowers: [...lowers, nothing], upper: undefined }, options);
}

/** Makes the lowers of a scene, in the order given: the bottom-most first. */
export async function makeLowers(scene: Scene, layers: readonly Layer[]): Promise<void> {
  for (const [i, layer] of layers.entries()) {
    const place = scene.lowers.length - 1 - i;
    const upper = scene.lowers[place];
    if (upper === undefined) throw new Error('more layers than the scene has');
    if (typeof layer === 'function') {
      await layer(scene.lab, upper);
      continue;
    }
    const lowers = scene.lowers.slice(place + 1);
    const work = at(scene.root, `${i + 1}`, 'work');
    const close = await mountByLab({ ...scene, lowers, upper, work }, layer.options);
    await layer.mounted(scene.lab, scene.target).finally(close);
  }
}

/** Long ago: what is written later has another time, whatever the clock's resolution. */
export const old = 1_000_000_000_000_000_000n;

/** Sets the times of an entry as they are in every lower. */
export function age(lab: Lab, path: LabPath): Promise<void> {
  return lab.utimens(path, old, old);
}

export type Tree = Readonly<Record<string, string | null | { readonly link: string }>>;

/** Files by their content, symbolic links, and directories (`null`), with the directories above. */
export function plant(tree: Tree): Edit {
  return async (lab, directory) => {
    for (const [name, node] of Object.entries(tree)) {
      const parts = name.split('/');
      const parents = node === null ? parts : parts.slice(0, -1);
      for (let depth = 1; depth <= parents.length; depth++) {
        const path = at(directory, ...parents.slice(0, depth));
        if (!(await lab.exists(path))) await lab.mkdir(path);
      }
      if (node === null) continue;
      const path = at(directory, name);
      if (typeof node === 'string') await lab.write(path, node);
      else await lab.symlink(node.link, path);
      await age(lab, path);
    }
  };
}
