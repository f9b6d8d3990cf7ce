// What other programs that read overlay layers got wrong where the layers lie, how they are mounted and
// what the mount table says. The comments say where it was reported, or found in the source.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { changes, listOverlays, scanLayer } from 'overlayfs';
import { Lab } from './helpers/lab.ts';
import { checkLists, mountAndCheck, play } from './helpers/scenario.ts';
import type { Scene } from './helpers/scene.ts';
import {
  age,
  asUser,
  at,
  makeLowers,
  mountByLab,
  mountView,
  own,
  plant,
  startScene,
} from './helpers/scene.ts';

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

const rootTest = asUser ? test.skip : test;

/** Filesystems of their own: the inode numbers of the first files are the same on all of them. */
async function onFilesystems(t: ExecutionContext, layers: number): Promise<Scene> {
  const scene = await startScene(t, lab, layers);
  const places = [...scene.lowers, at(scene.root, 'changes')];
  for (const place of places) {
    await lab.mount('tmpfs', place, 'tmpfs', [], 'mode=755');
    t.teardown(() => lab.umount(place, ['detach']));
  }
  return scene;
}

// containerd, moby/moby and containers/storage group hard links by inode number alone;
// amir73il/unionmount-testsuite#4: device numbers of merged entries say nothing either.
test('files with one inode number on different filesystems have nothing to do with each other', async (t) => {
  const scene = await onFilesystems(t, 2);
  const [top = scene.root, bottom = scene.root] = scene.lowers;
  for (const [layer, name] of [
    [bottom, 'b'],
    [top, 't'],
  ] as const) {
    await lab.write(at(layer, `${name}1`), 'same');
    await lab.link(at(layer, `${name}1`), at(layer, `${name}2`));
    await age(lab, at(layer, `${name}1`));
  }
  t.is((await lab.stat(at(top, 't1'))).ino, (await lab.stat(at(bottom, 'b1'))).ino);
  t.teardown(await mountView(scene));
  const lines = await mountAndCheck(t, scene, async (_, merged) => {
    await lab.write(at(merged, 'new'), 'same');
    await age(lab, at(merged, 'new'));
    await lab.openReadWrite(at(merged, 't1'));
    await lab.unlink(at(merged, 'b1'));
    await lab.link(at(merged, 'new'), at(merged, 'b1'));
  });
  t.deepEqual(lines.plain, ['M file b1 [links]', 'A file new', 'M file t1 [links]']);
});

// containerd/continuity#247: sizes of directories; kernel-made uppers on another filesystem have other
// sizes and link counts for every directory.
test('layers on other filesystems, and nothing changed', async (t) => {
  const scene = await onFilesystems(t, 1);
  await makeLowers(scene, [plant({ 'd/e/x': '1', 'd/y': '2', link: { link: 'd' } })]);
  t.teardown(await mountView(scene));
  const lines = await mountAndCheck(t, scene, async (_, merged) => {
    for (const name of ['d/e/x', 'd/y']) await lab.openReadWrite(at(merged, name));
    await lab.chmod(at(merged, 'd/e'), 0o700);
    await lab.chmod(at(merged, 'd/e'), 0o755);
    await plant({ 'd/e/z/z': '' })(lab, merged);
    await lab.rmtree(at(merged, 'd/e/z'));
  });
  t.deepEqual(lines.plain, []);
});

// tursodatabase/agentfs#270: deletions were lost with the next mount. buildkit's differ fell back to
// two walks at the first mount option that it did not know (moby/buildkit PR #5366).
test('deletions are there when it is mounted again, with other options', async (t) => {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [plant({ 'd/x': '1', 'd/e/y': '2', z: '3' })]);
  t.teardown(await mountView(scene));
  const first = await mountByLab(scene, ['xino=on']);
  t.teardown(first);
  await lab.unlink(at(scene.target, 'd/x'));
  await lab.rmtree(at(scene.target, 'd/e'));
  await lab.unlink(at(scene.target, 'z'));
  const deleted = ['D directory d/e', 'D file d/x', 'D file z'];
  t.deepEqual((await checkLists(t, scene, [], { close: first })).plain, deleted);
  const second = await mountByLab(scene, ['volatile', 'default_permissions', 'uuid=null']);
  t.teardown(second);
  t.deepEqual((await checkLists(t, scene, [], { close: second })).plain, deleted);
});

// moby/moby walks a mount without metacopy=on and lists the file as deleted: readdir has the name and
// stat fails. containers/storage#640 then had everything in the layer.
rootTest('a metacopy on a mount that does not know it is no deletion [root only]', async (t) => {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [plant({ file: 'content', other: '1' })]);
  const close = await mountByLab(scene, ['metacopy=on']);
  t.teardown(close);
  await lab.chmod(at(scene.target, 'file'), 0o600);
  await close();
  t.teardown(await mountByLab(scene));
  t.like(await t.throwsAsync(lab.stat(at(scene.target, 'file'))), { code: 'EPERM' });
  const error = { name: 'OverlayError', path: at(scene.upper, 'file').toString() };
  t.like(await t.throwsAsync(changes(scene.target).next()), error);
  // By themselves the layers say it all.
  const listing = changes({ upper: scene.upper, lower: scene.lowers });
  t.like((await listing.next()).value, { kind: 'modified', path: 'file', aspects: ['mode'] });
  t.true((await listing.next()).done);
});

