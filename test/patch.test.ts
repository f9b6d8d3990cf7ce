// Patches: what git apply makes of one is what the overlay shows.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { ChangesSource, PatchOptions, PatchPart } from 'overlayfs';
import { createPatch, mountOverlay } from 'overlayfs';
import { overlayfs } from './helpers/command.ts';
import { asRoot, Place, xattrs } from './helpers/place.ts';

async function parts(source: ChangesSource, options?: PatchOptions): Promise<PatchPart[]> {
  const all: PatchPart[] = [];
  for await (const part of createPatch(source, options)) {
    all.push(part);
  }
  return all;
}

async function textOf(source: ChangesSource, options?: PatchOptions): Promise<string> {
  const all = await parts(source, options);
  return all.map(({ text }) => text.toString('latin1')).join('');
}

/** What git keeps of a tree: files with their bytes and whether they can be run, and links. */
function kept(directory: string): Record<string, string> {
  const out: Record<string, string> = {};
  const look = (path: Buffer, name: string): void => {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) {
      out[name] = `-> ${readlinkSync(path)}`;
    } else if (stat.isFile()) {
      out[name] = `${(stat.mode & 0o100) !== 0} ${readFileSync(path).toString('latin1')}`;
    } else if (stat.isDirectory()) {
      for (const entry of readdirSync(path, { encoding: 'buffer' })) {
        look(Buffer.concat([path, Buffer.from('/'), entry]), `${name}/${entry.toString('latin1')}`);
      }
    }
  };
  look(Buffer.from(directory), '');
  return out;
}

/** Applies a patch to a copy, with git or with patch(1). */
function applied(place: Place, from: string, patch: string): Record<string, string> {
  const copy = place.at(`copy${process.hrtime.bigint()}`);
  cpSync(from, copy, { recursive: true, verbatimSymlinks: true });
  execFileSync('git', ['apply', '--whitespace=nowarn', '-p1', '-'], {
    cwd: copy,
    input: Buffer.from(patch, 'latin1'),
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, GIT_CEILING_DIRECTORIES: dirname(copy) },
  });
  return kept(copy);
}

const space = asRoot ? {} : ({ xattrs: 'user' } as const);

test('git apply makes of the lower what the overlay shows', async (t) => {
  using place = new Place('lower/src/a', 'lower/gone/deep', 'lower/d', 'lower/moved', 'target');
  const [lower, upper, target] = [place.at('lower'), place.at('upper'), place.at('target')];
  const numbers = Array.from({ length: 60 }, (_, i) => `line ${i}\n`);
  writeFileSync(join(lower, 'src/numbers'), numbers.join(''));
  writeFileSync(join(lower, 'src/a/end'), 'no newline');
  writeFileSync(join(lower, 'src/a/crlf'), 'one\r\ntwo\r\nthree\r\n');
  writeFileSync(join(lower, 'latin1'), Buffer.from('caf\xe9\nx\n', 'latin1'));
  writeFileSync(join(lower, 'gone/x'), 'x\n');
  writeFileSync(join(lower, 'gone/deep/empty'), '');
  writeFileSync(join(lower, 'd/f'), 'f\n');
  writeFileSync(join(lower, 'becomes-link'), 'text\n');
  writeFileSync(join(lower, 'becomes-directory'), 'text\n');
  writeFileSync(join(lower, 'tool'), '#!/bin/sh\n', { mode: 0o644 });
  writeFileSync(join(lower, 'touched'), 'same\n');
  writeFileSync(join(lower, 'moved/file'), numbers.join(''));
  writeFileSync(join(lower, 'emptied'), 'text\n');
  symlinkSync('old', join(lower, 'link'));
  await using _ = await mountOverlay({ lower, upper, target, userxattr: xattrs === 'user' });
  const at = (name: string): string => join(target, name);
  const changed = [...numbers];
  changed.splice(3, 1);
  changed.splice(20, 0, 'new\n', 'lines\n');
  changed[50] = 'another\n';
  writeFileSync(at('src/numbers'), changed.join(''));
  writeFileSync(at('src/a/end'), 'no newline\nand more');
  writeFileSync(at('src/a/crlf'), 'one\r\nTWO\r\nthree\r\n');
  writeFileSync(at('latin1'), Buffer.from('th\xe9\nx\n', 'latin1'));
  rmSync(at('gone'), { recursive: true });
  rmSync(at('d'), { recursive: true });
  writeFileSync(at('d'), 'now a file\n');
  rmSync(at('becomes-link'));
  symlinkSync('tool', at('becomes-link'));
  rmSync(at('becomes-directory'));
  mkdirSync(at('becomes-directory/with'), { recursive: true });
  writeFileSync(at('becomes-directory/with/file'), 'text\n');
  chmodSync(at('tool'), 0o755);
  utimesSync(at('touched'), 1, 1);
  rmSync(at('link'));
  symlinkSync('new', at('link'));
  writeFileSync(at('emptied'), '');
  writeFileSync(at('new empty'), '');
  writeFileSync(at('with space'), 'text\n');
  writeFileSync(at('quote"\n\t\\'), 'text\n', { mode: 0o755 });
  writeFileSync(Buffer.concat([Buffer.from(`${target}/`), Buffer.of(0xff, 0xe9)]), 'x');
  renameSync(at('moved/file'), at('moved/renamed'));
  writeFileSync(at('moved/renamed'), changed.join(''));
  writeFileSync(at('\u00e9'), 'x\n');

  const source = { lower, upper, ...space };
  const patch = await textOf(source);
  t.deepEqual(applied(place, lower, patch), kept(target));
  t.true(patch.includes('# modified touched: times\n'));
  t.true(patch.includes('# modified d: directory -> file\n'));
  t.true(patch.includes('\n+++ b/with space\t\n')); // patch(1) wants it
  if (asRoot) {
    t.true(patch.includes('diff --git a/moved/file b/moved/renamed\nrename from moved/file\n'));
    t.false(patch.includes('deleted file mode 100644\n--- a/moved/file'));
  }
  // The command gives the same.
  const words = ['diff', '--patch', '--upper', upper, '--lower', lower];
  const { status, stdout, stderr } = await overlayfs([
    ...words,
    ...(asRoot ? [] : ['--userxattr']),
  ]);
  t.deepEqual([status, stderr], [0, '']);
  t.is(stdout.toString('latin1'), patch);
});

