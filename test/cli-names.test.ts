// File names are bytes: on the command line, in every form of output, and in messages.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { listOverlaysSync, syscalls } from 'overlayfs';
import { exactWords } from '../lib/cli/words.ts';
import type { Result } from './helpers/command.ts';
import { objects, overlayfs, overlayfsBytes, shell } from './helpers/command.ts';
import { asRoot, Place } from './helpers/place.ts';

const marks = asRoot ? [] : ['--userxattr'];

/** Of what latin1 and escapes can write. */
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Names in the order of their bytes, how people see them, and whether their text is lossy. */
const names: readonly (readonly [name: Buffer, shown: string, lossy?: 'lossy'])[] = [
  [bytes('\x01'), '\\x01'],
  [bytes('\x1b[31mred'), '\\x1b[31mred'],
  [bytes('a\nM  forged'), 'a\\nM  forged'],
  [bytes('a\rb\tc'), 'a\\rb\\tc'],
  [bytes('back\\slash'), 'back\\\\slash'],
  [bytes('bad\xff'), 'bad\\xff', 'lossy'],
  [bytes('bad\xff\n\xc3'), 'bad\\xff\\n\\xc3', 'lossy'],
  [bytes('cut\xe2\x82'), 'cut\\xe2\\x82', 'lossy'],
  [bytes('del\x7f'), 'del\\x7f'],
  [bytes('lone\x80'), 'lone\\x80', 'lossy'],
  [bytes('over\xc0\xaf'), 'over\\xc0\\xaf', 'lossy'],
  [
    bytes('part\xc3\xa9\xff\xe2\x82\xac\xf0\x9f\x98\x80'),
    'part\u00e9\\xff\u20ac\u{1f600}',
    'lossy',
  ],
  [Buffer.from('\u0085 \u009b31m'), '\\u0085 \\u009b31m'],
  [Buffer.from('\u00e9t\u00e9 \u20ac \u{1f600}'), '\u00e9t\u00e9 \u20ac \u{1f600}'],
  [Buffer.from('\ufffd'), '\ufffd'],
];

/** Node's recursive removal takes names as text and fails at some. */
class BytesPlace extends Place {
  override [Symbol.dispose](): void {
    const base = Buffer.from(`${this.base}/`);
    for (const { targetBytes } of listOverlaysSync().reverse()) {
      if (targetBytes.subarray(0, base.length).equals(base)) {
        syscalls.umountSync(targetBytes, syscalls.MNT_DETACH);
      }
    }
    execFileSync('rm', ['-rf', this.base]);
    super[Symbol.dispose]();
  }

