// Rules for lists of changes, and counts of them: as functions and as options of `diff`.
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Change, ChangesSource, DirectoryTotals, RuleFailure, Rules } from 'overlayfs';
import { changes, checkRules, mountOverlay, RuleChecker, summarizeChanges } from 'overlayfs';
import { overlayfs, overlayfsBytes, shell } from './helpers/command.ts';
import { Place, xattrs } from './helpers/place.ts';

let place: Place;
let source: ChangesSource;

test.before(async () => {
  place = new Place('lower/etc/deep', 'lower/bin', 'lower/swap/in', 'target');
  const { lower, upper, target } = {
    lower: place.at('lower'),
    upper: place.at('upper'),
    target: place.at('target'),
  };
  writeFileSync(join(lower, 'etc/passwd'), 'x'.repeat(100));
  writeFileSync(join(lower, 'etc/deep/secret'), '');
  writeFileSync(join(lower, 'bin/a'), 'x'.repeat(50));
  writeFileSync(join(lower, 'swap/in/f'), 'x'.repeat(7));
  await mountOverlay({ lower, upper, target, userxattr: xattrs === 'user' });
  const at = (name: string): string => join(target, name);
  rmSync(at('etc'), { recursive: true });
  rmSync(at('swap'), { recursive: true });
  symlinkSync('x', at('swap'));
  writeFileSync(at('bin/a'), 'x'.repeat(80));
  mkdirSync(at('dist/sub'), { recursive: true });
  for (let i = 0; i < 15; i++) {
    writeFileSync(at(`dist/sub/f${String(i).padStart(2, '0')}`), 'x'.repeat(i));
  }
  source = target;
});
test.after.always(() => place[Symbol.dispose]());

const brief = ({ rule, text, value, limit, offenders, more }: RuleFailure): string =>
  `${rule} ${text} ${value}/${limit}: ${offenders.map(({ path }) => path).join(' ')} +${more}`;

async function failed(rules: Rules): Promise<string[]> {
  return (await checkRules(source, rules)).map(brief);
}

test('failOn: kinds, alone and with patterns', async (t) => {
  t.deepEqual(await failed({ failOn: ['deleted'] }), ['failOn deleted 2/0: etc swap/in +0']);
  t.deepEqual(await failed({ failOn: ['modified'] }), ['failOn modified 2/0: bin/a swap +0']);
  t.deepEqual(await failed({ failOn: ['modified:bin/**'] }), [
    'failOn modified:bin/** 1/0: bin/a +0',
  ]);
  t.deepEqual(await failed({ failOn: ['any:bin', 'added:bin', 'deleted:dist'] }), [
    'failOn any:bin 1/0: bin/a +0',
  ]);
  const [added = ''] = await failed({ failOn: ['added:**/f0?'] });
  t.true(added.startsWith('failOn added:**/f0? 10/0: dist/sub/f00 '), added);
  t.true(added.endsWith('dist/sub/f09 +0'));
  const [any = ''] = await failed({ failOn: ['any'] });
  t.true(any.startsWith('failOn any 21/0: bin/a dist dist/sub '), any);
  t.true(any.endsWith('f06 +11'));
});

test('what lay below a removed or replaced directory is seen', async (t) => {
  t.deepEqual(await failed({ failOn: ['deleted:etc/passwd'] }), [
    'failOn deleted:etc/passwd 1/0: etc/passwd +0',
  ]);
  t.deepEqual(await failed({ failOn: ['deleted:swap/in/f', 'deleted:**/secret'] }), [
    'failOn deleted:swap/in/f 1/0: swap/in/f +0',
    'failOn deleted:**/secret 1/0: etc/deep/secret +0',
  ]);
});

test('maxAdded: bytes of new files and growth, the largest first', async (t) => {
  const bytes = 30 + (14 * 15) / 2;
  t.deepEqual(await failed({ maxAdded: bytes }), []);
  const [failure] = await checkRules(source, { maxAdded: bytes - 1 });
  t.like(failure, { rule: 'maxAdded', unit: 'bytes', value: bytes, limit: bytes - 1, more: 5 });
  t.deepEqual(failure?.offenders.slice(0, 2), [
    { kind: 'modified', path: 'bin/a', addedBytes: 30 },
    { kind: 'added', path: 'dist/sub/f14', addedBytes: 14 },
  ]);
  t.is(failure?.offenders.length, 10);
});

