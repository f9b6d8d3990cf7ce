// For publishing: what V8 makes of the command, by every supported release line of Node.js. The build
// has it made by the one it runs on.
import { join } from 'node:path';
import { makeCodeCache } from './lib/code-cache.mjs';
import { nodeVersions } from './lib/node-versions.mjs';
import { fail } from './lib/print.mjs';
import { root } from './lib/root.mjs';

const cache = join(root, 'node_modules/.cache/overlayfs/nodes');
for (const { version, node, missing } of await nodeVersions(cache)) {
  if (missing) {
    fail(missing);
  }
  makeCodeCache(node, join(root, 'dist/command'));
  process.stdout.write(`Node.js ${version}: compiled the command\n`);
}
