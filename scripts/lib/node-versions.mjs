// The Node.js releases on which the package is tried: the official binaries, as npm packages.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execute, plainEnvironment } from './checks.mjs';

const MAJORS = [20, 22, 24, 26];

/**
 * `cache` is kept between runs, because the binaries are large. Each result has a `version` and
 * either `node`, the path of the program, or `missing`, the reason.
 */
export async function nodeVersions(cache) {
  // Those packages hold binaries for glibc only.
  if (!process.report.getReport().header.glibcVersionRuntime) {
    return [{ version: process.versions.node, node: process.execPath }];
  }
  mkdirSync(cache, { recursive: true });
  const manifest = join(cache, 'package.json');
  if (!existsSync(manifest)) {
    writeFileSync(manifest, '{ "private": true }\n');
  }
  const versions = [];
  for (const major of MAJORS) {
    versions.push(await nodeVersion(cache, major));
  }
  return versions;
}

async function nodeVersion(cache, major) {
  const node = join(cache, `node_modules/node${major}/bin/node`);
  const source = `node-linux-${process.arch}@${major}`;
  try {
    if (!existsSync(node)) {
      const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
      const args = ['install', ...options, `node${major}@npm:${source}`];
      await execute('npm', args, { cwd: cache, env: plainEnvironment() });
    }
    return { version: (await execute(node, ['-p', 'process.versions.node'])).trim(), node };
  } catch (error) {
    const missing = `Node.js ${major} is missing: cannot get or start ${source}\n${error.message}`;
    return { version: `${major}`, missing };
  }
}
