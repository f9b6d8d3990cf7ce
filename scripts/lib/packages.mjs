import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from './files.mjs';
import { fail, progress, seconds } from './print.mjs';
import { root } from './root.mjs';
import { run } from './run.mjs';

/**
 * Whether node_modules holds what package-lock.json says. npm leaves a lockfile of its own in
 * node_modules; comparing the two needs no stamp and also accepts an `npm ci` done by hand.
 */
export function packagesMatch() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  const present = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!wanted || !present) {
    return false;
  }
  const same = Object.entries(wanted).every(([path, entry]) => {
    // The project itself, and builds for other platforms, are not in npm's own lockfile.
    if (path === '' || (entry.optional && !present[path])) {
      return true;
    }
    const other = present[path];
    return (
      other?.version === entry.version &&
      other.integrity === entry.integrity &&
      existsSync(join(root, path))
    );
  });
  return same && Object.entries(present).every(([path, entry]) => entry.optional || wanted[path]);
}

export async function installPackages() {
  if (packagesMatch()) {
    return;
  }
  const started = Date.now();
  progress('installing the npm packages of package-lock.json …');
  // Not `npm ci`: that refuses a lockfile made where the registry lacked a package for some other
  // platform. `install --no-save` takes the same versions and hashes and writes no lockfile.
  const args = [
    'install',
    '--no-save',
    '--include=dev',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  // Under `npm run` this names the npm that runs us, which need not be the first one in PATH.
  const npm = process.env.npm_execpath;
  const { ok, output } = npm?.endsWith('npm-cli.js')
    ? await run(process.execPath, [npm, ...args], { quiet: true })
    : await run('npm', args, { quiet: true });
  if (!ok) {
    process.stderr.write(output);
    fail('npm install failed; its output is above.');
  }
  progress(`installed the npm packages (${seconds(started)})`);
}
