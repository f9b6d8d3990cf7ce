// Data-only layers, as image tools use them: a tree of metacopies over a store of nameless files.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { changes } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { oracleRows, reportedRows } from './helpers/scenario.ts';
import type { Scene } from './helpers/scene.ts';
import { age, asUser, at, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

/** Lowers: a tree, and under it two stores that are no part of the view. */
async function image(t: ExecutionContext): Promise<Scene> {
  const scene = await startScene(t, lab, 3);
  const [tree = scene.root, near = scene.root, far = scene.root] = scene.lowers;
  await plant({ 'objects/1f': 'shared', 'objects/2a': 'near', d: 'not seen' })(lab, near);
  await plant({ 'objects/2a': 'far away', 'objects/3c': 'only far' })(lab, far);
  await plant({ plain: 'plain', 'd/e': null })(lab, tree);
  for (const [name, object, size] of [
    ['one', '1f', 6],
    ['d/again', '1f', 6],
    ['two', '2a', 4],
    ['d/e/three', '3c', 8],
    ['lost', 'none', 4],
  ] as const) {
    const path = at(tree, name);
    await lab.write(path, '');
    await lab.truncate(path, size);
    await lab.setXattr(path, 'trusted.overlay.metacopy', '');
    await lab.setXattr(path, 'trusted.overlay.redirect', `/objects/${object}`);
    await age(lab, path);
  }
  for (const path of [scene.upper, scene.work]) await lab.mkdir(path);
  return scene;
}

async function mount(t: ExecutionContext, scene: Scene): Promise<void> {
  const layers = scene.lowers.join('::');
  const upper = `upperdir=${scene.upper},workdir=${scene.work}`;
  for (const [target, options] of [
    [scene.before, `lowerdir=${layers},metacopy=on`],
    [scene.target, `lowerdir=${layers},${upper},metacopy=on,index=off`],
  ] as const) {
    await lab.mount('overlay', target, 'overlay', [], options);
    t.teardown(() => lab.umount(target));
  }
}

const rootTest = asUser ? test.skip : test;

rootTest('data-only lowers: what is changed over them [root only]', async (t) => {
  const scene = await image(t);
  await mount(t, scene);
  const path = (name: string): Buffer => at(scene.target, name);
  await lab.unlink(path('lost'));
  await lab.chmod(path('one'), 0o600);
  await lab.openReadWrite(path('two'));
  await lab.writeAt(path('d/again'), 0, 'S');
  await age(lab, path('d/again'));
  await lab.rename(path('d/e/three'), path('d/three'));
  await plant({ 'objects/1f': 'ordinary' })(lab, scene.target);
  const rows = await reportedRows(scene.target, {});
  t.deepEqual(rows, await oracleRows(scene, false, []));
  t.deepEqual(
    rows.map(({ kind, path: name, aspects }) => `${kind} ${name} ${aspects}`.trimEnd()),
    [
      'modified d/again content',
      'deleted d/e/three',
      'added d/three',
      'deleted lost',
      'added objects',
      'added objects/1f',
      'modified one mode',
    ],
  );
  t.deepEqual(
    await reportedRows(scene.target, { expand: true }),
    await oracleRows(scene, true, []),
  );
});

/** An upper with one metacopy into the stores. */
async function over(t: ExecutionContext, name: string, object: string): Promise<Scene> {
  const scene = await image(t);
  const path = at(scene.upper, name);
  await plant({ [name]: '' })(lab, scene.upper);
  await lab.truncate(path, 6);
  await lab.setXattr(path, 'trusted.overlay.metacopy', '');
  await lab.setXattr(path, 'trusted.overlay.redirect', `/objects/${object}`);
  await age(lab, path);
  await lab.whiteout(at(scene.upper, 'lost'));
  await mount(t, scene);
  return scene;
}

for (const name of ['one', 'two', 'plain', 'd/new']) {
  rootTest(
    `data-only lowers: no metacopy of an upper leads there, at ${name} [root only]`,
    async (t) => {
      const scene = await over(t, name, '1f');
      t.like(await t.throwsAsync(lab.stat(at(scene.target, name))), { code: 'EIO' });
      const iterate = async (): Promise<void> => {
        for await (const change of changes(scene.target)) t.not(change.path, name);
      };
      t.like(await t.throwsAsync(iterate), {
        name: 'OverlayError',
        code: 'EIO',
        path: at(scene.upper, name).toString(),
      });
    },
  );
}

rootTest(
  'data-only lowers: data that is missing is an error when it is compared [root only]',
  async (t) => {
    const scene = await image(t);
    await plant({ lost: 'lost' })(lab, scene.upper);
    await mount(t, scene);
    // The kernel looks for the data when the file is opened.
    t.is((await lab.stat(at(scene.before, 'lost'))).size, 4);
    t.like(await t.throwsAsync(lab.read(at(scene.before, 'lost'))), { code: 'ENOENT' });
    const [tree = ''] = scene.lowers;
    for (const expand of [false, true]) {
      t.like(await t.throwsAsync(changes(scene.target, { expand }).next()), {
        name: 'OverlayError',
        code: 'EIO',
        path: at(tree, 'lost').toString(),
      });
    }
  },
);
