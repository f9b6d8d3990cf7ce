// Layers to be applied, and what has come of it.
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import type { ApplyOptions, ApplyResult } from 'overlayfs';
import { applyChanges } from 'overlayfs';
import type { Lab } from './lab.ts';
import type { Edit, Scene } from './scene.ts';
import { at, makeLowers, mountByLab, own, startScene } from './scene.ts';

export interface Applying {
  readonly scene: Scene;
  readonly lab: Lab;
  readonly lower: Buffer;
  /** A copy of the lower, to apply to. */
  readonly copy: Buffer;
  /** The layers by name. */
  readonly source: { upper: Buffer; lower: Buffer; xattrs: 'trusted' | 'user' };
  /** What differs between a directory and what the overlay shows. */
  readonly differs: (directory: Buffer) => Promise<string[]>;
}

/** One lower, what a real overlay on it wrote, and a copy of the lower. */
export async function startApplying(
  t: ExecutionContext,
  lab: Lab,
  { lower: make, edit, options }: { lower: Edit; edit: Edit; options?: readonly string[] },
): Promise<Applying> {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [make]);
  const [lower] = scene.lowers;
  if (lower === undefined) throw new Error('there is no lower');
  const copy = at(scene.root, 'copy');
  await lab.mkdir(copy);
  await lab.copyTree(lower, copy);
  const close = await mountByLab(scene, options);
  await edit(lab, scene.target).finally(close);
  // What it shows, also once the lower is another one.
  const after = at(scene.root, 'after');
  await lab.mkdir(after);
  const again = await mountByLab(scene, options);
  await lab.copyTree(scene.target, after).finally(again);
  return {
    scene,
    lab,
    lower,
    copy,
    source: { upper: scene.upper, lower, xattrs: own },
    async differs(directory) {
      const list = await lab.compare(directory, after, { own: 'trusted', ignoreRootOwner: true });
      return list.map(({ kind, path, aspects }) => `${kind} ${path} ${aspects}`.trimEnd());
    },
  };
}

/** `outcome kind path`, in the order in which they were told. */
export async function applied(
  source: Parameters<typeof applyChanges>[0],
  options: ApplyOptions = {},
): Promise<{ readonly told: string[]; readonly result: ApplyResult }> {
  const told: string[] = [];
  const result = await applyChanges(source, {
    sync: false,
    ...options,
    onChange: ({ outcome, kind, path }) => told.push(`${outcome} ${kind} ${path}`),
  });
  return { told, result };
}

const child = fileURLToPath(new URL('./apply-child.js', import.meta.url));

/** The words of a process that applies and may be killed: it prints `begins` and then `complete`. */
export function applyWords(upper: string, lower: string, to: string): [string, ...string[]] {
  return [process.execPath, child, upper, lower, own, to];
}
