// `overlayfs apply`.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

// Below half of them the destination has nothing yet.
test('a tree that is deeper than the process may have files open', async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'overlayfs-test-'));
  t.teardown(() => rmSync(base, { recursive: true, force: true }));
  const levels = 700;
  const chain = (length: number): string => 'd/'.repeat(length);
  const [upper = '', lower = '', to = ''] = ['upper', 'lower', 'to'].map((name) =>
    join(base, name),
  );
  mkdirSync(join(upper, chain(levels)), { recursive: true });
  for (const root of [lower, to]) mkdirSync(join(root, chain(levels / 2)), { recursive: true });
  for (let level = levels; level >= 0; level--) {
    for (const name of ['a', 'z']) writeFileSync(join(upper, chain(level), name), `${level}`);
    utimesSync(join(upper, chain(level)), level, level);
  }
  const applied = await shell(
    `ulimit -n 300 && overlayfs apply --upper ${upper} --lower ${lower} --to ${to} --xattrs ${own}`,
  );
  t.deepEqual([applied.status, applied.stderr], [0, '']);
  t.deepEqual(snapshot(to), snapshot(upper));
});
