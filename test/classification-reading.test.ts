// The rules of docs/classification.md about reading layers and about the list, and that every rule
// has its test.
import { readdirSync, readFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Change, ChangesOptions, ChangesSource } from 'overlayfs';
import { changes, OverlayError } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import type { Scene, Tree } from './helpers/scene.ts';
import { asUser, at, makeLowers, mountByLab, own, plant, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const rootOnly = asUser ? test.skip : test;

const base: Tree = { 'd/e/x': 'x', 'd/y': 'y', f: 'f' };

async function scene(
  t: ExecutionContext,
  write: (upper: (name: string) => Buffer) => Promise<void>,
): Promise<Scene> {
  const made = await startScene(t, lab, 1);
  await makeLowers(made, [plant(base)]);
  await lab.mkdir(made.upper);
  await write((name) => at(made.upper, name));
  return made;
}

async function list(source: ChangesSource, options?: ChangesOptions): Promise<Change[]> {
  const found: Change[] = [];
  for await (const change of changes(source, options)) found.push(change);
  return found;
}

const brief = ({ kind, path, unknown }: Change): string =>
  `${kind} ${path}${unknown === undefined ? '' : ' unknown'}`;

async function failure(t: ExecutionContext, source: ChangesSource): Promise<OverlayError> {
  const error = await t.throwsAsync(list(source));
  if (!(error instanceof OverlayError)) throw error ?? new Error('no error');
  return error;
}

const layers = ({ upper, lowers: lower }: Scene): { upper: Buffer; lower: readonly Buffer[] } => ({
  upper,
  lower,
});

rootOnly(
  'R32: the marks that are there decide, and two namespaces ask for a word [root only]',
  async (t) => {
    const made = await scene(t, async (upper) => {
      await lab.mkdir(upper('d'));
      await lab.setXattr(upper('d'), 'user.overlay.opaque', 'y');
    });
    const source = layers(made);
    const opaque = ['deleted d/e', 'deleted d/y'];
    t.deepEqual((await list(source)).map(brief), opaque);
    t.deepEqual((await list({ ...source, xattrs: 'user' })).map(brief), opaque);
    t.deepEqual((await list({ ...source, xattrs: 'trusted' })).map(brief), ['modified d']);
    await lab.setXattr(at(made.upper, 'd'), 'trusted.overlay.impure', 'y');
    const error = await failure(t, source);
    t.is(error.code, 'ENOTSUP');
    t.is(error.path, at(made.upper, 'd').toString());
    t.regex(error.message, /xattrs: 'trusted'.*--xattrs/);
    t.deepEqual((await list({ ...source, xattrs: 'user' })).map(brief), ['modified d', ...opaque]);
  },
);

test('R33: marks that cannot be read are an error, or unknown on request', async (t) => {
  const made = await scene(t, async (upper) => {
    await plant({ 'd/y': 'Y', n: 'new', empty: '', s: { link: 'f' } })(lab, upper('.'));
    await lab.whiteout(upper('f'));
  });
  const source = { ...layers(made), xattrs: 'trusted' } as const;
  const options = { onUnreadable: 'unknown' } as const;
  if (!asUser) {
    t.deepEqual(await list(source, options), await list(source));
    return;
  }
  const error = await failure(t, source);
  t.is(error.code, 'EPERM');
  t.regex(error.message, /CAP_SYS_ADMIN in the initial user namespace/);
  t.deepEqual((await list(source, options)).map(brief), [
    'modified d unknown',
    'modified d/y unknown',
    'added empty unknown',
    'deleted f',
    'added n',
    'added s',
  ]);
});

rootOnly('R34: what the mount does not follow is an error for the entry [root only]', async (t) => {
  const made = await scene(t, async (upper) => {
    await lab.mkdir(upper('n'));
    await lab.setXattr(upper('n'), 'trusted.overlay.redirect', '/d');
    await lab.whiteout(upper('d'));
  });
  const close = await mountByLab(made, ['redirect_dir=nofollow']);
  t.teardown(close);
  const seen = await t.throwsAsync(lab.stat(at(made.target, 'n')));
  t.is((seen as { code?: string }).code, 'EPERM');
  const error = await failure(t, made.target);
  t.is(error.code, 'ENOTSUP');
  t.is(error.path, at(made.upper, 'n').toString());
  t.regex(error.message, /redirect_dir=nofollow/);
  t.true((await list(layers(made))).map(brief).includes('added n/e/x'));
});

rootOnly('R35: marks that the kernel refuses are errors [root only]', async (t) => {
  for (const [name, value, code] of [
    ['redirect', 'a/b', 'EINVAL'],
    ['redirect', '//', 'EINVAL'],
    ['redirect', '/d/..', 'EACCES'],
    ['metacopy', 'y', 'EIO'],
  ] as const) {
    const made = await scene(t, async (upper) => {
      if (name === 'redirect') await lab.mkdir(upper('n'));
      else await lab.write(upper('f'), 'f');
      await lab.setXattr(upper(name === 'redirect' ? 'n' : 'f'), `trusted.overlay.${name}`, value);
    });
    t.teardown(await mountByLab(made, ['metacopy=on']));
    const seen = await t.throwsAsync(lab.stat(at(made.target, name === 'redirect' ? 'n' : 'f')));
    t.is((seen as { code?: string }).code, code, `${name} ${value}: the kernel`);
    t.is((await failure(t, made.target)).code, code, `${name} ${value}`);
  }
});

test('R36: parents first, names as bytes, component by component', async (t) => {
  const names = ['a', 'a/b', 'a/b/c', 'a-', 'a-/x', 'a.b', 'a0', 'ab', 'B', 'ä', '!', 'a/.', '~'];
  const made = await scene(t, async (upper) => {
    for (const name of ['a', 'a/b', 'a-']) await lab.mkdir(upper(name));
    for (const name of names) {
      if (!(await lab.exists(upper(name)))) await lab.write(upper(name), name);
    }
    await lab.write(at(upper('a'), Buffer.of(0xff)), 'x');
  });
  const found: Buffer[] = [];
  const bytes = { encoding: 'buffer' } as const;
  for await (const { pathBytes } of changes({ ...layers(made), xattrs: own }, bytes)) {
    if (pathBytes !== undefined) found.push(pathBytes);
  }
  const components = (path: Buffer): Buffer[] =>
    path
      .toString('latin1')
      .split('/')
      .map((part) => Buffer.from(part, 'latin1'));
  const ordered = found.toSorted((x, y) => {
    const [a, b] = [components(x), components(y)];
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const order = Buffer.compare(a[i] ?? Buffer.alloc(0), b[i] ?? Buffer.alloc(0));
      if (order !== 0) return order;
    }
    return a.length - b.length;
  });
  t.is(found.length, 13);
  t.deepEqual(found, ordered);
});

