// Random layers that no mount has written, a few of them over each other, mounted read-only: the
// difference that the oracle sees between two such views is what the library says.
import { isDeepStrictEqual } from 'node:util';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { OverlayError } from 'overlayfs';
import { shown } from './helpers/hand-written.ts';
import { Lab } from './helpers/lab.ts';
import { LabError } from './helpers/lab-process.ts';
import type { RandomLayer } from './helpers/random-layers.ts';
import { Random, randomLayer, writeLayer } from './helpers/random-layers.ts';
import type { Row } from './helpers/scenario.ts';
import { oracleRows, reportedRows } from './helpers/scenario.ts';
import type { Scene } from './helpers/scene.ts';
import { asUser, mountByLab, own, startScene } from './helpers/scene.ts';

const stacks = 500;
const options = asUser ? [] : ['metacopy=on'];

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

/** Mounts the layers of a scene without those above `top`. */
function mountFrom(scene: Scene, top: number, target: Buffer): Promise<() => Promise<void>> {
  const given = scene.lowers.slice(top);
  // Above: the bottom-most layer has rules of its own.
  const lowers = given.length > 1 ? given : [scene.nothing, ...given];
  return mountByLab({ ...scene, lowers, target, upper: undefined }, options);
}

/** Undefined where the kernel refuses an entry that both ought to look at. */
async function expected(scene: Scene, expand: boolean): Promise<Row[] | undefined> {
  try {
    return await oracleRows(scene, expand, []);
  } catch (error) {
    if (error instanceof LabError && error.code !== 'ENOENT') return undefined;
    throw error;
  }
}

async function actual(scene: Scene, expand: boolean): Promise<Row[] | OverlayError> {
  const { upper, lowers } = scene;
  try {
    return await reportedRows({ upper, lower: lowers.slice(1), xattrs: own }, { expand });
  } catch (error) {
    if (error instanceof OverlayError) return error;
    throw error;
  }
}

/** How many entries of a view the kernel refuses. */
async function refused(root: Buffer): Promise<string[]> {
  return (await shown(lab, root)).filter((line) => / E[A-Z]+$/.test(line));
}

const counts = { compared: 0, changes: 0, refused: 0, errors: 0 };

async function check(t: ExecutionContext, scene: Scene): Promise<string | undefined> {
  for (const expand of [false, true]) {
    const oracle = await expected(scene, expand);
    const library = await actual(scene, expand);
    if (oracle === undefined) {
      counts.refused++;
      // The library may have no reason to look at what is refused, but it may not make up a change.
      // (An entry that the kernel refuses may be missing from its listing as well.)
      const names = [...(await refused(scene.before)), ...(await refused(scene.target))];
      if (library instanceof OverlayError) counts.errors++;
      else {
        const paths = names.map((line) => line.replace(/ E[A-Z]+$/, ''));
        const made = library.find(({ path = '' }) => paths.includes(path));
        if (made !== undefined) return `the kernel refuses ${made.path}: ${JSON.stringify(made)}`;
      }
      continue;
    }
    counts.compared++;
    counts.changes += oracle.length;
    if (library instanceof OverlayError) return `the kernel refuses nothing: ${library.message}`;
    if (!isDeepStrictEqual(library, oracle)) {
      return `expand=${expand}\noracle ${JSON.stringify(oracle)}\nlibrary ${JSON.stringify(library)}`;
    }
  }
  t.pass();
  return undefined;
}

async function play(
  t: ExecutionContext,
  layers: readonly RandomLayer[],
): Promise<string | undefined> {
  const started = await startScene(t, lab, layers.length);
  // The upper is a layer like the others: nothing is ever written to it.
  const scene = { ...started, upper: started.lowers[0] ?? started.upper };
  for (const [i, layer] of layers.entries()) {
    await writeLayer(lab, scene.lowers[i] ?? scene.root, layer);
  }
  const before = await mountFrom(scene, 1, scene.before);
  try {
    const after = await mountFrom(scene, 0, scene.target);
    try {
      return await check(t, scene);
    } finally {
      await after();
    }
  } finally {
    await before();
  }
}

for (let part = 0; part < 5; part++) {
  test(`random layers, part ${part + 1}`, async (t) => {
    for (let seed = part; seed < stacks; seed += 5) {
      const random = new Random(seed);
      const layers = Array.from({ length: 2 + random.below(3) }, () => randomLayer(random));
      const difference = await play(t, layers);
      if (difference === undefined) continue;
      const stack = layers.map((layer) => layer.map((entry) => JSON.stringify(entry)).join('\n'));
      t.fail(`seed ${seed}\n${stack.join('\n--\n')}\n${difference}`);
    }
  });
}

test.after('enough was compared', (t) => {
  t.log(JSON.stringify(counts));
  t.true(counts.compared > stacks && counts.changes > 5 * stacks, JSON.stringify(counts));
});
