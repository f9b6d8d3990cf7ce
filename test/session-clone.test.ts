// Copies of sessions of root, and of the root of a user namespace; and what takes a mount to try.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { cloneSession, createSandbox, mountOverlay, syscalls } from 'overlayfs';
import { imageKinds, mountImage, whyNoImage } from './helpers/image.ts';
import { asRoot } from './helpers/place.ts';
import { SandboxPlace } from './helpers/sandbox-place.ts';
import { facts, kept, sessionCloneCases } from './helpers/session-clone-cases.ts';

sessionCloneCases();

test.serial('one that another program has mounted, or mounted into, is not cloned', async (t) => {
  using place = new SandboxPlace();
  const directory = place.state;
  const path = await kept(place, 'one', 'mkdir inside');
  const overlay = await mountOverlay({
    lower: place.lower,
    upper: join(path, '0/upper'),
    work: join(path, '0/work'),
  });
  await t.throwsAsync(cloneSession('one', 'two', { directory }), { code: 'EBUSY' });
  await overlay.close();
  const inside = join(path, '0/upper/inside');
  syscalls.mountSync('tmpfs', inside, 'tmpfs');
  try {
    await t.throwsAsync(cloneSession('one', 'two', { directory }), { code: 'EXDEV' });
  } finally {
    syscalls.umountSync(inside, 0);
  }
  t.deepEqual(place.sessions(), ['one']);
});

const onlyRoot = asRoot ? test.serial : test.serial.skip;

onlyRoot('owners, capabilities, ACLs, devices and trusted attributes [root only]', async (t) => {
  using place = new SandboxPlace();
  writeFileSync(join(place.lower, 'old'), 'x');
  const script = `echo > a; chown 12:34 a; chmod 6755 a; mknod device c 1 3; mkdir d; chown 56:78 d
    chmod 3775 d; echo > d/f; chown -h 9:9 old
    python3 -c '
import os, struct
os.setxattr("a", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
os.setxattr("d", "trusted.note", b"x")
entries = [(1, 7, 0xffffffff), (2, 5, 99), (4, 5, 0xffffffff), (16, 7, 0xffffffff), (32, 4, 0xffffffff)]
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries)
for name in ("access", "default"): os.setxattr("d", "system.posix_acl_" + name, acl)'`;
  const path = await kept(place, 'one', script);
  const clone = await cloneSession('one', 'two', { directory: place.state });
  const [before, after] = [path, clone.path].map((each) => join(each, '0/upper'));
  t.deepEqual(await facts(`${after}`), await facts(`${before}`));
  const attributes = (directory: string | undefined): string =>
    execFileSync(
      'python3',
      [
        '-c',
        `import os
for path, directories, files in os.walk("."):
  for name in [path] + [os.path.join(path, each) for each in files]:
    for attribute in sorted(os.listxattr(name, follow_symlinks=False)):
      print(name, attribute, os.getxattr(name, attribute, follow_symlinks=False).hex())`,
      ],
      { cwd: directory, encoding: 'utf8' },
    )
      .split('\n')
      .sort()
      .join('\n');
  t.is(attributes(after), attributes(before).replace(/^\. trusted\.overlay\.uuid .*\n/m, ''));
  t.regex(attributes(after), /security\.capability.*posix_acl_default.*trusted\.note/s);
});

for (const kind of imageKinds) {
  const why = whyNoImage(kind);
  const run = asRoot && why === undefined ? test.serial : test.serial.skip;
  run(`what can share blocks does, on ${kind.name} [root only]`, async (t) => {
    using place = new SandboxPlace();
    const root = place.at('image');
    mkdirSync(root);
    const unmount = await mountImage(kind, place.at('file'), root);
    try {
      const directory = join(root, 'state');
      const sandbox = await createSandbox({ lower: place.lower, directory, session: 'one' });
      const fill = 'head -c 100000000 /dev/urandom > big';
      await sandbox.run('sh', ['-c', fill], { cwd: place.lower });
      await sandbox.close();
      let copied = -1;
      const clone = await cloneSession('one', 'two', {
        directory,
        onProgress: ({ bytes }) => {
          copied = bytes;
        },
      });
      t.is(copied, 0);
      execFileSync('cmp', [join(sandbox.path, '0/upper/big'), join(clone.path, '0/upper/big')]);
    } finally {
      await unmount();
    }
  });
}