test('a renamed directory is renamed file by file [root only]', async (t) => {
  if (!asRoot) {
    t.pass('[root only] no mount with redirects');
    return;
  }
  using place = new Place('lower/old/sub', 'target');
  const [lower, upper, target] = [place.at('lower'), place.at('upper'), place.at('target')];
  for (const name of ['a', 'sub/b', 'sub/c', 'dropped']) {
    writeFileSync(join(lower, 'old', name), `this is ${name}\nand more\n`);
  }
  await using _ = await mountOverlay({ lower, upper, target, redirectDir: 'on' });
  renameSync(join(target, 'old'), join(target, 'new'));
  writeFileSync(join(target, 'new/sub/c'), 'this is sub/c\nand other\n');
  rmSync(join(target, 'new/dropped'));
  const patch = await textOf({ lower, upper });
  t.deepEqual(applied(place, lower, patch), kept(target));
  t.is(patch.match(/^rename from /gm)?.length, 3);
  t.is(patch.match(/^deleted file mode/gm)?.length, 1);
});

/** Not Math.random: a failure has to come again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >> 8) % below;
  };
}

function edited(t: ExecutionContext, lines: readonly string[], next: (below: number) => number) {
  const out = [...lines];
  for (let i = next(8); i >= 0; i--) {
    const fresh = Array.from({ length: next(4) }, () => `${next(6)}\n`);
    out.splice(next(out.length + 1), next(5), ...fresh);
  }
  t.true(Array.isArray(out));
  return out.join('').slice(0, next(3) === 0 ? -1 : undefined);
}

test('random edits, applied, give the edited text', async (t) => {
  using place = new Place('before', 'after');
  const next = random(7);
  for (let i = 0; i < 300; i++) {
    const lines = Array.from({ length: next(60) }, () => `${next(6)}\n`);
    writeFileSync(place.at(`before/${i}`), lines.join('').slice(0, next(5) === 0 ? -1 : undefined));
    writeFileSync(place.at(`after/${i}`), edited(t, lines, next));
  }
  const [before, after] = [place.at('before'), place.at('after')];
  const patch = await textOf({ before, after });
  t.deepEqual(applied(place, before, patch), kept(after));
  const back = await textOf({ before: after, after: before });
  t.deepEqual(applied(place, after, back), kept(before));
});

test('a few changed lines give small hunks, and common lines are no part of them', async (t) => {
  using place = new Place('before', 'after');
  const lines = Array.from({ length: 100 }, (_, i) => `${i}\n`);
  writeFileSync(place.at('before/f'), lines.join(''));
  lines.splice(10, 1);
  lines.splice(17, 0, 'x\n');
  lines[60] = 'y\n';
  writeFileSync(place.at('after/f'), lines.join(''));
  const patch = await textOf({ before: place.at('before'), after: place.at('after') });
  t.is(patch.match(/^@@ .* @@$/gm)?.join(), '@@ -8,7 +8,6 @@,@@ -16,6 +15,7 @@,@@ -58,7 +58,7 @@');
  t.deepEqual(patch.match(/^[-+][^-+].*$/gm), ['-10', '+x', '-60', '+y']);
});

test('texts that have little in common take no time by the square', async (t) => {
  using place = new Place('before', 'after');
  const next = random(3);
  for (const side of ['before', 'after']) {
    const lines = Array.from({ length: 60_000 }, () => `${next(2000)}\n`);
    writeFileSync(place.at(`${side}/f`), ['head\n', ...lines, 'tail\n'].join(''));
  }
  const [before, after] = [place.at('before'), place.at('after')];
  const started = performance.now();
  const patch = await textOf({ before, after });
  t.true(performance.now() - started < 15_000);
  t.deepEqual(applied(place, before, patch), kept(after));
});

test('binary files, large files and what is no file', async (t) => {
  using place = new Place('before/void', 'after/fresh', 'before/mode', 'after/mode');
  writeFileSync(place.at('before/binary'), 'a\x00b');
  writeFileSync(place.at('after/binary'), 'a\x00c');
  writeFileSync(place.at('after/large'), 'x\n'.repeat(600));
  writeFileSync(place.at('after/late'), `${'x\n'.repeat(4000)}\x00`); // as git: only the start counts
  writeFileSync(place.at('before/private'), 'x', { mode: 0o644 });
  writeFileSync(place.at('after/private'), 'x', { mode: 0o600 });
  utimesSync(place.at('before/private'), 1, 1);
  utimesSync(place.at('after/private'), 1, 1);
  chmodSync(place.at('after/mode'), 0o700);
  execFileSync('mkfifo', [place.at('after/pipe')]);
  writeFileSync(place.at('after/huge'), '');
  truncateSync(place.at('after/huge'), 2 ** 40); // never read
  const source = { before: place.at('before'), after: place.at('after') };
  const all = await parts(source, { maxSize: 10_000 });
  const byPath = Object.fromEntries(
    all.map(({ change, form, text }) => [change.path, { form, text }]),
  );
  t.deepEqual(
    all.map(({ change, form }) => `${change.path} ${form}`),
    [
      ...['binary binary', 'fresh note', 'huge large', 'large text', 'late text', 'mode note'],
      ...['pipe note', 'private note', 'void note'],
    ],
  );
  t.is(
    byPath.binary?.text.toString(),
    'diff --git a/binary b/binary\nBinary files a/binary and b/binary differ\n',
  );
  t.true(byPath.huge?.text.toString().endsWith('Binary files /dev/null and b/huge differ\n'));
  t.is(byPath.mode?.text.toString(), '# modified mode: directory, mode 0755 -> 0700\n');
  t.is(byPath.private?.text.toString(), '# modified private: mode 0644 -> 0600\n');
  t.is(byPath.void?.text.toString(), '# deleted void: directory\n');
  t.is(byPath.pipe?.text.toString(), '# added pipe: fifo\n');
  const [{ form } = { form: '' }] = await parts(source, { maxSize: 1000, include: ['large'] });
  t.is(form, 'large');
  const words = ['diff', '--patch', '--before', source.before, '--after', source.after];
  const { stderr } = await overlayfs([...words, '--max-patch-size', '1K', '--include', 'large']);
  t.is(stderr, 'overlayfs: large is above 1.0K and shown as binary (--max-patch-size)\n');
  // git must not take a patch that lacks something for a whole one.
  const refused = await textOf(source, { include: ['huge'] });
  t.throws(() => applied(place, source.before, refused), { message: /binary patch/ });
});

test('patterns, and wrong options', async (t) => {
  using place = new Place('before', 'after');
  writeFileSync(place.at('after/a.c'), 'x\n');
  writeFileSync(place.at('after/a.o'), 'x\n');
  const source = { before: place.at('before'), after: place.at('after') };
  const all = await parts(source, { ignorePatterns: ['*.o'] });
  t.deepEqual(
    all.map(({ change }) => change.path),
    ['a.c'],
  );
  for (const [options, code] of [
    [{ stat: true }, 'ERR_INVALID_ARG_VALUE'],
    [{ expand: true }, 'ERR_INVALID_ARG_VALUE'],
    [{ maxSize: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ maxSize: -1 }, 'ERR_OUT_OF_RANGE'],
  ] as const) {
    t.throws(() => createPatch(source, options as never), { code });
  }
});
