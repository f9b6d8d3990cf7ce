// The content of a file before and after: `list.open`.
import { readdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { Change, Changes } from 'overlayfs';
import { changes, mountOverlay } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import type { Scene } from './helpers/scene.ts';
import { asUser, at, makeLowers, mountByLab, own, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const rootTest = asUser ? test.skip : test;

type Named = Pick<Change, 'path' | 'pathBytes'>;
type Side = 'before' | 'after';

/** Its content, or the code of the error. */
async function content(list: Changes, change: Named | string, side: Side): Promise<string> {
  try {
    const stream = await list.open(typeof change === 'string' ? { path: change } : change, side);
    return await text(stream);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

const both = (list: Changes, change: Named | string): Promise<[string, string]> =>
  Promise.all([content(list, change, 'before'), content(list, change, 'after')]);

const layers = ({ upper, lowers: lower }: Scene) => ({ upper, lower, xattrs: own }) as const;

const bottom = plant({
  modified: 'old',
  same: 'same',
  deleted: 'deleted',
  'gone/f': 'in gone',
  'd/middle': 'bottom',
  'd/low': 'low',
  type: 'file',
  link: { link: 'modified' },
});

const expected: Readonly<Record<string, [string, string]>> = {
  modified: ['old', 'new'],
  same: ['same', 'same'],
  deleted: ['deleted', 'ENOENT'],
  added: ['ENOENT', 'added'],
  'gone/f': ['in gone', 'ENOENT'],
  gone: ['EINVAL', 'ENOENT'],
  'd/middle': ['middle', 'middle!'],
  'd/low': ['low', 'low'],
  'd/new': ['ENOENT', 'new'],
  type: ['file', 'EINVAL'],
  link: ['EINVAL', 'EINVAL'],
  d: ['EINVAL', 'EINVAL'],
  '.': ['EINVAL', 'EINVAL'],
  none: ['ENOENT', 'ENOENT'],
  'none/x': ['ENOENT', 'ENOENT'],
  'modified/x': ['ENOENT', 'ENOENT'],
};

async function edited(scene: Scene): Promise<void> {
  const { target } = scene;
  await lab.write(at(target, 'modified'), 'new');
  await lab.unlink(at(target, 'deleted'));
  await lab.write(at(target, 'added'), 'added');
  await lab.rmtree(at(target, 'gone'));
  await lab.append(at(target, 'd/middle'), '!');
  await lab.write(at(target, 'd/new'), 'new');
  await lab.unlink(at(target, 'type'));
  await lab.symlink('same', at(target, 'type'));
}

test('of every source, during the iteration and after it', async (t) => {
  const scene = await startScene(t, lab, 2);
  await makeLowers(scene, [bottom, plant({ 'd/middle': 'middle' })]);
  const { upper, lowers: lower, target, work } = scene;
  const overlay = await mountOverlay({ lower, upper, work, target });
  t.teardown(() => overlay.close({ lazy: true }));
  await edited(scene);
  const check = async (name: string, list: Changes): Promise<void> => {
    t.deepEqual(await both(list, 'modified'), ['old', 'new'], `${name}, before the first entry`);
    for await (const change of list) {
      t.deepEqual(await both(list, change), expected[change.path] ?? [], `${name}: ${change.path}`);
    }
    for (const [path, contents] of Object.entries(expected)) {
      t.deepEqual(await both(list, path), contents, `${name}, afterwards: ${path}`);
    }
  };
  await check('the overlay', overlay.changes());
  await check('the mount point', changes(target));
  const left = changes(target);
  for await (const _ of left) break;
  t.deepEqual(await both(left, 'modified'), ['old', 'new']);
  const ended = overlay.changes();
  await overlay.close();
  t.is(await content(ended, 'modified', 'after'), 'EBADF');
  await check('the layers', changes(layers(scene)));
});

test('of two directories', async (t) => {
  const scene = await startScene(t, lab, 1);
  const { before, target: after } = scene;
  await bottom(lab, before);
  await plant({ modified: 'new', added: 'added', 'd/low': 'low', type: { link: 'x' } })(lab, after);
  const list = changes({ before, after });
  for (const [path, contents] of [
    ['modified', ['old', 'new']],
    ['added', ['ENOENT', 'added']],
    ['deleted', ['deleted', 'ENOENT']],
    ['gone/f', ['in gone', 'ENOENT']],
    ['d/low', ['low', 'low']],
    ['type', ['file', 'EINVAL']],
    ['d', ['EINVAL', 'EINVAL']],
  ] as const) {
    t.deepEqual(await both(list, path), [...contents], path);
  }
});

test('names are bytes', async (t) => {
  const scene = await startScene(t, lab, 1);
  const name = Buffer.from('f\xff', 'latin1');
  await makeLowers(scene, [(_, lower) => lab.write(at(lower, name), 'old')]);
  await lab.mkdir(scene.upper);
  await lab.write(at(scene.upper, name), 'new');
  const list = changes(layers(scene));
  let seen = 0;
  for await (const change of list) {
    seen++;
    t.deepEqual(await both(list, change), ['old', 'new']);
    t.is(await content(list, change.path, 'after'), 'ENOENT');
  }
  t.is(seen, 1);
});

test('no path leads out of the layers', async (t) => {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [plant({ 'd/e/f': 'inside', up: { link: '..' } })]);
  await lab.mkdir(scene.upper);
  await plant({ secret: 'outside' })(lab, scene.root);
  await plant({ 'changes/secret': 'outside', '1/secret': 'outside' })(lab, scene.root);
  await lab.mkdir(at(scene.upper, 'd'));
  await lab.symlink('../..', at(scene.upper, 'd/up'));
  const outside = `${scene.root}/secret`;
  const paths = [
    ...['../secret', '../../secret', 'd/../../secret', 'd/../../../secret', 'up/secret'],
    ...['d/up/secret', outside, `/${outside}`, `../../../../../../../../..${outside}`],
    ...['..', '/', '/..', 'd/..', 'up', 'd/up', 'd/up/..'],
  ];
  const sources = [layers(scene), { before: scene.lowers[0] ?? '', after: scene.upper }];
  for (const source of sources) {
    const list = changes(source);
    for (const path of paths) {
      for (const side of ['before', 'after'] as const) {
        t.regex(await content(list, path, side), /^E(NOENT|INVAL|LOOP|RR_)/, `${path}, ${side}`);
      }
    }
    t.is(await content(list, 'd/e/f', 'before'), 'inside');
  }
});

test('wrong arguments', async (t) => {
  const list = changes({ before: '/', after: '/' });
  for (const [change, side, code] of [
    [undefined, 'before', 'ERR_INVALID_ARG_TYPE'],
    [null, 'before', 'ERR_INVALID_ARG_TYPE'],
    ['path', 'before', 'ERR_INVALID_ARG_TYPE'],
    [{}, 'after', 'ERR_INVALID_ARG_TYPE'],
    [{ path: '' }, 'after', 'ERR_INVALID_ARG_VALUE'],
    [{ path: 'a\0b' }, 'after', 'ERR_INVALID_ARG_VALUE'],
    [{ path: 'a' }, 'now', 'ERR_INVALID_ARG_VALUE'],
    [{ path: 'a' }, undefined, 'ERR_INVALID_ARG_VALUE'],
  ] as const) {
    await t.throwsAsync(list.open(change as never, side as never), { instanceOf: TypeError, code });
  }
});

// Serial: the other tests have descriptors of their own.
test.serial('no descriptor is left', async (t) => {
  const scene = await startScene(t, lab, 2);
  await makeLowers(scene, [bottom, plant({ 'd/middle': 'middle' })]);
  await lab.mkdir(scene.upper);
  await plant({ modified: 'new', 'd/new': 'new' })(lab, scene.upper);
  const list = changes(layers(scene));
  const round = () => Promise.all(Object.keys(expected).map((path) => both(list, path)));
  const open = (): number => readdirSync('/proc/self/fd').length;
  await round();
  await sleep(200);
  const before = open();
  for (let i = 0; i < 20; i++) await round();
  // A stream closes its file some time after its end.
  for (let i = 0; i < 100 && open() > before; i++) await sleep(100);
  t.true(open() <= before, `${before} descriptors, then ${open()}`);
});

rootTest('metacopies, redirects and both [root only]', async (t) => {
  const scene = await startScene(t, lab, 2);
  await makeLowers(scene, [bottom, plant({ 'd/middle': 'middle' })]);
  const close = await mountByLab(scene, ['metacopy=on', 'redirect_dir=on']);
  t.teardown(close);
  const { target } = scene;
  await lab.chmod(at(target, 'd/middle'), 0o600);
  await lab.chmod(at(target, 'modified'), 0o600);
  await lab.rename(at(target, 'modified'), at(target, 'gone/renamed'));
  await lab.rename(at(target, 'gone'), at(target, 'moved'));
  await lab.rename(at(target, 'd'), at(target, 'gone'));
  const wanted: Readonly<Record<string, [string, string]>> = {
    'moved/renamed': ['ENOENT', 'old'],
    'moved/f': ['ENOENT', 'in gone'],
    modified: ['old', 'ENOENT'],
    'gone/f': ['in gone', 'ENOENT'],
    'gone/middle': ['ENOENT', 'middle'],
    'gone/low': ['ENOENT', 'low'],
    'd/middle': ['middle', 'ENOENT'],
  };
  const check = async (list: Changes): Promise<void> => {
    for (const [path, contents] of Object.entries(wanted)) {
      t.deepEqual(await both(list, path), contents, path);
    }
  };
  await check(changes(target));
  await close();
  await check(changes(layers(scene)));
});

rootTest('hard links that an index serves [root only]', async (t) => {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [
    async (_, layer) => {
      await plant({ a: 'old' })(lab, layer);
      for (const name of ['b', 'c']) await lab.link(at(layer, 'a'), at(layer, name));
    },
  ]);
  const close = await mountByLab(scene, ['index=on']);
  await lab.write(at(scene.target, 'a'), 'new');
  await lab.unlink(at(scene.target, 'a')).finally(close);
  const list = changes({ ...layers(scene), work: scene.work });
  t.deepEqual(await both(list, 'a'), ['old', 'ENOENT']);
  for (const name of ['b', 'c']) t.deepEqual(await both(list, name), ['old', 'new'], name);
});
