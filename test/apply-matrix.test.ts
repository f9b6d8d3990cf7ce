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

interface Below {
  readonly make: Make;
  /** Takes away what an overlay does not show of it. */
  readonly show?: Make;
  /** Makes another one of it: what the change was not made from. */
  readonly alter: Make;
}

const touch: Make = (path) => lab.utimens(path, 1n, 1_000_000_000n);
const foreign: Make = (path) => lab.write(path, 'of somebody else');
const tree: Make = async (path) => {
  await lab.mkdir(path);
  await lab.write(at(path, 'below'), 'of the lower');
  await lab.mkdir(at(path, 'deeper'));
  await lab.write(at(path, 'deeper/file'), 'of the lower');
};
const close: Make = (path) => lab.chmod(path, 0o711);

const ofLower: Readonly<Record<string, Below>> = {
  file: { make: (path) => lab.write(path, 'of the lower'), alter: foreign },
  directory: { make: tree, alter: close },
  // Of the only lower it says nothing, and a mount hides it.
  'opaque directory': {
    make: async (path) => {
      await tree(path);
      await lab.setXattr(path, `${own}.overlay.opaque`, 'y');
    },
    show: (path) => lab.removeXattr(path, `${own}.overlay.opaque`),
    alter: close,
  },
  whiteout: {
    make: (path) => lab.whiteout(path),
    show: (path) => lab.unlink(path),
    alter: foreign,
  },
  symlink: { make: (path) => lab.symlink('elsewhere', path), alter: touch },
  fifo: { make: (path) => lab.fifo(path), alter: touch },
  socket: { make: (path) => lab.socket(path), alter: touch },
  device: { make: (path) => lab.mknod(path, 'b', 0o600, 7, 200), alter: touch },
  nothing: { make: () => Promise.resolve(), alter: foreign },
};

for (const [upper, makeUpper] of Object.entries(ofUpper)) {
  for (const [lower, { make, show, alter }] of Object.entries(ofLower)) {
    const rootOnly = asUser && [upper, lower].includes('device');
    const run = rootOnly ? test.skip : test;
    run(`${upper} over ${lower}${rootOnly ? ' [root only]' : ''}`, async (t) => {
      const scene = await startScene(t, lab, 1);
      const [below] = scene.lowers;
      if (below === undefined) throw new Error('there is no lower');
      await lab.mkdir(at(below, 'd'));
      await make(at(below, 'd/x'));
      await lab.mkdir(scene.upper);
      await lab.mkdir(scene.work);
      await lab.mkdir(at(scene.upper, 'd'));
      await makeUpper(at(scene.upper, 'd/x'));
      const [copy, other] = [at(scene.root, 'copy'), at(scene.root, 'other')];
      for (const each of [copy, other]) {
        await lab.mkdir(each);
        await lab.copyTree(below, each);
      }
      if (lower !== 'whiteout') {
        await show?.(at(copy, 'd/x'));
        await show?.(at(other, 'd/x'));
      } // which is not copied
      await alter(at(other, 'd/x'));
      const options = { own, upper: scene.upper, applied: true, ignoreRootOwner: asUser };
      const unmount = await mountByLab(scene);
      try {
        const { result } = await applied(scene.target, { to: copy });
        t.true(result.complete);
        t.deepEqual(await lab.compare(copy, scene.target, options), []);
        // Over something else, where it is asked for.
        const { told, result: forced } = await applied(scene.target, {
          to: other,
          conflicts: 'theirs',
        });
        t.true(forced.complete);
        if (told.some((each) => each.endsWith(' d/x'))) {
          t.deepEqual(await lab.compare(other, scene.target, options), []);
        }
      } finally {
        await unmount();
      }
      const source = { upper: scene.upper, lower: below, xattrs: own };
      const { told, result } = await applied(source);
      t.true(result.complete);
      const stays = lower === 'opaque directory' && upper.endsWith('directory');
      if (told.length === 0 || stays) {
        await show?.(at(below, 'd/x')); // it has the mark still
      }
      const view = { own, applied: true, ignoreRootOwner: asUser };
      t.deepEqual(await lab.compare(below, copy, view), []);
    });
  }
}
