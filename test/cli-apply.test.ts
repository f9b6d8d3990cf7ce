// `overlayfs apply`.
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { startApplying } from './helpers/applying.ts';
import { overlayfs, shell } from './helpers/command.ts';
import { Lab } from './helpers/lab.ts';
import type { Edit } from './helpers/scene.ts';
import { at, own, plant } from './helpers/scene.ts';
import { snapshot } from './helpers/snapshot.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const edit: Edit = async (_, merged) => {
  await lab.write(at(merged, 'changed'), 'new');
  await lab.unlink(at(merged, 'gone'));
  await lab.write(at(merged, 'a\nb'), 'x');
};
const lowerTree = plant({ changed: 'old', gone: 'x' });

test('applies, says what, and answers with an exit code', async (t) => {
  const { source, copy } = await startApplying(t, lab, { lower: lowerTree, edit });
  const to = copy.toString();
  const [upper, lower] = [source.upper.toString(), source.lower.toString()];
  const layers = ['--upper', upper, '--lower', lower, '--xattrs', own];
  const dry = await overlayfs(['apply', '--dry-run', '--to', to, ...layers]);
  t.is(dry.status, 0);
  t.is(`${dry.stdout}`, 'A  a\\nb\nM  changed  [content, times]\nD  gone\n');
  t.is(readFileSync(`${copy}/changed`, 'utf8'), 'old');
  await lab.write(at(copy, 'changed'), 'by somebody else');
  const conflict = await overlayfs(['apply', '--json', '--to', to, ...layers]);
  t.is(conflict.status, 1);
  const lines = `${conflict.stdout}`
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.deepEqual(lines.map(({ outcome, path }) => `${outcome} ${path}`).sort(), [
    'applied a\nb',
    'applied gone',
    'conflict changed',
  ]);
  t.regex(conflict.stderr, /somebody has changed it meanwhile/);
  t.regex(conflict.stderr, /one conflict was left alone; --theirs overwrites/);
  const ours = await overlayfs(['apply', '--ours', '--to', to, ...layers]);
  t.is(ours.status, 0);
  const theirs = await overlayfs(['apply', '--theirs', '-0', '--to', to, ...layers]);
  t.is(theirs.status, 0);
  t.is(`${theirs.stdout}`, 'changed\0');
  t.is(readFileSync(`${copy}/changed`, 'utf8'), 'new');
});

test('wrong usage', async (t) => {
  for (const words of [
    ['--theirs', '--ours', '/x'],
    ['--resume', '--abort', '--to', '/x'],
    ['--abort'],
    ['--since', 'yesterday', '/x'],
    ['--since', '@', '/x'],
  ]) {
    t.is((await overlayfs(['apply', ...words])).status, 2, words.join(' '));
  }
  const nothing = await overlayfs(['apply', '--abort', '--to', '/tmp']);
  t.is(nothing.status, 1);
  t.regex(nothing.stderr, /no apply on this directory was interrupted/);
});

const few = 300;

interface Few {
  readonly upper: string;
  readonly lower: string;
  readonly to: string;
  /** Applies with fewer descriptors than the tree has directories. */
  readonly apply: () => Promise<void>;
}

function startFew(t: ExecutionContext): Few {
  const base = mkdtempSync(join(tmpdir(), 'overlayfs-test-'));
  t.teardown(() => rmSync(base, { recursive: true, force: true }));
  const [upper, lower, to] = [join(base, 'upper'), join(base, 'lower'), join(base, 'to')];
  const words = `--upper ${upper} --lower ${lower} --to ${to} --xattrs ${own}`;
  const apply = async (): Promise<void> => {
    const { status, stderr } = await shell(`ulimit -n ${few} && overlayfs apply ${words}`);
    t.deepEqual([status, stderr], [0, '']);
    t.deepEqual(snapshot(to), snapshot(upper));
  };
  return { upper, lower, to, apply };
}

const chain = (length: number): string => 'd/'.repeat(length);
const levels = 400;

// Below half of them the destination has nothing yet.
test('a tree that is deeper than the process may have files open', async (t) => {
  const { upper, lower, to, apply } = startFew(t);
  mkdirSync(join(upper, chain(levels)), { recursive: true });
  for (const root of [lower, to]) mkdirSync(join(root, chain(levels / 2)), { recursive: true });
  for (let level = levels; level >= 0; level--) {
    for (const name of ['a', 'z']) writeFileSync(join(upper, chain(level), name), `${level}`);
    utimesSync(join(upper, chain(level)), level, level);
  }
  await apply();
});

test('one change that is deeper than the process may have files open', async (t) => {
  const { upper, lower, to, apply } = startFew(t);
  for (const root of [upper, lower, to]) {
    mkdirSync(join(root, chain(levels)), { recursive: true });
    for (let level = levels; level >= 0; level--) utimesSync(join(root, chain(level)), 1, 1);
  }
  writeFileSync(join(upper, chain(levels), 'new'), 'x');
  await apply();
});

test('files of several names in more new directories than the process may have files open', async (t) => {
  const { upper, lower, to, apply } = startFew(t);
  for (const root of [lower, to]) mkdirSync(root);
  // What each of the first has for others is not all found at once.
  for (let i = 0; i < 2 * few; i++) {
    const [first, ...others] = ['a', 'b', 'c'].map((name) => join(upper, 'new', name, `${i}`));
    mkdirSync(`${first}`, { recursive: true });
    for (const other of others) {
      mkdirSync(other, { recursive: true });
      writeFileSync(join(`${first}`, basename(dirname(other))), other);
      linkSync(join(`${first}`, basename(dirname(other))), join(other, 'file'));
    }
  }
  await apply();
});
