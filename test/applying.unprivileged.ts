// Applying as an ordinary user, outside of any namespace.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { applyChanges, changes, mountOverlay } from 'overlayfs';

function start(t: ExecutionContext): { root: string; lower: string; copy: string } {
  const root = mkdtempSync(join(tmpdir(), 'overlayfs-test-'));
  t.teardown(() => {
    execFileSync('chmod', ['-R', 'u+rwX', root]);
    rmSync(root, { recursive: true });
  });
  const lower = join(root, 'lower');
  mkdirSync(join(lower, 'locked/inner'), { recursive: true });
  mkdirSync(join(lower, 'readonly'));
  writeFileSync(join(lower, 'file'), 'old');
  writeFileSync(join(lower, 'locked/inner/file'), 'x');
  writeFileSync(join(lower, 'readonly/file'), 'x');
  for (const name of ['locked', 'readonly']) chmodSync(join(lower, name), 0o555);
  const copy = join(root, 'copy');
  execFileSync('cp', ['-a', lower, copy]);
  return { root, lower, copy };
}

async function edit(lower: string, upper: string): Promise<void> {
  const overlay = await mountOverlay({ lower, upper });
  try {
    writeFileSync(overlay.resolve('file'), 'new');
    mkdirSync(overlay.resolve('added'));
    writeFileSync(overlay.resolve('added/file'), 'added');
    chmodSync(overlay.resolve('added'), 0o555);
    for (const name of ['locked', 'readonly']) chmodSync(overlay.resolve(name), 0o755);
    rmSync(overlay.resolve('locked'), { recursive: true });
    rmSync(overlay.resolve('readonly/file'));
    writeFileSync(overlay.resolve('readonly/other'), 'y');
    chmodSync(overlay.resolve('readonly'), 0o555);
  } finally {
    await overlay.close();
  }
}

test('directories that may not be written to are changed all the same', async (t) => {
  const { root, lower, copy } = start(t);
  const upper = join(root, 'upper');
  await edit(lower, upper);
  for (const to of [copy, lower]) {
    const result = await applyChanges({ upper, lower, xattrs: 'user' }, { to });
    t.deepEqual(result.failed, []);
    t.true(result.complete);
    t.is(readFileSync(join(to, 'file'), 'utf8'), 'new');
    t.is(statSync(join(to, 'added')).mode & 0o777, 0o555);
    t.deepEqual(readdirSync(join(to, 'readonly')), ['other']);
    t.is(statSync(join(to, 'readonly')).mode & 0o777, 0o555);
    t.false(existsSync(join(to, 'locked')));
  }
  for await (const change of changes({ before: lower, after: copy })) t.fail(change.path);
});

test('where the directory above may not be written to, the stage lies inside', async (t) => {
  const { root, lower, copy } = start(t);
  const upper = join(root, 'upper');
  await edit(lower, upper);
  chmodSync(root, 0o555);
  const before = statSync(copy).mtimeMs;
  try {
    const result = await applyChanges(
      { upper, lower, xattrs: 'user' },
      { to: copy, include: ['readonly'] },
    );
    t.true(result.complete);
    t.deepEqual(readdirSync(copy).sort(), ['file', 'locked', 'readonly']);
    t.is(statSync(copy).mtimeMs, before);
    chmodSync(copy, 0o555);
    await t.throwsAsync(applyChanges({ upper, lower, xattrs: 'user' }, { to: copy }), {
      code: 'EACCES',
      message: /neither the directory nor the one above it may be written to/,
    });
  } finally {
    chmodSync(root, 0o755);
  }
});
