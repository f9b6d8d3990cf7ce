// Makes a fresh clone ready to build: checks what has to come from the system, installs the rest.
// Old Node.js versions must be able to read this file in order to be told that they are too old.
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages } from './lib/packages.mjs';
import { fail } from './lib/print.mjs';
import { root } from './lib/root.mjs';
import { compiler, which } from './lib/tools.mjs';

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (!((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22)) {
    fail(`Node.js ${process.versions.node} is too old: 20.19, 22.12 or newer is needed.`);
  }
}

function checkSystem() {
  const python = process.env.npm_config_python || process.env.PYTHON || 'python3';
  const missing = [
    [compiler(), `a C++20 compiler${process.env.CXX ? ` (CXX=${process.env.CXX})` : ''}`],
    [which('make'), 'make'],
    [which(python) || which('python'), 'python3'],
  ]
    .filter(([found]) => !found)
    .map(([, name]) => name);
  if (missing.length > 0) {
    fail(
      `To build the addon this machine lacks ${missing.join(' and ')}.\n` +
        '  Debian, Ubuntu: apt-get install g++ make python3\n' +
        '  Fedora: dnf install gcc-c++ make python3\n' +
        '  Alpine: apk add g++ make python3 linux-headers',
    );
  }
}

/** A build made by root cannot be renewed by a user; the bare EACCES of some tool explains nothing. */
function checkOwner() {
  for (const name of ['node_modules', 'build', 'dist']) {
    const path = join(root, name);
    try {
      if (existsSync(path)) {
        accessSync(path, constants.W_OK);
      }
    } catch {
      fail(`${path} belongs to another user (a build by root?): remove it or change its owner.`);
    }
  }
}

export async function setup() {
  checkNode();
  if (process.platform === 'linux') {
    checkSystem();
  }
  checkOwner();
  await installPackages();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await setup();
}