test('only: what lies elsewhere fails, but not the way to where it is allowed', async (t) => {
  const all = ['bin/**', 'dist/sub/**', 'etc', 'swap'];
  t.deepEqual(await failed({ only: all }), []);
  t.deepEqual(await failed({ only: ['dist/sub/**'] }), [
    'only dist/sub/** 4/0: bin/a etc swap swap/in +0',
  ]);
  t.deepEqual(await failed({ only: all.slice(1) }), ['only dist/sub/**, etc, swap 1/0: bin/a +0']);
  t.deepEqual(await failed({ only: ['**'] }), []);
});

test('several rules in one reading, and patterns that leave out', async (t) => {
  const rules = { failOn: ['modified'], maxAdded: 0, only: ['x'] };
  t.deepEqual(
    (await checkRules(source, rules)).map(({ rule }) => rule),
    ['failOn', 'maxAdded', 'only'],
  );
  t.deepEqual(await checkRules(source, rules, { include: ['nothing'] }), []);
  t.deepEqual(await checkRules(source, rules, { ignorePatterns: ['/*'] }), []);
  const checker = new RuleChecker({ failOn: ['deleted'] });
  t.deepEqual(checker.failures(), []);
  for await (const change of changes(source, { stat: true, expand: true })) {
    checker.add(change);
  }
  t.deepEqual(checker.failures().map(brief), await failed({ failOn: ['deleted'] }));
});

