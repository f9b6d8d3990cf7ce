// Two plain directories compared: no mark means anything there, and everything is read.
import { isDeepStrictEqual } from 'node:util';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Change, ChangesOptions } from 'overlayfs';
import { changes, mountOverlay, OverlayError } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import type { LabPath } from './helpers/lab-process.ts';
import type { OracleChange } from './helpers/oracle.ts';
import type { Edit, Scene } from './helpers/scene.ts';
import { age, asUser, at, makeLowers, own, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const rootTest = asUser ? test.skip : test;

const line = (change: Change | OracleChange, path: Buffer): string =>
  [
    change.kind,
    change.previousType === undefined ? change.type : `${change.previousType}>${change.type}`,
    path.toString('latin1'),
    change.aspects.join(),
  ]
    .join(' ')
    .trimEnd();

async function listed(
  source: Parameters<typeof changes>[0],
  options: ChangesOptions = {},
): Promise<string[]> {
  const lines: string[] = [];
  for await (const change of changes(source, { ...options, encoding: 'buffer' })) {
    lines.push(line(change, change.pathBytes ?? Buffer.from(change.path)));
  }
  return lines;
}

/** Both lists are those of the oracle, which takes no mark of either namespace for one. */
async function check(t: ExecutionContext, { before, target: after }: Scene): Promise<string[]> {
  const lists: string[][] = [];
  for (const expand of [false, true]) {
    const other = own === 'user' ? 'trusted' : 'user';
    const options = { own: other, upper: after, indexed: true, expand } as const;
    const oracle = (await lab.compare(before, after, options)).map((each) => line(each, each.path));
    const found = await listed({ before, after }, { expand });
    if (isDeepStrictEqual(found, oracle)) t.pass();
    else t.deepEqual(found, oracle);
    lists.push(found);
  }
  return lists[0] ?? [];
}

/** The same in both; then `edit` changes the second. */
async function pair(t: ExecutionContext, base: Edit, edit: Edit): Promise<Scene> {
  const scene = await startScene(t, lab, 1);
  for (const path of [scene.before, scene.target]) await base(lab, path);
  await edit(lab, scene.target);
  return scene;
}

const base = plant({
  file: 'content',
  same: 'content',
  'd/x': 'x',
  'd/y': 'y',
  'd/e/z': 'z',
  link: { link: 'target' },
});

type Make = (path: LabPath) => Promise<void>;

const aged =
  (make: Make): Make =>
  async (path) => {
    await make(path);
    await age(lab, path);
  };
const file =
  (content: string, more: Make = async () => undefined): Make =>
  async (path) => {
    await lab.write(path, content);
    await more(path);
    await age(lab, path);
  };
const directory =
  (names: readonly string[], mode = 0o755): Make =>
  async (path) => {
    await lab.mkdir(path);
    for (const name of names) await file(name)(at(path, name));
    await lab.chmod(path, mode);
  };

/** What may be at a path, before or after. */
const nodes: readonly Make[] = [
  async () => undefined,
  file('one'),
  file('two'),
  file('longer'),
  file(''),
  file('one', (path) => lab.chmod(path, 0o4711)),
  file('one', (path) => lab.setXattr(path, 'user.test', 'value')),
  file('one', (path) => lab.setXattr(path, 'user.test', 'other')),
  (path) => lab.write(path, 'one'),
  directory([]),
  directory(['a', 'b']),
  directory(['b', 'c'], 0o700),
  aged((path) => lab.symlink('a', path)),
  aged((path) => lab.symlink('b', path)),
  aged((path) => lab.fifo(path)),
  aged((path) => lab.socket(path)),
];
const privileged: readonly Make[] = [
  file('one', (path) => lab.chown(path, 1, 2)),
  aged((path) => lab.mknod(path, 'c', 0o644, 1, 3)),
  aged((path) => lab.mknod(path, 'c', 0o644, 1, 5)),
  aged((path) => lab.mknod(path, 'b', 0o644, 7, 200)),
];

test('everything that can be before, with everything that can be after', async (t) => {
  const scene = await startScene(t, lab, 1);
  const all = asUser ? nodes : [...nodes, ...privileged];
  for (const [i, was] of all.entries()) {
    for (const [j, is] of all.entries()) {
      await was(at(scene.before, `${i}-${j}`));
      await is(at(scene.target, `${i}-${j}`));
    }
  }
  const lines = await check(t, scene);
  t.true(lines.length > all.length * (all.length - 1));
  const aspects = new Set(lines.flatMap((each) => each.split(' ')[3]?.split(',') ?? []));
  const expected = ['content', 'mode', 'target', 'times', 'type', 'xattrs'];
  t.deepEqual([...aspects].sort(), asUser ? expected : [...expected, 'device', 'owner'].sort());
});

test('equal trees, and the roots themselves', async (t) => {
  const scene = await pair(t, base, async () => undefined);
  t.deepEqual(await check(t, scene), []);
  await lab.chmod(scene.target, 0o711);
  t.deepEqual(await check(t, scene), ['modified directory . mode']);
});

test('names that mean something elsewhere', async (t) => {
  const odd = ['.wh.x', '.wh..wh..opq', 'd/.wh.y', '..a', 'd/\u00ff'];
  const names = [...odd, Buffer.from('d\xff', 'latin1')];
  const put: Edit = async (_, path) => {
    for (const name of names) await lab.write(at(path, name), 'odd');
  };
  const scene = await pair(t, base, put);
  t.is((await check(t, scene)).length, names.length);
  t.is((await listed({ before: scene.target, after: scene.before })).length, names.length);
});

test('devices 0,0 are devices', async (t) => {
  const scene = await pair(t, base, async () => undefined);
  const { before, target: after } = scene;
  await lab.whiteout(at(before, 'd/gone'));
  await lab.whiteout(at(after, 'd/new'));
  await lab.unlink(at(after, 'file'));
  await lab.whiteout(at(after, 'file'));
  for (const path of [before, after]) {
    await lab.whiteout(at(path, 'both'));
    await age(lab, at(path, 'both'));
  }
  t.deepEqual(await listed({ before, after }), [
    'deleted character-device d/gone',
    'added character-device d/new',
    'modified file>character-device file type',
  ]);
});

test('the marks of overlays are attributes', async (t) => {
  const scene = await pair(t, base, async (_, path) => {
    await lab.setXattr(at(path, 'd'), `${own}.overlay.opaque`, 'y');
    await lab.setXattr(at(path, 'd/e'), `${own}.overlay.redirect`, '/nowhere/../there');
    await lab.setXattr(at(path, 'file'), `${own}.overlay.metacopy`, '');
    await lab.unlink(at(path, 'd/y'));
  });
  t.deepEqual(await check(t, scene), [
    'modified directory d xattrs',
    'modified directory d/e xattrs',
    'deleted file d/y',
    'modified file file xattrs',
  ]);
});

test('how the changes are found out is said by the list', async (t) => {
  const scene = await pair(t, base, async () => undefined);
  const { before, target, upper, lowers: lower } = scene;
  t.is(changes({ before, after: target }).method, 'double-walk');
  t.is(changes({ upper, lower }).method, 'upper-walk');
  t.is(changes(target).method, 'upper-walk');
  await using overlay = await mountOverlay({ lower: before, upper, target });
  t.is(changes(overlay).method, 'upper-walk');
  t.is(overlay.changes().method, 'upper-walk');
});

test('a side that is missing, or no directory', async (t) => {
  const scene = await pair(t, base, async () => undefined);
  const { before, target: after } = scene;
  for (const [source, code, path] of [
    [{ before: at(before, 'none'), after }, 'ENOENT', at(before, 'none')],
    [{ before, after: at(after, 'none') }, 'ENOENT', at(after, 'none')],
    [{ before, after: at(after, 'file') }, 'ENOTDIR', at(after, 'file')],
  ] as const) {
    await t.throwsAsync(listed(source), { code });
    t.like(await t.throwsAsync(listed(source)), { path: path.toString() });
  }
  for (const source of [{ before }, { after }, { before, after, upper: after }]) {
    t.throws(() => changes(source as never), { instanceOf: TypeError });
  }
});

rootTest('what is mounted on a directory is not passed over in silence [root only]', async (t) => {
  const scene = await pair(t, base, (_, path) => lab.append(at(path, 'd/e/z'), '!'));
  await lab.mount('none', at(scene.target, 'd'), 'tmpfs', [], '');
  t.teardown(() => lab.umount(at(scene.target, 'd')));
  await lab.write(at(scene.target, 'd/inside'), 'inside');
  const { before, target: after } = scene;
  const error = await t.throwsAsync(listed({ before, after }), { instanceOf: OverlayError });
  t.is(error?.code, 'EXDEV');
  t.is(error?.path, at(after, 'd').toString());
});

test('an overlay as what is after gives the list that its upper gives', async (t) => {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [base]);
  const { upper, lowers: lower, target, work } = scene;
  await using overlay = await mountOverlay({ lower, upper, work, target });
  await lab.append(at(target, 'd/e/z'), '!');
  await lab.rmtree(at(target, 'd/e'));
  await plant({ 'd/e/new': 'new', 'd/e/z': 'z', 'n/m': 'm' })(lab, target);
  await lab.unlink(at(target, 'file'));
  await lab.mkdir(at(target, 'file'));
  await lab.rename(at(target, 'same'), at(target, 'moved'));
  await lab.chmod(at(target, 'd/x'), 0o600);
  const [layer = target] = lower;
  for (const expand of [false, true]) {
    const double = await listed({ before: layer, after: target }, { expand });
    t.deepEqual(double, await listed(overlay, { expand }));
    t.is(double.length, 7);
  }
});
