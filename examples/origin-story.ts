/**
 * The story the library was written for, on a real overlay: a job stacks what earlier jobs left over
 * the store of its image, in place, works in it, and afterwards knows exactly what it did.
 *
 * Everything happens in a private mount namespace, which ends with the program.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LayerEntry } from 'overlayfs';
import { listOverlays, mountOverlay, scanLayer, syscalls } from 'overlayfs';

const inside = 'OVERLAYFS_DEMO_INSIDE';
const overlayMagic = 0x794c7630;

const say = (text: string): void => console.log(text);
let steps = 0;
const step = (text: string): void => say(`\n${++steps}. ${text}`);

/** Runs this program again in a mount namespace of its own; an ordinary user needs a user namespace. */
function enterNamespace(): never {
  const root = process.getuid?.() === 0;
  const namespaces = root
    ? ['--mount', '--propagation', 'private']
    : ['--user', '--map-root-user', '--mount'];
  const { status, error } = spawnSync(
    'unshare',
    [...namespaces, process.execPath, fileURLToPath(import.meta.url)],
    { stdio: 'inherit', env: { ...process.env, [inside]: root ? 'root' : 'user' } },
  );
  if (error !== undefined) {
    console.error(`The demo needs the program unshare (package util-linux): ${error.message}`);
  } else if (status !== 0 && !root) {
    console.error(
      'If unshare was refused: this system forbids user namespaces to ordinary users ' +
        '(kernel.apparmor_restrict_unprivileged_userns, kernel.unprivileged_userns_clone or ' +
        'user.max_user_namespaces). Run the demo as root instead.',
    );
  }
  process.exit(status ?? 1);
}

function describe(entry: LayerEntry): string {
  if (entry.whiteout !== undefined) {
    return 'character device 0,0: a whiteout, the mark of a deletion';
  }
  const copied = entry.origin ? ', copied up from the lower' : '';
  return entry.opaque === 'y' ? `${entry.type}, opaque: nothing below shows` : entry.type + copied;
}

async function showUpper(upper: string, xattrs: 'trusted' | 'user'): Promise<void> {
  say('   the upper now holds');
  for await (const entry of scanLayer(upper, { xattrs })) {
    if (entry.path !== '.') {
      say(`     ${entry.path.padEnd(14)} ${describe(entry)}`);
    }
  }
}

const names = (directory: string): string => readdirSync(directory).join('  ');

async function story(base: string, user: string): Promise<void> {
  const store = join(base, 'store');
  const upper = join(base, 'host', 'upper');
  mkdirSync(join(store, 'old-1.0'), { recursive: true });
  mkdirSync(upper, { recursive: true });
  writeFileSync(join(store, 'hello'), 'Hello from the image.\n');
  writeFileSync(join(store, 'readme'), 'Nobody touches this.\n');
  writeFileSync(join(store, 'old-1.0', 'data'), 'old\n');
  writeFileSync(join(upper, 'pong'), 'From an earlier job.\n');

  say(`The origin story of overlayfs, as ${user}, on Linux's own overlay\n`);
  say(`   the image's store, the lower:     ${names(store)}`);
  say(`   the host's directory, the upper:  ${names(upper)}   (an earlier job left it)`);

  step('Mount the overlay in place: the store is its own mount point');
  // Closed below; should anything fail before, leaving this function closes it.
  await using overlay = await mountOverlay({ lower: store, upper, target: store });
  const xattrs = overlay.userxattr ? 'user' : 'trusted';
  for (const warning of overlay.warnings) {
    say(`   note: ${warning}`);
  }
  say(`   the store now shows               ${names(store)}`);
  say(`   its marks are in                  ${xattrs}.overlay.* attributes`);

  step('Write a new file');
  writeFileSync(join(store, 'ping'), 'New.\n');
  await showUpper(upper, xattrs);

  step('Change hello, which is in the lower: the kernel copies it up first');
  writeFileSync(join(store, 'hello'), 'Hello, changed.\n');
  await showUpper(upper, xattrs);

  step('Remove hello: the copy goes, and a whiteout hides the original');
  unlinkSync(join(store, 'hello'));
  const device = lstatSync(join(upper, 'hello'));
  say(
    `   visible in the store: ${existsSync(join(store, 'hello'))}; in the upper: ${
      device.isCharacterDevice() && device.rdev === 0 ? 'a character device 0,0' : 'something else'
    }`,
  );

  step('Remove a directory and make a new one of the same name');
  rmSync(join(store, 'old-1.0'), { recursive: true });
  mkdirSync(join(store, 'old-1.0'));
  writeFileSync(join(store, 'old-1.0', 'fresh'), 'fresh\n');
  await showUpper(upper, xattrs);

  step('What did all that change?');
  const letters = { added: 'A', modified: 'M', deleted: 'D' } as const;
  for await (const change of overlay.changes()) {
    const aspects = change.aspects.length === 0 ? '' : `  (${change.aspects.join(', ')})`;
    say(`   ${letters[change.kind]}  ${change.path}${aspects}`);
  }

  step('Unmount');
  await overlay.close();
  const left = (await listOverlays()).filter((mount) => mount.target.startsWith(base));
  say(`   the store is the image's again:   ${names(store)}`);
  say(`   hello still says                  ${readFileSync(join(store, 'hello'), 'utf8').trim()}`);
  say(`   overlays left mounted             ${left.length}`);

  say('\nThe lower was never written to. The upper keeps the changes for the next job:');
  say('mount it over the same store again, and everything above is there at once.');
}

async function main(): Promise<void> {
  const user = process.env[inside];
  if (user === undefined) {
    enterNamespace();
  }
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'overlayfs-demo-')));
  // In a container the temporary directory often lies on an overlay, which cannot hold an upper.
  const scratch = statfsSync(base).type === overlayMagic;
  try {
    if (scratch) {
      await syscalls.mount('tmpfs', base, 'tmpfs');
    }
    await story(base, user === 'root' ? 'root' : 'an ordinary user in a user namespace');
  } finally {
    if (scratch) {
      await syscalls.umount(base, syscalls.MNT_DETACH);
    }
    makeRemovable(base);
    rmSync(base, { recursive: true, force: true });
  }
}

/** The kernel leaves its directory "work" without any permission. */
function makeRemovable(base: string): void {
  const work = join(base, 'host', 'upper.work', 'work');
  if (existsSync(work)) {
    chmodSync(work, 0o700);
  }
}

await main();