test('what is no rule is named', async (t) => {
  const wrong: readonly (readonly [rules: unknown, code: string, name: string])[] = [
    [{ failOn: 'deleted' }, 'ERR_INVALID_ARG_TYPE', 'rules.failOn'],
    [{ failOn: ['removed'] }, 'ERR_INVALID_ARG_VALUE', 'rules.failOn[0]'],
    [{ failOn: ['added', 'deleted:'] }, 'ERR_INVALID_ARG_VALUE', 'rules.failOn[1]'],
    [{ failOn: ['deleted:/etc'] }, 'ERR_INVALID_ARG_VALUE', 'rules.failOn[0]'],
    [{ failOn: ['deleted:../x'] }, 'ERR_INVALID_ARG_VALUE', 'rules.failOn[0]'],
    [{ failOn: [1] }, 'ERR_INVALID_ARG_TYPE', 'rules.failOn[0]'],
    [{ maxAdded: '1M' }, 'ERR_INVALID_ARG_TYPE', 'rules.maxAdded'],
    [{ maxAdded: -1 }, 'ERR_OUT_OF_RANGE', 'rules.maxAdded'],
    [{ only: 'x' }, 'ERR_INVALID_ARG_TYPE', 'rules.only'],
    [{ only: ['/x'] }, 'ERR_INVALID_ARG_VALUE', 'rules.only[0]'],
    [{ failon: [] }, 'ERR_INVALID_ARG_VALUE', 'rules.failon'],
  ];
  for (const [rules, code, name] of wrong) {
    const error = await t.throwsAsync(() => checkRules(source, rules as Rules), { code });
    t.true(error?.message.includes(`"${name}"`), error?.message);
  }
  await t.throwsAsync(() => checkRules(source, {}, { stat: true } as never), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
});

test('the command: exit code 4, and each failed rule with value, limit and offenders', async (t) => {
  const target = place.at('target');
  const ask = async (...words: readonly string[]): Promise<[number | undefined, string]> => {
    const { status, stdout, stderr } = await overlayfs(['diff', ...words, target]);
    t.true(stdout.toString().startsWith('M  bin/a  [content, times]\n'));
    t.false(stdout.toString().includes('etc/passwd')); // a removed tree is one line all the same
    return [status, stderr];
  };
  t.deepEqual(await ask('--fail-on', 'deleted:bin', '--max-added', '1K', '--only', '**'), [0, '']);
  t.deepEqual(await ask('--fail-on=modified:bin/**', '--exit-code'), [
    4,
    "overlayfs: rule failed: --fail-on 'modified:bin/**': 1 change, allowed 0\n  M  bin/a\n",
  ]);
  t.deepEqual(await ask('--fail-on', `modified:${target}/bin`, '--only', `${target}/**`), [
    4,
    "overlayfs: rule failed: --fail-on 'modified:bin': 1 change, allowed 0\n  M  bin/a\n",
  ]);
  const [status, text] = await ask('--fail-on', 'deleted', '--max-added', '100', '--only=bin');
  t.is(status, 4);
  const lines = text.split('\n');
  t.is(lines[0], "overlayfs: rule failed: --fail-on 'deleted': 2 changes, allowed 0");
  t.deepEqual(lines.slice(1, 3), ['  D  etc', '  D  swap/in']);
  t.is(
    lines[3],
    "overlayfs: rule failed: --max-added '100': 135B (135 bytes) added, allowed 100B (100 bytes)",
  );
  t.is(lines[4], '  M  bin/a  [30B]');
  t.is(lines[14], '  and 5 more');
  t.true(lines[15]?.startsWith("overlayfs: rule failed: --only 'bin': "));
});

test('every form is judged, and a reader that goes away does not pass for a good list', async (t) => {
  const target = place.at('target');
  for (const form of [['--tree'], ['--stat'], ['--patch'], ['--json'], ['-0'], ['--name-status']]) {
    const words = ['diff', ...form, '--fail-on', 'deleted:swap/in/f', target];
    const { status, stderr } = await overlayfs(words);
    t.is(status, 4, form.join());
    t.regex(
      stderr,
      /^overlayfs: rule failed: --fail-on 'deleted:swap\/in\/f': 1 change, allowed 0\n/,
    );
  }
  // More than a pipe holds, and the last of it is what fails.
  using other = new Place('before', 'after');
  for (let i = 0; i < 1000; i++) {
    writeFileSync(other.at(`after/${String(i).padStart(200, '0')}`), 'x\n');
  }
  writeFileSync(other.at('after/z'), '');
  const words = `--before '${other.at('before')}' --after '${other.at('after')}'`;
  for (const form of ['', '--patch', '--json', '--tree']) {
    const line = `overlayfs diff ${form} --fail-on added:z ${words}`;
    const { stderr } = await shell(`{ ${line}; echo "status $?" >&2; } | true`);
    t.true(stderr.endsWith('  A  z\nstatus 4\n'), stderr);
  }
});

const usage: readonly (readonly [line: string, sentence: string])[] = [
  ['--fail-on removed', '--fail-on must be one of added, modified, deleted, any, or that, a colon'],
  ['--fail-on deleted:../x', "--fail-on '../x' must not lead upwards"],
  ['--fail-on deleted:', "--fail-on 'deleted:' has no pattern after the colon"],
  ['--fail-on deleted:/x', "--fail-on '/x' is not below a TARGET"],
  ['--only /x', "--only '/x' is not below a TARGET"],
  [
    '--max-added lots',
    '--max-added must be a whole number of bytes, or one with K, M or G (500M), but is ',
  ],
  ['--max-added 1M --max-added 2M', '--max-added can be given once only'],
];
for (const [line, sentence] of usage) {
  test(`wrong usage: overlayfs diff ${line}`, async (t) => {
    const words = ['diff', '--before', 'a', '--after', 'b', ...line.split(' ')];
    const { status, stderr } = await overlayfs(words);
    t.is(status, 2);
    t.true(stderr.startsWith(`overlayfs: ${sentence}`), stderr);
  });
}

test('patterns of rules are bytes', async (t) => {
  using other = new Place('before', 'after');
  writeFileSync(Buffer.concat([Buffer.from(other.at('after/')), Buffer.of(0xff)]), '');
  const words = ['diff', '--before', other.at('before'), '--after', other.at('after')];
  const rule = Buffer.concat([Buffer.from('added:'), Buffer.of(0xff)]);
  const { status, stderr } = await overlayfsBytes([...words, '--fail-on', rule]);
  t.is(status, 4);
  t.true(stderr.endsWith('  A  \\xff\n'), stderr);
  const [failure] = await checkRules(
    { before: other.at('before'), after: other.at('after') },
    { only: [Buffer.of(0xfe)] },
  );
  t.deepEqual(failure?.offenders[0]?.pathBytes, Buffer.of(0xff));
});

/** What du(1) would say of files, hard links once. */
function bytesOf(directory: string): number {
  const seen = new Set<string>();
  let sum = 0;
  for (const name of readdirSync(directory, { recursive: true }) as string[]) {
    const stat = lstatSync(join(directory, name));
    const { ino, size } = stat;
    if (stat.isFile() && !seen.has(`${ino}`)) {
      seen.add(`${ino}`);
      sum += size;
    }
  }
  return sum;
}

async function total(t: ExecutionContext, of: ChangesSource): Promise<DirectoryTotals> {
  const all: DirectoryTotals[] = [];
  for await (const totals of summarizeChanges(of)) {
    all.push(totals);
  }
  t.is(all.length, 1);
  return all[0] as DirectoryTotals;
}

test('added minus freed is by how much the tree has grown, hard links included', async (t) => {
  using other = new Place('before/d', 'after/d');
  const before = (name: string): string => other.at(`before/${name}`);
  const after = (name: string): string => other.at(`after/${name}`);
  writeFileSync(before('gone'), 'x'.repeat(1000));
  linkSync(before('gone'), before('d/gone-too'));
  writeFileSync(before('stays'), 'x'.repeat(500));
  linkSync(before('stays'), before('one-name-less'));
  writeFileSync(after('stays'), 'x'.repeat(500));
  writeFileSync(before('grows'), 'x'.repeat(10));
  writeFileSync(after('grows'), 'x'.repeat(30));
  writeFileSync(before('shrinks'), 'x'.repeat(30));
  writeFileSync(after('shrinks'), 'x'.repeat(10));
  writeFileSync(after('new'), 'x'.repeat(70));
  linkSync(after('new'), after('d/new-too'));
  linkSync(after('new'), after('new-as-well'));
  mkdirSync(after('gone'));
  writeFileSync(after('gone/f'), 'x'.repeat(3));
  symlinkSync('x'.repeat(99), after('link'));
  chmodSync(after('d'), 0o700);
  const source = { before: other.at('before'), after: other.at('after') };
  const { addedBytes, freedBytes, ...rest } = await total(t, source);
  t.is(addedBytes - freedBytes, bytesOf(source.after) - bytesOf(source.before));
  t.deepEqual([addedBytes, freedBytes], [20 + 70 + 3, 1000 + 20]);
  t.is(rest.changedBytes, 40);
  const back = await total(t, { before: source.after, after: source.before });
  t.is(back.addedBytes - back.freedBytes, bytesOf(source.before) - bytesOf(source.after));
});

test('with stat a change has what is there on both sides', async (t) => {
  using other = new Place('lower/gone', 'target');
  const [lower, target] = [other.at('lower'), other.at('target')];
  writeFileSync(join(lower, 'f'), '12345', { mode: 0o640 });
  writeFileSync(join(lower, 'gone/g'), '123');
  symlinkSync('old', join(lower, 'link'));
  const userxattr = xattrs === 'user';
  await using overlay = await mountOverlay({ lower, upper: other.at('upper'), target, userxattr });
  writeFileSync(join(target, 'f'), '1234567');
  chmodSync(join(target, 'f'), 0o755);
  rmSync(join(target, 'gone'), { recursive: true });
  rmSync(join(target, 'link'));
  symlinkSync('new', join(target, 'link'));
  mkdirSync(join(target, 'd'));
  const seen: Record<string, Change> = {};
  for await (const change of overlay.changes({ stat: true, expand: true })) {
    seen[change.path] = change;
  }
  const { before, after } = seen.f ?? {};
  t.like(before, { type: 'file', mode: 0o640, size: 5, nlink: 1 });
  t.like(after, { type: 'file', mode: 0o755, size: 7, nlink: 1 });
  const real = lstatSync(join(target, 'f'), { bigint: true });
  t.is(after?.mtimeNs, real.mtimeNs);
  t.deepEqual([after?.uid, after?.gid], [Number(real.uid), Number(real.gid)]);
  t.like(seen['gone/g'], { kind: 'deleted', before: { size: 3, type: 'file' } });
  t.is(seen['gone/g']?.after, undefined);
  t.deepEqual([seen.link?.before?.target, seen.link?.after?.target], ['old', 'new']);
  t.like(seen.d, { kind: 'added', after: { type: 'directory' } });
  t.is(seen.d?.before, undefined);
  for await (const change of overlay.changes()) {
    t.false('before' in change || 'after' in change);
  }
});
