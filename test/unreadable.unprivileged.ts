// What an ordinary user can know of layers whose marks are hidden from him.

import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Change } from 'overlayfs';
import { changes, OverlayError } from 'overlayfs';
import { objects, overlayfs } from './helpers/command.ts';
import { Lab } from './helpers/lab.ts';
import { age, at, plant } from './helpers/scene.ts';

let lab: Lab;
let base: Buffer;
let upper: Buffer;
let lower: Buffer;

test.before('the lab starts and makes the layers', async () => {
  lab = await Lab.start();
  base = Buffer.from(mkdtempSync(join(realpathSync(tmpdir()), 'overlayfs-test-plain-')));
  [upper, lower] = [at(base, 'upper'), at(base, 'lower')];
  for (const path of [upper, lower]) await lab.mkdir(path);
  const common = { equal: 'same', empty: '', touched: 'same', 'd/x': 'x', link: { link: 'a' } };
  await plant({ ...common, sized: 'short', gone: 'gone', 'e/y': 'y', was: '' })(lab, lower);
  const more = { sized: 'longer', new: 'new', newEmpty: '', n: null, was: { link: 'a' } };
  await plant({ ...common, ...more })(lab, upper);
  for (const path of [upper, lower]) {
    await lab.fifo(at(path, 'fifo'));
    await age(lab, at(path, 'fifo'));
  }
  await lab.chmod(at(upper, 'fifo'), 0o600);
  await lab.chmod(at(upper, 'touched'), 0o600);
  for (const name of ['gone', 'e', 'nothing']) await lab.whiteout(at(upper, name));
  await lab.symlink('b', at(upper, 'newLink'));
});
test.after.always('the lab ends', async () => {
  await lab.rmtree(base);
  await lab.close();
});

async function list(options: Parameters<typeof changes>[1]): Promise<string[]> {
  const lines: string[] = [];
  for await (const change of changes({ upper, lower }, options)) lines.push(line(change));
  return lines;
}

function line({ kind, path, aspects, content, unknown }: Change): string {
  const doubts = [content && 'content?', unknown && 'unknown'].filter(Boolean);
  return [kind, path, aspects.join(), ...doubts].filter(Boolean).join(' ');
}

test('a copied-up file that may not be read does not end the list', async (t) => {
  const place = Buffer.from(mkdtempSync(join(realpathSync(tmpdir()), 'overlayfs-test-plain-')));
  t.teardown(() => lab.rmtree(place));
  await plant({ 'upper/new': 'new', 'lower/old': 'old' })(lab, place);
  await lab.setXattr(at(place, 'upper/new'), 'user.overlay.origin', '');
  await lab.chmod(at(place, 'upper/new'), 0);
  const source = { upper: at(place, 'upper'), lower: at(place, 'lower'), xattrs: 'user' } as const;
  const lines: string[] = [];
  for await (const change of changes(source)) lines.push(line(change));
  t.deepEqual(lines, ['added new']);
});

test('it is an error that names the privilege', async (t) => {
  for (const options of [{}, { onUnreadable: 'error' }] as const) {
    const error = await t.throwsAsync(list(options), { instanceOf: OverlayError, code: 'EPERM' });
    t.regex(`${(error as OverlayError).hint}`, /CAP_SYS_ADMIN in the initial user namespace/);
  }
  t.throws(() => changes({ upper, lower }, { onUnreadable: 'ignore' as never }), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
});

test('on request every entry that a mark could make another one says so', async (t) => {
  const expected = [
    'modified d unknown', // opaque, or redirected?
    'modified d/x content? unknown', // a metacopy?
    'deleted e',
    'modified empty unknown', // a whiteout?
    'modified equal content? unknown',
    'modified fifo mode',
    'deleted gone',
    'added n unknown',
    'added new',
    'added newEmpty unknown',
    'added newLink',
    'modified sized content',
    'modified touched mode content? unknown',
    'modified was type unknown', // a whiteout in the lower?
  ];
  t.deepEqual(await list({ onUnreadable: 'unknown' }), expected);
  const expanded = expected.flatMap((each) =>
    each === 'deleted e' ? [each, 'deleted e/y'] : each,
  );
  t.deepEqual(await list({ onUnreadable: 'unknown', expand: true }), expanded);
  const ignoring = await list({ onUnreadable: 'unknown', ignore: ['content'] });
  t.false(ignoring.includes('modified equal content? unknown'));
});

test('nothing is unknown where the marks can be read, or where there are none', async (t) => {
  const options = { onUnreadable: 'unknown' } as const;
  const lines: string[] = [];
  for await (const change of changes({ upper, lower, xattrs: 'user' }, options)) {
    lines.push(line(change));
  }
  t.deepEqual(lines, [
    'deleted e',
    'modified fifo mode',
    'deleted gone',
    'added n',
    'added new',
    'added newEmpty',
    'added newLink',
    'modified sized content',
    'modified touched mode',
    'modified was type',
  ]);
  for await (const { unknown } of changes({ before: lower, after: upper }, options)) {
    t.is(unknown, undefined);
  }
});

test('the command says it as well', async (t) => {
  const args = ['diff', '--upper', `${upper}`, '--lower', `${lower}`];
  const refused = await overlayfs(args);
  t.is(refused.status, 1);
  t.regex(refused.stderr, /^overlayfs: EPERM: .*CAP_SYS_ADMIN/);
  const include = ['--include', 'empty', '--include', 'touched', '--include', 'sized'];
  const asked = [...args, '--on-unreadable', 'unknown', ...include];
  const { status, stdout, stderr } = await overlayfs(asked);
  t.deepEqual([status, stderr], [0, '']);
  t.is(
    stdout.toString(),
    'M  empty  [marks unknown]\nM  sized  [content]\n' +
      'M  touched  [mode, content unknown, marks unknown]\n',
  );
  const [object] = objects((await overlayfs([...asked, '--json', '--exclude', 't*'])).stdout);
  t.like(object, { path: 'empty', kind: 'modified', unknown: true, aspects: [] });
});
