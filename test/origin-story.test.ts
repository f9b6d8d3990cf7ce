// What this library is for, step by step: changes from elsewhere are stacked over a store in place, it is
// used as if it were one, and then there is a list of what happened.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { listOverlays, mountOverlay } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { checkLists, mountAndCheck } from './helpers/scenario.ts';
import type { Scene } from './helpers/scene.ts';
import { at, mountView, own, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

/** Everything of a tree that writing to it could change. */
async function photograph(path: Buffer): Promise<unknown> {
  const stat = await lab.stat(path);
  const attributes = await lab.listXattr(path);
  if (stat.type === 'file') return { stat, attributes, content: await lab.read(path) };
  if (stat.type === 'symlink') return { stat, attributes, target: await lab.readlink(path) };
  const entries: unknown[] = [];
  for (const name of await lab.list(path)) entries.push([name, await photograph(at(path, name))]);
  return { stat, attributes, entries };
}

/** The store, the upper that came from elsewhere, and two views of the store alone. */
async function prepare(
  t: ExecutionContext,
): Promise<{ scene: Scene; store: Buffer; image: Buffer }> {
  const apart = await startScene(t, lab, 1, {
    lower: 'store',
    upper: 'pushed',
    work: 'pushed.work',
    target: 'unused',
  });
  const [store = apart.root] = apart.lowers;
  const image = at(apart.root, 'image');
  await plant({
    hello: 'hello\n',
    'kept/x': 'x\n',
    'kept/link': { link: '../hello' },
    'old/inner/x': 'x\n',
    'reborn/a': 'a\n',
    'reborn/sub/b': 'b\n',
  })(lab, store);
  await lab.mkdir(apart.upper);
  await plant({ pong: 'pong\n', 'kept/pong': 'pong\n' })(lab, apart.upper);
  await lab.mkdir(image);
  await lab.mount(store, image, '', ['bind'], '');
  t.teardown(() => lab.umount(image));
  t.teardown(await mountView(apart));
  return { scene: { ...apart, target: store }, store, image };
}

async function write(t: ExecutionContext, { upper }: Scene, store: Buffer, image: Buffer) {
  const read = async (...path: readonly [Buffer, string]): Promise<string> =>
    (await lab.read(at(...path))).toString();

  // Both are visible.
  t.is(await read(store, 'hello'), 'hello\n');
  t.is(await read(store, 'pong'), 'pong\n');
  t.deepEqual((await lab.list(at(store, 'kept'))).map(String), ['link', 'pong', 'x']);

  // What is written goes to the upper, and nowhere else.
  await lab.write(at(store, 'fresh'), 'fresh\n');
  t.is(await read(upper, 'fresh'), 'fresh\n');
  t.false(await lab.exists(at(image, 'fresh')));

  // What is changed is copied there first.
  t.false(await lab.exists(at(upper, 'hello')));
  await lab.append(at(store, 'hello'), 'world\n');
  t.is(await read(store, 'hello'), 'hello\nworld\n');
  t.is(await read(upper, 'hello'), 'hello\nworld\n');
  t.is(await read(image, 'hello'), 'hello\n');
}

async function remove(t: ExecutionContext, { upper }: Scene, store: Buffer, image: Buffer) {
  // A deletion is a character device 0,0.
  await lab.unlink(at(store, 'hello'));
  t.false(await lab.exists(at(store, 'hello')));
  t.is((await lab.read(at(image, 'hello'))).toString(), 'hello\n');
  await lab.rmtree(at(store, 'old'));
  for (const name of ['hello', 'old']) {
    const { type, rdev } = await lab.stat(at(upper, name));
    t.deepEqual([type, rdev], ['character-device', '0:0'], name);
  }

  // What comes from the upper goes without a trace.
  await lab.unlink(at(store, 'kept/pong'));
  t.false(await lab.exists(at(upper, 'kept/pong')));

  // A directory in the place of a removed one is opaque.
  await lab.rmtree(at(store, 'reborn'));
  await plant({ 'reborn/a': 'another\n' })(lab, store);
  t.deepEqual((await lab.list(at(store, 'reborn'))).map(String), ['a']);
  t.is((await lab.getXattr(at(upper, 'reborn'), `${own}.overlay.opaque`)).toString(), 'y');
  t.true(await lab.exists(at(image, 'reborn/sub/b')));
}

test('a store with changes stacked over it in place, from the mount to the unmount', async (t) => {
  const { scene, store, image } = await prepare(t);
  const untouched = await photograph(image);

  const { lowers: lower, upper, work, target } = scene;
  const overlay = await mountOverlay({ lower, upper, work, target });
  t.teardown(() => overlay.close({ lazy: true }));
  t.deepEqual(overlay.pathBytes, store);
  t.is(overlay.userxattr, own === 'user');
  t.deepEqual(overlay.warnings, []);
  const found = (await listOverlays()).filter((each) => each.targetBytes.equals(store));
  t.is(found.length, 1);
  t.deepEqual(found[0]?.upperBytes, upper);

  await write(t, scene, store, image);
  await remove(t, scene, store, image);
  const close = async (): Promise<void> => {
    await overlay.close();
    await overlay.close();
  };
  const lines = await checkLists(t, scene, [], { overlay, close });
  t.deepEqual(lines.plain, [
    'A file fresh',
    'D file hello',
    'D directory old',
    'A file pong',
    'M file reborn/a [content]',
    'D directory reborn/sub',
  ]);
  t.deepEqual(lines.expanded, [
    'A file fresh',
    'D file hello',
    'D directory old',
    'D directory old/inner',
    'D file old/inner/x',
    'A file pong',
    'M file reborn/a [content]',
    'D directory reborn/sub',
    'D file reborn/sub/b',
  ]);

  t.true(overlay.closed);
  t.deepEqual(await photograph(store), untouched);
  t.false((await listOverlays()).some((each) => each.targetBytes.equals(store)));

  // The next job continues where this one has ended.
  t.deepEqual(await mountAndCheck(t, scene, async () => undefined), lines);
  t.deepEqual(await photograph(store), untouched);
  t.false((await listOverlays()).some((each) => each.targetBytes.equals(store)));
});
