// Layers written by hand, without any mount: as the top-most lower and as the upper, what the kernel
// makes of them is what the library has to say.
import type { ExecutionContext } from 'ava';
import { changes } from 'overlayfs';
import type { Lab } from './lab.ts';
import { LabError } from './lab-process.ts';
import type { Lines, Register } from './scenario.ts';
import { checkLists } from './scenario.ts';
import type { Edit, Scene } from './scene.ts';
import { asUser, at, makeLowers, mountByLab, own, startScene } from './scene.ts';

export interface HandWritten {
  readonly title: string;
  /** Needs privileges that root has in the initial user namespace only. */
  readonly rootOnly?: boolean;
  /** What lies below the layer, the bottom-most first. */
  readonly below: readonly Edit[];
  readonly layer: Edit;
  /** Mounted with `metacopy=on`, not only with `redirect_dir=follow`. */
  readonly metacopy?: boolean;
  /** What the kernel shows of it all, by `shown`. */
  readonly shown: readonly string[];
  /** What the layer changes as an upper; left out where the kernel refuses an entry. */
  readonly changes?: readonly string[];
  /** Default: the same. */
  readonly expanded?: readonly string[];
  /** What the library says of the entry that the kernel refuses. */
  readonly refused?: {
    readonly code: string;
    readonly path: string;
    /** The place in `below` of the layer that has the path; default: `layer` itself. */
    readonly below?: number;
  };
  /** What changes when an upper has all of it as it reads; default: nothing. */
  readonly copied?: readonly string[];
  /**
   * Several names lead to one directory of a lower. With an upper the kernel then shows the one that
   * is looked up first and answers ESTALE for the others, so there is nothing to compare with.
   */
  readonly aliases?: boolean;
}

/** The error number of what the kernel refuses; undefined for what is listed and yet not there. */
async function look(lab: Lab, path: Buffer, name: string): Promise<string | undefined> {
  try {
    const { type } = await lab.stat(path);
    if (type === 'symlink') return `${name} -> ${await lab.readlink(path)}`;
    if (type === 'file') return `${name} = ${await lab.read(path)}`;
    return type === 'directory' ? `${name}/` : `${name} (${type})`;
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return error.code === 'ENOENT' ? undefined : `${name} ${error.code}`;
  }
}

/** A merged directory cannot even be listed where the kernel has to look at an entry to do so. */
async function list(
  lab: Lab,
  directory: Buffer,
  lines: string[],
  prefix: string,
): Promise<Buffer[]> {
  try {
    return await lab.list(directory);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    lines.push(`${prefix || '.'} ${error.code}`);
    return [];
  }
}

/** A tree as lines: `a/`, `a/x = content`, `link -> target`, `node (fifo)`, `refused EPERM`. */
export async function shown(lab: Lab, root: Buffer): Promise<string[]> {
  const lines: string[] = [];
  const walk = async (directory: Buffer, prefix: string): Promise<void> => {
    for (const entry of await list(lab, directory, lines, prefix)) {
      const name = `${prefix}${entry.toString('latin1')}`;
      const line = await look(lab, at(directory, entry), name);
      if (line !== undefined) lines.push(line);
      if (line === `${name}/`) await walk(at(directory, entry), line);
    }
  };
  await walk(root, '');
  return lines;
}

const optionsOf = (test: HandWritten): readonly string[] => [
  test.metacopy === true ? 'metacopy=on' : 'redirect_dir=follow',
];

async function refuses(
  t: ExecutionContext,
  { upper, lowers: lower }: Scene,
  layer: Buffer,
  { refused }: HandWritten,
  ways: readonly boolean[],
): Promise<void> {
  const place = refused?.below === undefined ? layer : lower.at(-1 - refused.below);
  for (const expand of ways) {
    const error = await t.throwsAsync(
      async () => {
        for await (const change of changes({ upper, lower, xattrs: own }, { expand })) {
          t.not(change.path, refused?.path, 'an entry that nobody can look at is no change');
        }
      },
      { name: 'OverlayError' },
    );
    t.like(error, { code: refused?.code, path: at(place ?? '', refused?.path ?? '').toString() });
  }
}

/**
 * Makes in an upper what an overlay shows. Not by copying up: two names of one lower object, which a
 * mistaken redirect gives, share their inode in the overlay, and the second copy-up fails (ESTALE).
 */
