// Whiteouts that are files with an attribute, and marks that mean nothing where they are.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import { added } from './helpers/lines.ts';
import type { Case } from './helpers/scenario.ts';
import { mountAndCheck, playAll } from './helpers/scenario.ts';
import type { Edit, Scene } from './helpers/scene.ts';
import { age, at, mountByLab, mountView, own, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const nothing: Edit = async () => undefined;

const lower = plant({
  'a/deep/x': 'ax',
  'a/deep/y': 'ay',
  'a/z': 'az',
  'b/deep/x': 'bx',
  'b/w': 'bw',
  file: 'content',
  gone: 'there',
});

/** Hides a name as tools do that cannot make a device. */
async function hide(directory: Buffer, name: string): Promise<void> {
  await lab.setXattr(directory, `${own}.overlay.opaque`, 'x');
  await lab.write(at(directory, name), '');
  await lab.setXattr(at(directory, name), `${own}.overlay.whiteout`, 'y');
}

const hidden: readonly Case[] = [
  {
    title: 'whiteouts by attribute in the upper',
    lowers: [lower],
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      await plant({ 'a/deep': null, b: null })(lab, upper);
      await hide(at(upper, 'a/deep'), 'x');
      await hide(at(upper, 'a/deep'), 'never');
      await hide(at(upper, 'b'), 'deep');
      // Not empty, so it is an ordinary file.
      await lab.write(at(upper, 'b/w'), 'bw');
      await lab.setXattr(at(upper, 'b/w'), `${own}.overlay.whiteout`, 'y');
      await age(lab, at(upper, 'b/w'));
    },
    edit: nothing,
    expected: ['D file a/deep/x', 'D directory b/deep'],
    expanded: ['D file a/deep/x', 'D directory b/deep', 'D file b/deep/x'],
  },
  {
    title: 'whiteouts by attribute in a lower',
    lowers: [
      lower,
      async (_, layer) => {
        await plant({ 'a/deep': null, b: null })(lab, layer);
        await hide(at(layer, 'a/deep'), 'x');
        await hide(at(layer, 'b'), 'deep');
      },
    ],
    edit: async (_, merged) => {
      await plant({ 'a/deep/x': 'ax', 'b/deep/x': 'bx' })(lab, merged);
      await lab.unlink(at(merged, 'b/w'));
    },
    expected: ['A file a/deep/x', ...added('b/deep', 'x'), 'D file b/w'],
  },
  {
    title: 'marks that say nothing: on the root, of another value, on files',
    lowers: [lower],
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      await plant({ 'a/deep/x': 'ax', b: null, gone: '' })(lab, upper);
      await lab.setXattr(upper, `${own}.overlay.opaque`, 'y');
      await lab.setXattr(at(upper, 'a'), `${own}.overlay.opaque`, 'yy');
      await lab.setXattr(at(upper, 'b'), `${own}.overlay.opaque`, '');
      await lab.setXattr(at(upper, 'a/deep/x'), `${own}.overlay.opaque`, 'y');
      await lab.setXattr(at(upper, 'a/deep/x'), `${own}.overlay.redirect`, '/b/w');
      await lab.setXattr(at(upper, 'gone'), `${own}.overlay.opaque`, 'y');
    },
    edit: nothing,
    expected: ['M file gone [content]'],
  },
];

playAll(test, () => lab, hidden);

/** Layers that lie in an overlay themselves: no devices can be made there, so attributes hide. */
async function nested(t: ExecutionContext): Promise<Scene> {
  const outer = await startScene(t, lab, 1);
  t.teardown(await mountByLab(outer));
  const [bottom, middle] = [at(outer.target, 'bottom'), at(outer.target, 'middle')];
  await lab.mkdir(bottom);
  await lower(lab, bottom);
  await lab.mkdir(middle);
  await plant({ 'a/deep': null, 'b/new': 'new' })(lab, middle);
  await hide(at(middle, 'a/deep'), 'x');
  await hide(at(middle, 'b'), 'deep');
  await lab.setXattr(at(middle, 'b'), 'user.test', 'seen');
  // The outer upper has them in another form, or it would go by them itself.
  const stored = await lab.listXattr(at(outer.upper, 'middle/a/deep/x'));
  t.true(stored.includes(`${own}.overlay.overlay.whiteout`));
  const inner = await startScene(t, lab, 0);
  return { ...inner, lowers: [middle, bottom] };
}

test('layers in an overlay, with whiteouts by attribute', async (t) => {
  const scene = await nested(t);
  t.teardown(await mountView(scene));
  const lines = await mountAndCheck(t, scene, async (_, merged) => {
    t.deepEqual((await lab.list(at(merged, 'a/deep'))).map(String), ['y']);
    await lab.append(at(merged, 'a/deep/y'), '!');
    await plant({ 'a/deep/x': 'ax' })(lab, merged);
    await lab.unlink(at(merged, 'b/new'));
    await lab.chmod(at(merged, 'b'), 0o700);
  });
  t.deepEqual(lines.plain, [
    'A file a/deep/x',
    'M file a/deep/y [content,times]',
    'M directory b [mode]',
    'D file b/new',
  ]);
  t.deepEqual(lines.expanded, lines.plain);
});

test('what is written into an overlay as a layer is seen in the list of that overlay', async (t) => {
  const scene = await startScene(t, lab, 1);
  const [layer = scene.root] = scene.lowers;
  await lower(lab, layer);
  t.teardown(await mountView(scene));
  const lines = await mountAndCheck(t, scene, async (_, merged) => {
    await hide(at(merged, 'a/deep'), 'never');
    await lab.setXattr(at(merged, 'b/w'), `${own}.overlay.whiteout`, 'y');
  });
  t.deepEqual(lines.plain, [
    'M directory a/deep [xattrs]',
    'A file a/deep/never',
    'M file b/w [xattrs]',
  ]);
});