  /** A path below this place by the bytes of its name. */
  of(name: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${this.base}/`), name]);
  }
}

function checked(t: ExecutionContext, { status, stdout, stderr }: Result): Buffer {
  t.is(stderr, '');
  t.is(status, 0);
  return stdout;
}

/** An upper that adds one file of every name. */
function namesPlace(): BytesPlace {
  const place = new BytesPlace('lower', 'upper');
  for (const [name] of names) {
    writeFileSync(Buffer.concat([Buffer.from(place.at('upper/')), name]), '');
  }
  return place;
}

const ended = (list: readonly Buffer[]): Buffer =>
  Buffer.concat(list.flatMap((item) => [item, Buffer.of(0)]));

test('names in the forms of diff', async (t) => {
  using place = namesPlace();
  const layers = [...marks, '--upper', place.at('upper'), '--lower', place.at('lower')];
  const ask = async (...form: string[]): Promise<Buffer> =>
    checked(t, await overlayfs(['diff', ...form, ...layers]));
  t.is((await ask()).toString(), names.map(([, shown]) => `A  ${shown}\n`).join(''));
  t.is((await ask('--name-status')).toString(), names.map(([, shown]) => `A\t${shown}\n`).join(''));
  t.deepEqual(await ask('-0'), ended(names.map(([name]) => name)));
  t.deepEqual(
    await ask('-0', '--name-status'),
    ended(names.flatMap(([name]) => [Buffer.from('A'), name])),
  );
  t.deepEqual(
    objects(await ask('--json')).map(({ path, pathBase64 }) => ({ path, pathBase64 })),
    names.map(([name, , lossy]) => ({
      path: name.toString(),
      pathBase64: lossy && name.toString('base64'),
    })),
  );
});

test('names and link targets in the forms of scan', async (t) => {
  using place = namesPlace();
  const target = bytes('to\xff\n');
  symlinkSync(target, place.at('upper/zlink'));
  const ask = async (...form: string[]): Promise<Buffer> =>
    checked(t, await overlayfs(['scan', ...marks, ...form, place.at('upper')]));
  const lines = (await ask()).toString().split('\n').slice(1, -1);
  const shown = [...names.map(([, text]) => text), 'zlink -> to\\xff\\n'];
  t.deepEqual(lines.map((line) => line.split('  ').slice(3).join('  ')).sort(), shown.sort());
  const json = objects(await ask('--json'));
  const link = json.find(({ path }) => path === 'zlink');
  t.deepEqual([link?.target, link?.targetBase64], [target.toString(), target.toString('base64')]);
  const lossy = json.filter(({ pathBase64 }) => pathBase64 !== undefined);
  t.deepEqual(
    lossy.map(({ pathBase64 }) => pathBase64),
    names.filter(([, , how]) => how === 'lossy').map(([name]) => name.toString('base64')),
  );
  const bare = (await ask('-0')).toString('latin1').split('\0');
  t.true(names.every(([name]) => bare.includes(name.toString('latin1'))));
});

const odd = bytes('odd\xff\n');
const oddShown = 'odd\\xff\\n';
const layer = (name: string): Buffer => Buffer.concat([odd, Buffer.from(name)]);

test('arguments are bytes, in all commands', async (t) => {
  using place = new BytesPlace();
  const [lower, upper, target] = ['lower', 'upper', 'target'].map((name) => place.of(layer(name)));
  t.truthy(lower && upper && target);
  if (lower === undefined || upper === undefined || target === undefined) {
    return;
  }
  // What a lossy reading of the same arguments would name.
  const decoys = [lower, upper, target].map(String);
  for (const path of [lower, target, ...decoys]) {
    mkdirSync(path);
  }
  writeFileSync(Buffer.concat([lower, Buffer.from('/a')]), '');
  // One word holds the value as well, and one is only text.
  const inline = Buffer.concat([Buffer.from('--upper='), upper]);
  const work = place.of(bytes('work\xfe'));
  const given = ['--json', '--lower', lower, inline, '--work', work, '--', target];
  const [mounted] = objects(checked(t, await overlayfsBytes(['mount', ...given])));
  t.deepEqual(
    [mounted?.targetBase64, mounted?.lowerBase64, mounted?.upperBase64, mounted?.workBase64],
    [target, [lower], upper, work].map((path) =>
      Array.isArray(path) ? path.map((item) => item.toString('base64')) : path.toString('base64'),
    ),
  );
  t.is(mounted?.target, String(target));
  t.deepEqual(readdirSync(target), ['a']);
  rmSync(Buffer.concat([target, Buffer.from('/a')]));

  const text = checked(t, await overlayfs(['list'])).toString();
  const at = `${place.base}/${oddShown}`;
  t.true(
    text.includes(
      `${at}target\n  lower: ${at}lower\n  upper: ${at}upper\n  work: ${place.base}/work\\xfe\n`,
    ),
  );
  const listed = objects(checked(t, await overlayfs(['list', '--json'])));
  const found = listed.find(({ targetBase64 }) => targetBase64 === target.toString('base64'));
  t.deepEqual(
    [found?.target, found?.lowerBase64, found?.upperBase64, found?.workBase64],
    [String(target), [lower.toString('base64')], upper.toString('base64'), work.toString('base64')],
  );
  const bare = checked(t, await overlayfs(['list', '-0']))
    .toString('latin1')
    .split('\0');
  t.true(bare.includes(target.toString('latin1')));

  t.is(checked(t, await overlayfsBytes(['diff', target])).toString(), 'D  a\n');
  const layers = [...marks, '--lower', lower, inline];
  t.is(checked(t, await overlayfsBytes(['diff', ...layers])).toString(), 'D  a\n');
  const scanned = checked(t, await overlayfsBytes(['scan', '-0', ...marks, upper]));
  t.is(scanned.toString(), '.\0a\0');
  checked(t, await overlayfsBytes(['umount', target]));
  t.deepEqual(readdirSync(target), []);
});

test('the overlay of a current directory whose path is not UTF-8', async (t) => {
  using place = new BytesPlace('lower', 'base');
  const target = place.of(bytes('base/odd\xff'));
  mkdirSync(target);
  const layers = ['--lower', place.at('lower'), '--upper', place.at('upper')];
  checked(t, await overlayfsBytes(['mount', ...layers, target]));
  mkdirSync(Buffer.concat([target, Buffer.from('/sub')]));
  // Node would take the lossy path as `cwd`.
  const line = `cd "$(printf 'base/odd\\377')/sub" && "$NODE" "$OVERLAYFS" diff`;
  const text = checked(t, await shell(line, { cwd: place.base })).toString();
  t.is(text, 'A  sub  [directory]\n');
  // Relative paths there, and the work directory that nobody named.
  const inside = `cd "$(printf 'base/odd\\377')" && mkdir m &&
    overlayfs mount --json --lower ../../lower --upper ../../"$(printf 'up\\377')" m`;
  const [mounted] = objects(checked(t, await shell(inside, { cwd: place.base })));
  t.deepEqual(
    [mounted?.targetBase64, mounted?.workBase64].map((item) => Buffer.from(String(item), 'base64')),
    [
      Buffer.concat([target, Buffer.from('/m')]),
      Buffer.concat([target, bytes('/../../up\xff.work')]),
    ],
  );
});

test('names in messages cannot forge a line either', async (t) => {
  using place = new BytesPlace('lower');
  const failed = await overlayfs(['scan', '--userxattr', 'no\nsuch\x1b[1m'], { cwd: place.base });
  t.is(failed.status, 1);
  t.regex(failed.stderr, /^overlayfs: ENOENT: [^\n]*no\\nsuch\\x1b\[1m'[^\n]*\n$/);
  const wrong = await overlayfs(['diff', 'a', 'b\nc']);
  t.is(wrong.stderr, "overlayfs: 'b\\nc' is one argument too many\nTry 'overlayfs diff --help'\n");
  const unknown = await overlayfs(['list', '--\u00e9\n']);
  t.true(unknown.stderr.startsWith('overlayfs: there is no option --\u00e9\\n\n'));
});

test('U+FFFD itself is a name like any other', async (t) => {
  using place = new Place('\ufffd/here');
  const { status, stdout } = await overlayfs(['scan', '--userxattr', '-0', place.at('\ufffd')]);
  t.deepEqual([status, stdout.toString()], [0, '.\0here\0']);
});

test('arguments are found at the end of the command line, or not at all', (t) => {
  const line = bytes('node\0--title\0main.js\0diff\0\0a\xff\0');
  const find = (...args: string[]): string[] | undefined => exactWords(args, line);
  t.deepEqual(find('diff', '', 'a\ufffd'), ['diff', '', 'a\xff']);
  t.deepEqual(find('a\ufffd'), ['a\xff']);
  t.is(find('diff', 'a\ufffd'), undefined);
  t.is(find('diff', '', 'b\ufffd'), undefined);
  t.is(exactWords(['a\ufffd'], Buffer.alloc(0)), undefined);
  t.is(exactWords(['a', 'a\ufffd'], bytes('a\xff\0')), undefined);
});

test('where the bytes of an argument cannot be found, nothing is done', async (t) => {
  using place = new BytesPlace();
  mkdirSync(place.at('x\ufffd'));
  // A title takes the place of the command line.
  const env = { ...process.env, NODE_OPTIONS: '--title=other' };
  const { status, stdout, stderr } = await overlayfsBytes(
    ['scan', '--userxattr', place.of(bytes('x\xff'))],
    { env },
  );
  t.is(
    stderr,
    'overlayfs: an argument is not UTF-8, and its bytes cannot be found in /proc/self/cmdline\n',
  );
  t.deepEqual([status, stdout.length], [1, 0]);
  const plain = await overlayfs(['scan', '--userxattr', '-0', place.base], { env });
  t.deepEqual([plain.status, plain.stdout.toString()], [0, '.\0x\ufffd\0']);
});
