// An apply that is stopped in the middle: by a signal, by what a callback throws, by another one that is at work.
import test from 'ava';
import { applyChanges, changes, findPendingApply } from 'overlayfs';
import { startApplying } from './helpers/applying.ts';
import { edit, leftovers, tree } from './helpers/applying-scene.ts';
import { Lab } from './helpers/lab.ts';
import { at } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

test('an abort in the middle undoes everything', async (t) => {
  const many = 1500;
  const { source, copy, lower } = await startApplying(t, lab, {
    lower: async (_, directory) => {
      await lab.mkdir(at(directory, 'd'));
      const names = Array.from({ length: many }, (__, i) => at(directory, `d/${i}`));
      await Promise.all(names.map((name) => lab.write(name, 'old')));
    },
    edit: async (_, merged) => {
      const names = Array.from({ length: many }, (__, i) => at(merged, `d/${i}`));
      await Promise.all(
        names.map((name, i) => (i % 3 ? lab.unlink(name) : lab.write(name, 'new'))),
      );
    },
  });
  const times = async (): Promise<bigint[]> =>
    Promise.all([copy, at(copy, 'd')].map(async (path) => (await lab.stat(path)).mtimeNs));
  const before = await times();
  const controller = new AbortController();
  let told = 0;
  // A batch is not longer than 512 changes, so not everything is in place when it is heard of.
  const aborted = applyChanges(source, {
    to: copy,
    sync: false,
    signal: controller.signal,
    onChange: () => {
      told++;
      controller.abort();
    },
  });
  await t.throwsAsync(aborted, { code: 'ABORT_ERR' });
  t.true(told > 0 && told < many);
  const thrown = applyChanges(source, {
    to: copy,
    sync: false,
    onChange: () => {
      throw new Error('enough');
    },
  });
  await t.throwsAsync(thrown, { message: 'enough' });
  const early = AbortSignal.abort(new Error('no'));
  await t.throwsAsync(applyChanges(source, { to: copy, signal: early }), { code: 'ABORT_ERR' });
  for await (const change of changes({ before: lower, after: copy })) t.fail(change.path);
  t.deepEqual(await times(), before);
  t.deepEqual(leftovers(copy), []);
  t.is(await findPendingApply(copy), undefined);
});

test('what a callback throws takes everything back, of however little', async (t) => {
  const { source, copy, lower } = await startApplying(t, lab, { lower: tree, edit });
  const before = (await lab.stat(copy)).mtimeNs;
  for (const last of [1, 5, 10]) {
    let told = 0;
    const thrown = applyChanges(source, {
      to: copy,
      sync: false,
      onChange: () => {
        if (++told >= last) throw new Error('enough');
      },
    });
    await t.throwsAsync(thrown, { message: 'enough' });
    for await (const change of changes({ before: lower, after: copy })) t.fail(change.path);
  }
  const progress = applyChanges(source, {
    to: copy,
    onProgress: ({ applied: done }) => {
      if (done > 0) throw new Error('enough');
    },
  });
  await t.throwsAsync(progress, { message: 'enough' });
  for await (const change of changes({ before: lower, after: copy })) t.fail(change.path);
  t.is((await lab.stat(copy)).mtimeNs, before);
  t.deepEqual(leftovers(copy), []);
  t.is(await findPendingApply(copy), undefined);
});

test('of several at a time one is at work, and the others are told', async (t) => {
  const { source, copy } = await startApplying(t, lab, { lower: tree, edit });
  for (let round = 0; round < 30; round++) {
    const options = { to: copy, conflicts: 'theirs', sync: false } as const;
    const all = await Promise.allSettled([1, 2, 3].map(() => applyChanges(source, options)));
    for (const each of all) {
      if (each.status === 'rejected') {
        t.like(each.reason, { code: 'EBUSY' });
        t.regex(
          each.reason.message,
          /another apply is at work .*\((process [1-9]|of a process that)/,
        );
      } else {
        t.true(each.value.complete);
      }
    }
    t.deepEqual(leftovers(copy), []);
  }
});
