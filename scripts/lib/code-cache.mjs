// What V8 makes of the part of the command that most subcommands share: lib/cli/shared-code.ts.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './root.mjs';

function runChild(node, ...args) {
  const child = join(root, 'scripts/lib/code-cache-child.mjs');
  const { status, error, stderr } = spawnSync(node, [child, ...args], { encoding: 'utf8' });
  if (status !== 0) {
    throw error ?? new Error(`the code cache of ${node} is no good\n${stderr}`);
  }
}

/**
 * Has it made by one release of Node.js, which is the one that can use it. It holds the functions that have
 * been called by then, so a program is run; where nothing can be mounted it holds fewer of them.
 */
export function makeCodeCache(node, command) {
  const place = mkdtempSync(join(tmpdir(), 'overlayfs-code-cache-'));
  try {
    mkdirSync(join(place, 'lower'));
    runChild(node, command, place);
  } finally {
    rmSync(place, { recursive: true });
  }
}

/** Throws where that release of Node.js has none, or does not accept it. */
export function checkCodeCache(node, command) {
  runChild(node, command);
}
