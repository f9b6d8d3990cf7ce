import { chmodSync, existsSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isBundled } from './bundle.mjs';
import { listFiles, readJson } from './files.mjs';
import { fail, progress, seconds } from './print.mjs';
import { root } from './root.mjs';
import { runScript } from './run.mjs';

// Inside dist, so that removing dist also removes the memory of what was written there.
const buildInfo = join('dist', '.tsbuildinfo');
const command = join(root, 'dist', 'lib', 'cli', 'main.js');

function expectedOutputs() {
  const { include } = readJson(join(root, 'tsconfig.json'));
  return include
    .flatMap((directory) => listFiles(directory, /(?<!\.d)\.ts$/))
    .flatMap((file) => {
      const base = join('dist', file.slice(0, -'.ts'.length));
      return [`${base}.js`, `${base}.js.map`, `${base}.d.ts`, `${base}.d.ts.map`];
    });
}

/** A test whose source was removed would still run, and a removed module still be published. */
function removeStale(expected) {
  for (const file of listFiles('dist', /./)) {
    if (file !== buildInfo && !isBundled(file) && !expected.has(file)) {
      rmSync(join(root, file));
      try {
        rmdirSync(dirname(join(root, file)));
      } catch {
        // Not empty: others live there.
      }
    }
  }
}

export async function buildTypeScript() {
  const expected = new Set(expectedOutputs());
  if (expected.size === 0) {
    return;
  }
  removeStale(expected);
  if ([...expected].some((file) => !existsSync(join(root, file)))) {
    // The incremental compiler trusts its notes and would not write a lost output again.
    rmSync(join(root, buildInfo), { force: true });
  }
  const started = Date.now();
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const fresh = !existsSync(join(root, buildInfo));
  const args = ['--incremental', '--tsBuildInfoFile', buildInfo];
  const { ok, output } = await runScript(tsc, args, { quiet: true });
  if (!ok) {
    process.stderr.write(output);
    fail('tsc failed; its output is above.');
  }
  if (existsSync(command)) {
    chmodSync(command, 0o755);
  }
  if (fresh) {
    progress(`compiled the TypeScript (${seconds(started)})`);
  }
}
