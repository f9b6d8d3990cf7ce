// Each pair of what the upper holds and what the destination holds.
import test from 'ava';
import { applied } from './helpers/applying.ts';
import { Lab } from './helpers/lab.ts';
import type { LabPath } from './helpers/lab-process.ts';
import { asUser, at, mountByLab, own, startScene } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

type Make = (path: LabPath) => Promise<void>;

const directory: Make = async (path) => {
  await lab.mkdir(path, 0o750);
  await lab.write(at(path, 'in'), 'in it');
  await lab.setXattr(path, 'user.note', 'value');
};

const ofUpper: Readonly<Record<string, Make>> = {
  file: async (path) => {
    await lab.write(path, 'of the upper', 0o640);
    await lab.setXattr(path, 'user.note', 'value');
  },
  directory,
  'opaque directory': async (path) => {
    await directory(path);
    await lab.setXattr(path, `${own}.overlay.opaque`, 'y');
  },
  whiteout: (path) => lab.whiteout(path),
  symlink: (path) => lab.symlink('../somewhere', path),
  fifo: (path) => lab.fifo(path, 0o600),
  socket: (path) => lab.socket(path, 0o600),
  device: (path) => lab.mknod(path, 'c', 0o600, 1, 3),
  nothing: () => Promise.resolve(),
};

const ofLower: Readonly<Record<string, Make>> = {
  file: (path) => lab.write(path, 'of the lower'),
  directory: async (path) => {
    await lab.mkdir(path);
    await lab.write(at(path, 'below'), 'of the lower');
    await lab.mkdir(at(path, 'deeper'));
    await lab.write(at(path, 'deeper/file'), 'of the lower');
  },
  symlink: (path) => lab.symlink('elsewhere', path),
  fifo: (path) => lab.fifo(path),
  socket: (path) => lab.socket(path),
  device: (path) => lab.mknod(path, 'b', 0o600, 7, 200),
  nothing: () => Promise.resolve(),
};

for (const [upper, makeUpper] of Object.entries(ofUpper)) {
  for (const [lower, makeLower] of Object.entries(ofLower)) {
    const rootOnly = asUser && [upper, lower].includes('device');
    const run = rootOnly ? test.skip : test;
    run(`${upper} over ${lower}${rootOnly ? ' [root only]' : ''}`, async (t) => {
      const scene = await startScene(t, lab, 1);
      const [below] = scene.lowers;
      if (below === undefined) throw new Error('there is no lower');
      await lab.mkdir(at(below, 'd'));
      await makeLower(at(below, 'd/x'));
      await lab.mkdir(scene.upper);
      await lab.mkdir(scene.work);
      await lab.mkdir(at(scene.upper, 'd'));
      await makeUpper(at(scene.upper, 'd/x'));
      const copy = at(scene.root, 'copy');
      await lab.mkdir(copy);
      await lab.copyTree(below, copy);
      const close = await mountByLab(scene);
      try {
        const { result } = await applied(scene.target, { to: copy });
        t.true(result.complete);
        const options = { own, upper: scene.upper, applied: true, ignoreRootOwner: asUser };
        t.deepEqual(await lab.compare(copy, scene.target, options), []);
        // And over something of which the lower knows nothing.
        await lab.rmtree(copy);
        await lab.mkdir(copy);
        const other = await applied(scene.target, { to: copy, conflicts: 'theirs' });
        t.true(other.result.complete);
      } finally {
        await close();
      }
      const source = { upper: scene.upper, lower: below, xattrs: own };
      const { result } = await applied(source);
      t.true(result.complete);
    });
  }
}
