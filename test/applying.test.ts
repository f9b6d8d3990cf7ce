// Applying what an overlay wrote: to its lower, to another directory, in part, and where the
// destination is not what the changes were made from.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { applyChanges, changes, OverlayError } from 'overlayfs';
import type { Applying } from './helpers/applying.ts';
import { applied, startApplying } from './helpers/applying.ts';
import { edit, leftovers, tree } from './helpers/applying-scene.ts';
import { Lab } from './helpers/lab.ts';
import { asUser, at, mountByLab, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const everything = [
  'applied modified becomes-dir',
  'applied added becomes-dir/fifo',
  'applied modified becomes-file',
  'applied modified changed',
  'applied deleted deleted',
  'applied added dir/added',
  'applied deleted dir/gone',
  'applied modified dir',
  'applied modified link',
  'applied added new',
  'applied added new/b',
  'applied added new/deep',
  'applied added new/deep/a',
  'applied deleted removed',
];

test('to another directory, and again', async (t) => {
  const { source, copy, differs } = await startApplying(t, lab, { lower: tree, edit });
  const first = await applied(source, { to: copy });
  t.deepEqual(first.told, everything);
  t.like(first.result, { complete: true, changed: true, applied: everything.length });
  t.deepEqual(await differs(copy), []);
  t.deepEqual(leftovers(copy), []);
  const second = await applied(source, { to: copy });
  t.true(second.result.complete);
  t.deepEqual(await differs(copy), []);
});

test('to the lower itself', async (t) => {
  const { source, lower, differs } = await startApplying(t, lab, { lower: tree, edit });
  const { told, result } = await applied(source);
  t.deepEqual(told, everything);
  t.true(result.complete);
  t.deepEqual(await differs(lower), []);
  for await (const change of changes(source)) t.fail(`left: ${change.kind} ${change.path}`);
});

test('a dry run says the same and changes nothing', async (t) => {
  const { source, lower, copy } = await startApplying(t, lab, { lower: tree, edit });
  for (const to of [lower, copy]) {
    const { told, result } = await applied(source, { to, dryRun: true });
    t.deepEqual([...told].sort(), [...everything].sort());
    t.like(result, { complete: true, changed: false, applied: everything.length });
  }
  for await (const change of changes({ before: lower, after: copy })) {
    t.fail(`${change.kind} ${change.path}`);
  }
});

test('what is selected, with the directories that it needs', async (t) => {
  const { source, copy, lower } = await startApplying(t, lab, { lower: tree, edit });
  const { told, result } = await applied(source, { to: copy, include: ['new/**/a', 'dir/gone'] });
  t.deepEqual(told, [
    'applied deleted dir/gone',
    'applied added new',
    'applied added new/deep',
    'applied added new/deep/a',
  ]);
  t.true(result.complete);
  const list: string[] = [];
  for await (const { kind, path } of changes({ before: lower, after: copy })) {
    list.push(`${kind} ${path}`);
  }
  t.deepEqual(list, ['deleted dir/gone', 'added new', 'added new/deep', 'added new/deep/a']);
  t.is((await lab.stat(at(copy, 'new/deep'))).mode, 0o500);
});

test('exactly what is named, each by itself', async (t) => {
  const { source, copy, lower } = await startApplying(t, lab, {
    lower: async (...args) => {
      await tree(...args);
      await plant({ 'd*/x': 'old', 'd1/x': 'old', 'moved/in/f': 'x' })(...args);
    },
    edit: async (...args) => {
      await edit(...args);
      const [, merged] = args;
      await lab.write(at(merged, 'd*/x'), 'new and longer');
      await lab.write(at(merged, 'd1/x'), 'new and longer');
      await lab.write(at(merged, Buffer.from('n\nl\xff*', 'latin1')), 'x');
      await lab.write(at(merged, 'n'), 'x');
      await lab.rmtree(at(merged, 'moved'));
      await lab.write(at(merged, 'moved'), 'a file');
    },
  });
  const paths = [
    'new',
    'new/deep/a',
    'removed',
    'd*/x',
    Buffer.from('n\nl\xff*', 'latin1'),
    'moved',
  ];
  const expected = [
    'modified d*/x',
    'modified moved',
    'added n\nl\ufffd*',
    'added new',
    'added new/deep',
    'added new/deep/a',
    'deleted removed',
  ];
  for (const to of [copy, lower]) {
    const { told, result } = await applied(source, { to, paths });
    t.deepEqual(
      told,
      expected.map((each) => `applied ${each}`),
    );
    t.true(result.complete);
    t.is(`${await lab.read(at(to, 'd1/x'))}`, 'old');
    t.false(await lab.exists(at(to, 'new/b')));
    t.false(await lab.exists(at(to, 'removed')));
    t.is(`${await lab.read(at(to, 'moved'))}`, 'a file');
  }
  t.deepEqual((await applied(source, { to: copy, paths: [] })).told, []);
  await t.throwsAsync(applied(source, { to: copy, paths: ['a'], include: ['a'] }), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: /"options.paths"/,
  });
  await t.throwsAsync(applied(source, { to: copy, paths: ['../a'] }), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
});

test('a removed directory of which a part is excluded stays', async (t) => {
  const { source, copy } = await startApplying(t, lab, { lower: tree, edit });
  const { result } = await applied(source, {
    to: copy,
    include: ['removed', 'changed'],
    exclude: ['removed/deep/file'],
    keepGoing: true,
  });
  t.deepEqual(
    result.failed.map(({ path, error }) => [path, error?.code]),
    [['removed', 'ENOTEMPTY']],
  );
  t.true(await lab.exists(at(copy, 'removed/deep/file')));
  t.is(`${await lab.read(at(copy, 'changed'))}`, 'new and longer');
});

async function conflicting({ copy }: Applying): Promise<void> {
  await lab.write(at(copy, 'changed'), 'by somebody else');
  await lab.write(at(copy, 'removed/deep/more'), 'by somebody else');
  await lab.write(at(copy, 'new'), 'a file in its place');
}

test('what the destination has otherwise is a conflict and stays', async (t) => {
  const applying = await startApplying(t, lab, { lower: tree, edit });
  await conflicting(applying);
  const { copy, source } = applying;
  const { result } = await applied(source, { to: copy });
  t.deepEqual(result.conflicts.map(({ path }) => path).sort(), ['changed', 'new', 'removed']);
  for (const { error } of result.conflicts) {
    t.true(error instanceof OverlayError);
    t.truthy(error?.hint);
  }
  t.false(result.complete);
  t.true(result.changed);
  t.is(`${await lab.read(at(copy, 'changed'))}`, 'by somebody else');
  t.is(`${await lab.read(at(copy, 'removed/deep/more'))}`, 'by somebody else');
  t.is(`${await lab.read(at(copy, 'new'))}`, 'a file in its place');
  t.false(await lab.exists(at(copy, 'deleted')));
});

test('theirs overwrites it, ours keeps it and is no failure', async (t) => {
  const applying = await startApplying(t, lab, { lower: tree, edit });
  const { source, copy, differs } = applying;
  await conflicting(applying);
  const kept = await applied(source, { to: copy, conflicts: 'ours' });
  t.like(kept.result, { complete: true, kept: 3 });
  t.is(`${await lab.read(at(copy, 'changed'))}`, 'by somebody else');
  const { result } = await applied(source, { to: copy, conflicts: 'theirs' });
  t.true(result.complete);
  t.deepEqual(await differs(copy), []);
});

test('what has changed in the lower since is a conflict', async (t) => {
  const { source, lower } = await startApplying(t, lab, { lower: tree, edit });
  await lab.pause(20);
  const since = BigInt(Date.now()) * 1_000_000n;
  const quiet = await applied(source, { since, dryRun: true });
  t.true(quiet.result.complete);
  await lab.pause(20);
  await lab.write(at(lower, 'removed/deep/file'), 'changed since');
  await lab.append(at(lower, 'changed'), 'changed since');
  await lab.write(at(lower, 'dir/foreign'), 'changes the directory');
  const { result } = await applied(source, { since });
  t.deepEqual(result.conflicts.map(({ path }) => path).sort(), [
    'changed',
    'dir', // its mode was changed, or only what is in it
    'removed',
  ]);
  t.is(`${await lab.read(at(lower, 'changed'))}`, 'oldchanged since');
  t.false(await lab.exists(at(lower, 'deleted')));
  t.true(await lab.exists(at(lower, 'new/deep/a')));
});

test('a symbolic link in the destination leads nowhere', async (t) => {
  const { source, copy, scene } = await startApplying(t, lab, { lower: tree, edit });
  const outside = at(scene.root, 'outside');
  await lab.mkdir(outside);
  await lab.write(at(outside, 'gone'), 'outside');
  await lab.rmtree(at(copy, 'dir'));
  await lab.symlink('../outside', at(copy, 'dir'));
  await lab.symlink('../outside', at(copy, 'new'));
  for (const conflicts of ['skip', 'theirs'] as const) {
    await applied(source, { to: copy, conflicts, keepGoing: true });
    t.deepEqual(
      (await lab.list(outside)).map((name) => `${name}`),
      ['gone'],
    );
  }
});

test('nothing is done through a mount in the destination', async (t) => {
  const { source, copy, scene } = await startApplying(t, lab, { lower: tree, edit });
  const other = at(scene.root, 'other');
  await lab.mkdir(other);
  await lab.write(at(other, 'gone'), 'on the mount');
  for (const place of ['dir', 'removed/deep']) {
    await lab.mount(other, at(copy, place), 'none', ['bind'], '');
  }
  try {
    const refused = await applied(source, { to: copy });
    t.false(refused.result.changed);
    t.is(`${await lab.read(at(copy, 'changed'))}`, 'old');
    const { result } = await applied(source, { to: copy, keepGoing: true });
    // With everything below.
    t.deepEqual(result.failed.map(({ path }) => path).sort(), ['dir', 'removed']);
    t.deepEqual(
      (await lab.list(other)).map((name) => `${name}`),
      ['gone'],
    );
  } finally {
    for (const place of ['dir', 'removed/deep']) await lab.umount(at(copy, place));
  }
});

test('a mounted overlay can be applied elsewhere only', async (t) => {
  const { source, copy, scene, differs } = await startApplying(t, lab, { lower: tree, edit });
  const close = await mountByLab(scene);
  try {
    await t.throwsAsync(applied(source), { code: 'EBUSY', message: /unmount that first/ });
    await t.throwsAsync(applied(scene.target), { code: 'EBUSY', message: /unmount that first/ });
    await t.throwsAsync(applied(source, { to: copy }), {
      code: 'EBUSY',
      message: /half\s+written/,
    });
    await t.throwsAsync(applied(source, { to: scene.target }), { code: 'EINVAL' });
    const { result } = await applied(scene.target, { to: copy });
    t.true(result.complete);
    t.deepEqual(await differs(copy), []);
  } finally {
    await close();
  }
});

test('wrong arguments and places', async (t) => {
  const { source, copy, scene, lower } = await startApplying(t, lab, { lower: tree, edit });
  const wrong = { conflicts: 'mine' } as never;
  await t.throwsAsync(applyChanges(source, wrong), { code: 'ERR_INVALID_ARG_VALUE' });
  await t.throwsAsync(applyChanges(source, { since: 5 as never }), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
  await t.throwsAsync(applied(source, { to: at(copy, 'nowhere') }), { code: 'ENOENT' });
  await t.throwsAsync(applied(source, { to: at(copy, 'changed') }), { code: 'ENOTDIR' });
  await t.throwsAsync(applied(source, { to: at(scene.upper, 'new') }), { code: 'EINVAL' });
  const several = { ...source, lower: [lower, scene.nothing] };
  await t.throwsAsync(applied(several), { code: 'EINVAL', message: /several lowers/ });
});

test('holes stay holes, and attributes are given in an order that keeps them', async (t) => {
  const { source, copy, differs } = await startApplying(t, lab, {
    lower: plant({ kept: 'x' }),
    edit: async (_, merged) => {
      await lab.write(at(merged, 'sparse'), 'begin');
      await lab.truncate(at(merged, 'sparse'), 64 << 20);
      await lab.writeAt(at(merged, 'sparse'), 32 << 20, 'middle');
      await lab.write(at(merged, 'suid'), 'x');
      if (!asUser) await lab.chown(at(merged, 'suid'), 12, 34);
      await lab.chmod(at(merged, 'suid'), 0o6755);
      await lab.setAcl(at(merged, 'suid'), 'access', 'u::rwx,u:0:r-x,g::r-x,m::rwx,o::r--');
      const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
      if (!asUser) await lab.setXattr(at(merged, 'suid'), 'security.capability', capability);
    },
  });
  const { result } = await applied(source, { to: copy });
  t.true(result.complete);
  t.deepEqual(await differs(copy), []);
  t.true(result.bytes < 1 << 20);
  t.true(Number(readFileSync(`${copy}/sparse`).length) === 64 << 20);
});
