// Runs ava inside the namespaces of a suite, and looks there for what the tests left behind:
// from outside, a private mount namespace cannot be seen.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { overlayMounts, temporaryDirectories } from './leftovers.mjs';

// Outside of any namespace nobody mounts, and nobody may unshare one.
const apart = process.env.OVERLAYFS_TEST_AS !== 'unprivileged';
const ava = apart
  ? join(import.meta.dirname, 'ava-files-apart.mjs')
  : join(process.cwd(), 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
const before = new Set([...overlayMounts(), ...temporaryDirectories()]);

// Like this process itself, ava does not outlive its parent, even if that is killed.
const words = ['--pdeathsig', 'KILL', '--', process.execPath, ava, ...process.argv.slice(2)];
const child = spawn('setpriv', words, { stdio: 'inherit' });
child.on('close', (code) => {
  const left = [...overlayMounts(), ...temporaryDirectories()].filter((item) => !before.has(item));
  for (const item of left) {
    process.stdout.write(`  ✘ [left behind] ${item}\n`);
  }
  process.exitCode = code || (left.length > 0 ? 1 : 0);
});