// puppylinux-woof-CE/woof-CE#3853, containerd/continuity: metacopies were read as files of zeros.
// NixOS/nixpkgs#507963, didvc/ai-bwrap#12: what a mark is must not be guessed. scan tells them apart.
rootTest(
  'scan calls a metacopy a metacopy, and every whiteout a whiteout [root only]',
  async (t) => {
    const scene = await startScene(t, lab, 1);
    await makeLowers(scene, [plant({ file: 'content', gone: '1', 'd/x': '2' })]);
    const close = await mountByLab(scene, ['metacopy=on']);
    t.teardown(close);
    await lab.chmod(at(scene.target, 'file'), 0o600);
    await lab.unlink(at(scene.target, 'gone'));
    await lab.rmtree(at(scene.target, 'd'));
    await lab.mkdir(at(scene.target, 'd'));
    await lab.mknod(at(scene.target, 'null'), 'c', 0o666, 1, 3);
    await close();
    const entries = new Map<string, unknown>();
    for await (const { path, whiteout, opaque, metacopy } of scanLayer(scene.upper)) {
      entries.set(path, { whiteout, opaque, metacopy });
    }
    const none = { whiteout: undefined, opaque: undefined, metacopy: undefined };
    t.deepEqual(entries.get('file'), { ...none, metacopy: true });
    t.deepEqual(entries.get('gone'), { ...none, whiteout: 'device' });
    t.deepEqual(entries.get('d'), { ...none, opaque: 'y' });
    t.deepEqual(entries.get('null'), none);
  },
);

// containerd and moby/sys look mounts up by the beginning of their path: "foo" was found for "foobar".
// kmxz/overlayfs-tools compares the options of all mounts in that way.
test('a directory beside a mount point is not that mount', async (t) => {
  const scene = await startScene(t, lab, 1);
  await makeLowers(scene, [plant({ x: '1' })]);
  t.teardown(await mountByLab(scene));
  const beside = Buffer.concat([scene.target, Buffer.from('2')]);
  await lab.mkdir(beside);
  for (const path of [beside, at(scene.target, '..')]) {
    t.like(await t.throwsAsync(changes(path).next()), { name: 'OverlayError' });
  }
  t.deepEqual(await changes(scene.target).next(), { done: true, value: undefined });
});

// netblue30/firejail#6450, moby/sys: lines of the mount table were cut, at 4096 bytes or at 64 KiB.
// kubernetes/mount-utils leaves \040 as it is; containerd and buildkit split lowerdir at every colon.
test('a long line in the mount table, full of escapes', async (t) => {
  const scene = await startScene(t, lab, 12);
  const names = scene.lowers.map((_, i) => Buffer.from(`${i} ${':, \\\t'.repeat(12)}`));
  const lowers = names.map((name) => at(scene.root, name));
  for (const [i, lower] of lowers.entries()) {
    await lab.mkdir(lower);
    await plant({ [`from-${i}`]: `${i}`, shared: `${i}` })(lab, lower);
  }
  const long = { ...scene, lowers };
  t.teardown(await mountByLab(long));
  await lab.unlink(at(scene.target, 'from-7'));
  await lab.append(at(scene.target, 'shared'), '!');
  const found = (await listOverlays()).find(({ target }) => target === scene.target.toString());
  t.deepEqual(found?.lower, lowers.map(String));
  const paths: string[] = [];
  for await (const { kind, path } of changes(scene.target)) paths.push(`${kind} ${path}`);
  t.deepEqual(paths, ['deleted from-7', 'modified shared']);
});

// NixOS/nix looks for lowerdir= and refuses what was mounted layer by layer; so do others.
test('a mount that names its lowers one by one', async (t) => {
  const scene = await startScene(t, lab, 2);
  await makeLowers(scene, [plant({ x: '1', y: '2' }), plant({ y: '3' })]);
  t.teardown(await mountView(scene));
  for (const path of [scene.upper, scene.work]) await lab.mkdir(path);
  const layers = scene.lowers.map((lower) => `lowerdir+=${lower}`).join();
  const data = `${layers},upperdir=${scene.upper},workdir=${scene.work}`;
  await lab.mount('overlay', scene.target, 'overlay', [], asUser ? `${data},userxattr` : data);
  let mounted = true;
  const close = async (): Promise<void> => {
    if (mounted) await lab.umount(scene.target);
    mounted = false;
  };
  t.teardown(close);
  await lab.unlink(at(scene.target, 'x'));
  await lab.append(at(scene.target, 'y'), '!');
  const found = (await listOverlays()).find(({ target }) => target === scene.target.toString());
  t.deepEqual(found?.lower, scene.lowers.map(String));
  const { plain } = await checkLists(t, scene, [], { close });
  t.deepEqual(plain, ['D file x', 'M file y [content,times]']);
});

// moby/buildkit#2381, moby/moby#42662, binpash/try#163: the marks were looked for under the name of
// the other kind of mount, and what had been deleted was there again.
test('the namespace of the marks is that of the mount', async (t) => {
  const lines = await play(t, lab, {
    lowers: [plant({ 'd/x': '1', 'd/y': '2' })],
    edit: async (_, merged, { upper }) => {
      await lab.rmtree(at(merged, 'd'));
      await plant({ 'd/y': '2' })(lab, merged);
      const marks = await lab.listXattr(at(upper, 'd'));
      if (!marks.includes(`${own}.overlay.opaque`)) throw new Error(`it has ${marks}`);
    },
  });
  t.deepEqual(lines.plain, ['D file d/x']);
});
