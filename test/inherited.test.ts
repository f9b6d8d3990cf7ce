// What a directory hands on to what is made in it (a default ACL, a group) is not taken for a change:
// not by a fresh upper, a copy of one, or the place where an apply prepares what it puts in place.
// One after another: a sandbox that starts has a copy of the mounts for a moment, which keeps uppers busy.
import { mkdirSync } from 'node:fs';
import test from 'ava';
import { changes, cloneSession, mountOverlay } from 'overlayfs';
import { applied, startApplying } from './helpers/applying.ts';
import type { ImageKind } from './helpers/image.ts';
import { mountImage, whyNoImage } from './helpers/image.ts';
import { Lab } from './helpers/lab.ts';
import type { LabPath } from './helpers/lab-process.ts';
import { SandboxPlace } from './helpers/sandbox-place.ts';
import type { Edit } from './helpers/scene.ts';
import { asUser, at, own, plant } from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

/** A group is handed on by the set-group-id bit; in a user namespace there is one only. */
async function handsOn(directory: LabPath): Promise<void> {
  if (!asUser) {
    await lab.chown(directory, 0, 1234);
    await lab.chmod(directory, 0o2700);
  }
  await lab.setAcl(directory, 'default', 'u::rwx,u:0:rwx,g::r-x,m::rwx,o::r-x');
}

const edit: Edit = async (_, merged) => {
  await lab.write(at(merged, 'changed'), 'new');
  await lab.mkdir(at(merged, 'd'));
  await lab.write(at(merged, 'd/file'), 'new');
  await lab.symlink('file', at(merged, 'd/link'));
  await lab.fifo(at(merged, 'd/fifo'));
};

test.serial('by the directory of a destination', async (t) => {
  const lower = plant({ changed: 'old' });
  const { source, copy, differs, scene } = await startApplying(t, lab, { lower, edit });
  await handsOn(scene.root);
  t.true((await applied(source, { to: copy })).result.complete);
  t.deepEqual(await differs(copy), []);
});

const grpid: ImageKind = { name: 'ext4', mebibytes: 16, options: 'grpid' };
const why = asUser ? 'only root can mount images' : whyNoImage(grpid);
const withGrpid = why === undefined ? test.serial : test.serial.skip;

/** There a directory hands its group on without the bit as well, in new trees of another group too. */
withGrpid(`by a mount with grpid${why === undefined ? '' : ` (${why})`} [root only]`, async (t) => {
  const { source, scene, differs } = await startApplying(t, lab, {
    lower: plant({ changed: 'old' }),
    edit: async (_, merged) => {
      await edit(lab, merged);
      await lab.mkdir(at(merged, 'd/of-ours'));
      await lab.write(at(merged, 'd/of-ours/file'), 'new');
      await lab.chown(at(merged, 'd'), 0, 1234);
      await lab.write(at(merged, 'd/of-others'), 'new');
      await lab.chown(at(merged, 'd/of-others'), 1234, 1234);
    },
  });
  const image = at(scene.root, 'image');
  await lab.mkdir(image);
  const unmount = await mountImage(grpid, `${at(scene.root, 'grpid.img')}`, image);
  try {
    const copy = at(image, 'copy');
    await lab.mkdir(copy);
    await lab.copyTree(scene.lowers[0] ?? '', copy);
    await lab.chown(image, 0, 1234);
    t.true((await applied(source, { to: copy })).result.complete);
    t.deepEqual(await differs(copy), []);
  } finally {
    await unmount();
  }
});

test.serial('by the directory of an upper', async (t) => {
  using place = new SandboxPlace();
  mkdirSync(place.state);
  await handsOn(place.state);
  const upper = `${place.state}/upper`;
  const userxattr = own === 'user';
  const overlay = await mountOverlay({ lower: place.lower, upper, userxattr });
  try {
    for await (const { kind, path } of changes(overlay)) t.fail(`${kind} ${path}`);
    await lab.write(overlay.resolve('file'), 'x');
    const names = await lab.listXattr(`${upper}/file`);
    t.deepEqual(
      names.filter((name) => name.startsWith('system.posix_acl')),
      [],
    );
  } finally {
    await overlay.close();
  }
});

test.serial('by the directory of sessions', async (t) => {
  using place = new SandboxPlace();
  const sandbox = await place.sandbox({ session: 'one' });
  const script = 'echo > file; mkdir d; echo > d/file; ln -s file d/link; mkfifo d/fifo';
  await sandbox.run('sh', ['-c', script], { cwd: place.lower });
  await sandbox.close();
  await handsOn(place.state);
  await cloneSession('one', 'two', { directory: place.state });
  const [one, two] = ['one', 'two'].map((name) => `${place.state}/${name}/0/upper`);
  t.deepEqual(await lab.compare(one ?? '', two ?? '', { own }), []);
});
