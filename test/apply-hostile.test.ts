// Layers and destinations that somebody means harm with: nothing outside of the destination changes,
// and no terminal is sent what it would obey.
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { applyChanges } from 'overlayfs';
import { applied, startApplying } from './helpers/applying.ts';
import { onTerminal } from './helpers/command.ts';
import { Lab } from './helpers/lab.ts';
import type { Edit } from './helpers/scene.ts';
import { asUser, at, own, plant } from './helpers/scene.ts';
import { snapshot } from './helpers/snapshot.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const nothing: Edit = () => Promise.resolve();

test('symbolic links of a layer are applied as links, and nothing goes through them', async (t) => {
  const edit: Edit = async (_, merged) => {
    await lab.symlink('/', at(merged, 'root'));
    await lab.symlink('../../outside', at(merged, 'up'));
    await lab.rmtree(at(merged, 'd'));
    await lab.symlink('../outside', at(merged, 'd'));
  };
  const { source, copy, scene, differs } = await startApplying(t, lab, {
    lower: plant({ 'd/file': 'x' }),
    edit,
  });
  const outside = at(scene.root, 'outside');
  await lab.mkdir(outside);
  await lab.write(at(outside, 'file'), 'outside');
  const before = snapshot(`${outside}`);
  for (const conflicts of ['skip', 'theirs', 'theirs'] as const) {
    t.true((await applied(source, { to: copy, conflicts })).result.complete);
    t.deepEqual(await differs(copy), []);
    t.deepEqual(snapshot(`${outside}`), before);
  }
});

for (const redirect of ['/../../outside', '../outside', '/d/../../outside', '/..', '.', '/']) {
  test(`a redirect '${redirect}' leads nowhere`, async (t) => {
    const { source, copy, scene } = await startApplying(t, lab, {
      lower: plant({ 'd/file': 'x' }),
      edit: nothing,
    });
    const outside = at(scene.root, 'outside');
    await lab.mkdir(outside);
    await lab.write(at(outside, 'secret'), 'outside');
    await lab.mkdir(at(scene.upper, 'n'));
    await lab.setXattr(at(scene.upper, 'n'), `${own}.overlay.redirect`, redirect);
    const before = [snapshot(`${copy}`), snapshot(`${outside}`)];
    const failed = await applyChanges(source, { to: copy, sync: false }).then(
      ({ failed: [first] }) => first?.error,
      (error) => error,
    );
    t.is(typeof failed?.code, 'string', 'it fails');
    t.deepEqual([snapshot(`${copy}`), snapshot(`${outside}`)], before);
  });
}

test('a directory that is exchanged for a link while it is being changed', async (t) => {
  const names = Array.from({ length: 40 }, (_, i) => `f${i}`);
  const edit: Edit = async (_, merged) => {
    for (const name of names) await lab.write(at(merged, 'd', name), 'new');
    for (const name of names) await lab.write(at(merged, 'd', `${name}.new`), 'new');
  };
  const lower = plant(Object.fromEntries(names.map((name) => [`d/${name}`, 'old'])));
  const { source, copy, scene } = await startApplying(t, lab, { lower, edit });
  const outside = at(scene.root, 'outside');
  await lab.mkdir(outside);
  for (const name of names) await lab.write(at(outside, name), 'outside');
  await lab.symlink('../outside', at(scene.root, 'link'));
  const before = snapshot(`${outside}`);
  await using swapper = await Lab.start();
  const [directory, link] = [at(copy, 'd'), at(scene.root, 'link')];
  let swaps = 0;
  for (let round = 0; round < 20; round++) {
    let running = true;
    const applying = applyChanges(source, { to: copy, sync: false, conflicts: 'theirs' })
      .catch(() => undefined) // it may find the one or the other
      .finally(() => {
        running = false;
      });
    while (running) {
      await swapper.exchange(directory, link);
      swaps++;
    }
    await applying;
    t.deepEqual(snapshot(`${outside}`), before);
    // What is a directory again can be finished or is undone.
    if (swaps % 2 === 1) await swapper.exchange(directory, link);
    swaps += swaps % 2;
    await applyChanges(source, { to: copy, sync: false, conflicts: 'theirs' });
    for (const name of names) t.is(readFileSync(`${at(copy, 'd', name)}`, 'utf8'), 'new');
    await lab.rmtree(copy);
    await lab.mkdir(copy);
    await lab.copyTree(source.lower, copy);
  }
  t.true(swaps > 20, `${swaps} exchanges`);
});

test('names do not talk to the terminal', async (t) => {
  const bell = Buffer.from('\x1b]0;owned\x07\x1b[2Jn\n\u009b31m');
  const edit: Edit = async (_, merged) => {
    await lab.mkdir(at(merged, bell));
    await lab.write(at(merged, bell, bell), 'x');
    await lab.write(at(merged, 'x'), 'x');
  };
  const { source, copy } = await startApplying(t, lab, { lower: plant({ x: 'y' }), edit });
  await lab.write(at(copy, 'x'), 'by somebody else');
  const line = `overlayfs apply --upper ${source.upper} --lower ${source.lower} --xattrs ${own} --to ${copy}`;
  const { stdout } = await onTerminal(line);
  t.regex(`${stdout}`, /owned/);
  const text = stdout.toString('latin1');
  // Colours are ours.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notRegex(text.replace(/\x1b\[[0-9;]*m/g, ''), /[\x00-\x09\x0b-\x1f\x7f\x9b]/);
  t.is(readdirSync(`${copy}`).length, 2);
});

const devices = asUser ? test.skip : test;
devices('devices and setuid files are what they are in the layer [root only]', async (t) => {
  const edit: Edit = async (_, merged) => {
    await lab.mknod(at(merged, 'mem'), 'c', 0o666, 1, 1);
    await lab.write(at(merged, 'su'), 'x');
    await lab.chown(at(merged, 'su'), 1234, 1235);
    await lab.chmod(at(merged, 'su'), 0o6755);
  };
  const { source, copy, differs } = await startApplying(t, lab, { lower: nothing, edit });
  t.true((await applied(source, { to: copy })).result.complete);
  t.deepEqual(await differs(copy), []);
  const su = await lab.stat(at(copy, 'su'));
  t.is(Number(su.mode) & 0o7777, 0o6755);
});
