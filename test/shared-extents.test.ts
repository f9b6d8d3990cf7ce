// Files that were copied up by reflink are known to be equal without being read, and any change in
// them is found.
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import test from 'ava';
import type { ChangesOptions } from 'overlayfs';
import { changes } from 'overlayfs';
import type { ImageKind } from './helpers/image.ts';
import { imageKinds, mountImage, whyNoImage } from './helpers/image.ts';
import { Lab } from './helpers/lab.ts';
import type { Scene } from './helpers/scene.ts';
import { age, asUser, at, mountByLab, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const mebibyte = 1 << 20;
const whole = 32 * mebibyte;
const partial = whole + 123; // not a whole number of blocks

/** Bytes that this process has read so far. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'latin1'))?.[1]);
}

async function byteAt(path: Buffer, offset: number): Promise<number> {
  await using file = await open(path);
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset);
  return buffer.readUInt8();
}

interface Listed {
  readonly lines: readonly string[];
  readonly mebibytes: number;
}

async function list({ upper, lowers: lower }: Scene, options: ChangesOptions): Promise<Listed> {
  const before = bytesRead();
  const lines: string[] = [];
  for await (const { kind, path, aspects } of changes({ upper, lower }, options)) {
    lines.push(`${kind} ${path} ${aspects.join()}`);
  }
  return { lines, mebibytes: Math.floor((bytesRead() - before) / mebibyte) };
}

/** Layers on such a filesystem, with one large file that is copied up. */
async function copiedUp(
  t: Parameters<typeof startScene>[0],
  kind: ImageKind,
  size: number,
): Promise<Scene> {
  const outer = await startScene(t, lab, 1);
  const root = at(outer.root, 'image');
  await lab.mkdir(root);
  t.teardown(await mountImage(kind, `${outer.root}/${kind.name}`, root));
  const scene = {
    ...outer,
    lowers: [at(root, 'lower')],
    upper: at(root, 'upper'),
    work: at(root, 'work'),
  };
  const big = at(root, 'lower/big');
  await lab.mkdir(at(root, 'lower'));
  await lab.fill(big, size, 1);
  await age(lab, big);
  t.teardown(await mountByLab(scene));
  await lab.chmod(at(scene.target, 'big'), 0o600);
  return scene;
}

const equal = ['modified big mode'];
const changed = ['modified big content,mode'];

for (const kind of imageKinds) {
  const missing = whyNoImage(kind);
  const on = (
    title: string,
    body: (t: Parameters<typeof startScene>[0]) => Promise<void>,
  ): void => {
    const name = `${kind.name}: ${title} [root only]`;
    if (asUser || missing !== undefined) test.skip(name, body);
    // One at a time: what is read is counted for the whole process.
    else test.serial(name, body);
  };

  for (const [what, size] of [
    ['whole blocks', whole],
    ['whole blocks and a part of a block', partial],
  ] as const) {
    on(`a file copied up by reflink is not read, ${what}`, async (t) => {
      const scene = await copiedUp(t, kind, size);
      for (const options of [{}, { content: 'auto' }, { ignore: ['times'] }] as const) {
        const { lines, mebibytes } = await list(scene, options);
        t.deepEqual(lines, equal);
        t.true(mebibytes < 2, `${mebibytes} MiB read`);
      }
      const always = await list(scene, { content: 'always' });
      t.deepEqual(always.lines, equal);
      t.true(always.mebibytes >= 64, `${always.mebibytes} MiB read`);
    });
  }

  on('one byte changed after the copy-up is found, on disk or not yet', async (t) => {
    // Wholly shared on every such filesystem, so that nothing but the changed block tells.
    const scene = await copiedUp(t, kind, whole);
    const [layer = scene.upper] = scene.lowers;
    const merged = at(scene.target, 'big');
    for (const offset of [0, whole >> 1, whole - 1]) {
      const byte = await byteAt(at(layer, 'big'), offset);
      await lab.writeAt(merged, offset, Buffer.of(byte ^ 1));
      t.deepEqual((await list(scene, { ignore: ['times'] })).lines, changed, `at ${offset}`);
      await age(lab, merged);
      t.deepEqual((await list(scene, {})).lines, changed, `at ${offset}, the time set back`);
      await lab.writeAt(merged, offset, Buffer.of(byte));
      await age(lab, merged);
      t.deepEqual((await list(scene, {})).lines, equal, `at ${offset}, and back`);
    }
  });

  on('the same bytes in other blocks, and holes instead of zeros', async (t) => {
    const scene = await copiedUp(t, kind, whole);
    const [layer = scene.upper] = scene.lowers;
    await lab.fill(at(scene.upper, 'big'), whole, 1);
    await age(lab, at(scene.upper, 'big'));
    const { lines, mebibytes } = await list(scene, {});
    t.deepEqual(lines, equal);
    t.true(mebibytes >= 64, `${mebibytes} MiB read`);
    for (const path of [layer, scene.upper]) {
      await lab.write(at(path, 'zeros'), Buffer.alloc(mebibyte));
      await lab.write(at(path, 'hole'), '');
      await lab.truncate(at(path, 'hole'), mebibyte);
    }
    await lab.punch(at(scene.upper, 'zeros'), 0, mebibyte >> 1);
    await lab.writeAt(at(scene.upper, 'hole'), 5, 'x');
    const more = await list(scene, { ignore: ['times', 'mode'] });
    t.deepEqual(more.lines, ['modified hole content']);
  });
}
