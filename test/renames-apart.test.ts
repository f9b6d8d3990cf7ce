// Handles of files mean something on their own filesystem only.
import test from 'ava';
import { changes } from 'overlayfs';
import { imageKinds, mountImage, whyNoImage } from './helpers/image.ts';
import { Lab } from './helpers/lab.ts';
import { asUser, at, mountByLab, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const btrfs = imageKinds.find(({ name }) => name === 'btrfs');
const why = asUser || btrfs === undefined ? 'only root can mount images' : whyNoImage(btrfs);
const title = 'a renamed file is not taken for one of the same handle elsewhere [root only]';
const register = why === undefined ? test : test.skip;

// The first files of two new btrfs filesystems have the same handle.
register(why === undefined ? title : `${title} (${why})`, async (t) => {
  const scene = await startScene(t, lab, 2);
  const [top, bottom] = scene.lowers;
  if (top === undefined || bottom === undefined || btrfs === undefined) throw new Error('no scene');
  for (const [i, layer] of [top, bottom].entries()) {
    t.teardown(await mountImage(btrfs, at(scene.root, `image${i}`).toString(), layer));
    await plant({ [i === 0 ? 'x' : 'p']: 'content' })(lab, layer);
  }
  const close = await mountByLab(scene);
  await lab.rename(at(scene.target, 'x'), at(scene.target, 'zz'));
  await lab.unlink(at(scene.target, 'p'));
  await close();
  const found: string[] = [];
  for await (const change of changes({ upper: scene.upper, lower: scene.lowers })) {
    found.push([change.kind, change.path, change.renamedFrom ?? ''].join(' ').trim());
  }
  t.deepEqual(found, ['deleted p', 'deleted x', 'added zz x']);
});