test('R37: expand lists what lay below', async (t) => {
  const made = await scene(t, (upper) => lab.whiteout(upper('d')));
  const source = { ...layers(made), xattrs: own } as const;
  t.deepEqual((await list(source)).map(brief), ['deleted d']);
  const all = ['deleted d', 'deleted d/e', 'deleted d/e/x', 'deleted d/y'];
  t.deepEqual((await list(source, { expand: true })).map(brief), all);
});

test('R38: patterns choose, and a removed tree is listed as far as they do', async (t) => {
  const made = await scene(t, async (upper) => {
    await lab.whiteout(upper('d'));
    await plant({ 'n/a.log': '1', 'n/b': '2', 'top.log': '3' })(lab, upper('.'));
  });
  const source = { ...layers(made), xattrs: own } as const;
  const chosen = async (options: ChangesOptions): Promise<string[]> =>
    (await list(source, options)).map(({ path }) => path);
  t.deepEqual(await chosen({ include: ['*.log'] }), ['top.log']);
  t.deepEqual(await chosen({ include: ['**/*.log'] }), ['n/a.log', 'top.log']);
  t.deepEqual(await chosen({ include: ['n/**'], exclude: ['**/a*'] }), ['n', 'n/b']);
  t.deepEqual(await chosen({ include: ['d/e'] }), ['d/e']);
  t.deepEqual(await chosen({ exclude: ['n', 'd'] }), ['top.log']);
});

test('R39: the root is a dot', async (t) => {
  const made = await scene(t, (upper) => lab.chmod(upper('.'), 0o700));
  t.deepEqual((await list({ ...layers(made), xattrs: own })).map(brief), ['modified .']);
});

test('R40: two plain directories are compared as they are', async (t) => {
  const made = await scene(t, async (upper) => {
    await lab.mkdir(upper('d'));
    await lab.setXattr(upper('d'), 'user.overlay.opaque', 'y');
    await lab.whiteout(upper('f'));
  });
  const found = changes({ before: made.lowers[0] ?? made.root, after: made.upper });
  t.is(found.method, 'double-walk');
  const lines: string[] = [];
  for await (const { kind, path, type, aspects } of found) {
    lines.push(`${kind} ${path} ${type} ${aspects}`);
  }
  t.deepEqual(lines, [
    'modified d directory xattrs',
    'deleted d/e directory ',
    'deleted d/y file ',
    'modified f character-device type',
  ]);
});

test('every rule of the document has a test', (t) => {
  const document = readFileSync('docs/classification.md', 'utf8');
  const rules = [...document.matchAll(/^- \*\*(R\d+)\*\*/gm)].map(([, rule]) => rule);
  t.deepEqual(
    rules,
    [...rules.keys()].map((i) => `R${i + 1}`),
  );
  const tests = readdirSync('test')
    .filter((name) => name.startsWith('classification'))
    .map((name) => readFileSync(`test/${name}`, 'utf8'))
    .join('');
  const untested = rules.filter((rule) => !tests.includes(`'${rule}: `));
  t.deepEqual(untested, []);
});