async function copyByHand(lab: Lab, from: Buffer, to: Buffer): Promise<void> {
  for (const line of await shown(lab, from)) {
    const [, latin1 = '', kind = ''] = /^(.*?)(\/$| = | -> | \()/s.exec(line) ?? [];
    const name = Buffer.from(latin1, 'latin1');
    const [source, copy] = [at(from, name), at(to, name)];
    const { mode, mtimeNs, rdev } = await lab.stat(source);
    if (kind === '/') await lab.mkdir(copy);
    else if (kind === ' = ') await lab.write(copy, await lab.read(source));
    else if (kind === ' -> ') await lab.symlink(await lab.readlink(source), copy);
    else if (line.endsWith('(fifo)')) await lab.fifo(copy);
    else if (line.endsWith('(socket)')) await lab.socket(copy);
    else {
      const [major, minor] = rdev.split(':').map(Number);
      await lab.mknod(copy, line.endsWith('(block-device)') ? 'b' : 'c', 0, major, minor);
    }
    if (kind !== ' -> ') await lab.chmod(copy, mode);
    await lab.utimens(copy, 0n, mtimeNs);
    for (const xattr of await lab.listXattr(source)) {
      // What looks like a mark through a mount is one of another mount, and has an escaped name.
      const stored = xattr.replace(`${own}.overlay.`, `${own}.overlay.overlay.`);
      await lab.setXattr(copy, stored, await lab.getXattr(source, xattr));
    }
  }
}

/**
 * Mounts the lowers alone. What is added to a single one lies above it: whether a layer is the
 * bottom-most makes a difference (the kernel does not look at the redirects of that one).
 */
function mountLowers(scene: Scene, test: HandWritten): Promise<() => Promise<void>> {
  const { before: target, lowers: given, nothing } = scene;
  const lowers = given.length > 1 ? given : [nothing, ...given];
  return mountByLab({ ...scene, target, lowers, upper: undefined }, optionsOf(test));
}

async function asLower(t: ExecutionContext, lab: Lab, test: HandWritten): Promise<void> {
  const scene = await startScene(t, lab, test.below.length + 1);
  const [layer = scene.root] = scene.lowers;
  await makeLowers(scene, [...test.below, test.layer]);
  t.teardown(await mountLowers(scene, test));
  t.deepEqual(await shown(lab, scene.before), test.shown, 'as a lower');

  // The library looks at lowers where the upper has something: here, everywhere.
  await lab.mkdir(scene.upper);
  for (const lower of scene.lowers) {
    for (const name of await lab.list(lower)) {
      if (!(await lab.exists(at(scene.upper, name)))) await lab.whiteout(at(scene.upper, name));
    }
  }
  if (test.refused !== undefined) {
    // Only with `expand` does it look below a directory that is gone.
    await refuses(t, scene, layer, test, [true]);
    return;
  }
  const hidden = await mountByLab(scene, optionsOf(test));
  t.teardown(hidden);
  const { expanded } = await checkLists(t, scene, [], { close: hidden });
  t.is(expanded.length, test.shown.length, 'all is deleted');
  if (test.aliases === true) return;

  const second = { ...scene, upper: at(scene.root, 'changes', 'second') };
  await lab.mkdir(second.upper);
  await copyByHand(lab, scene.before, second.upper);
  const copied = await mountByLab(second, optionsOf(test));
  t.teardown(copied);
  const lines = await checkLists(t, second, [], { close: copied });
  t.deepEqual(lines.expanded, test.copied ?? [], 'copied by hand');
}

async function asUpper(t: ExecutionContext, lab: Lab, test: HandWritten): Promise<void> {
  const scene = await startScene(t, lab, test.below.length);
  await makeLowers(scene, test.below);
  t.teardown(await mountLowers(scene, test));
  await lab.mkdir(scene.upper);
  await test.layer(lab, scene.upper);
  const close = await mountByLab(scene, optionsOf(test));
  t.teardown(close);
  t.deepEqual(await shown(lab, scene.target), test.shown, 'as an upper');
  if (test.refused !== undefined) {
    await refuses(t, scene, scene.upper, test, [false, true]);
    return;
  }
  const lines: Lines = await checkLists(t, scene, [], { close });
  t.deepEqual(lines.plain, test.changes);
  t.deepEqual(lines.expanded, test.expanded ?? test.changes);
}

/** Two tests for each layer. */
export function layersByHand(test: Register, lab: () => Lab, layers: readonly HandWritten[]): void {
  for (const layer of layers) {
    for (const [place, body] of [
      ['as a lower', asLower],
      ['as an upper', asUpper],
    ] as const) {
      const title = `${layer.title}, ${place}`;
      if (layer.aliases === true && body === asUpper) continue;
      const run = (t: ExecutionContext): Promise<void> => body(t, lab(), layer);
      if (layer.rootOnly === true && asUser) test.skip(`${title} [root only]`, run);
      else test(title, run);
    }
  }
}
