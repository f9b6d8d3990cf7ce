import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { nodeHeaders } from './addon.mjs';
import { hashFiles, listFiles, readJson } from './files.mjs';
import { root } from './root.mjs';
import { pool, run } from './run.mjs';
import { ci, which } from './tools.mjs';

// The tree is written for this one: formatting and findings differ between major versions.
const major = '14';
const cacheFile = join(root, 'node_modules', '.cache', 'overlayfs', 'clang-tidy.json');

async function findTool(name) {
  const command = which(`${name}-${major}`) ?? which(name);
  if (!command) {
    return { skipped: { status: 'skipped', reason: `not installed (Debian package ${name})` } };
  }
  const { output } = await run(command, ['--version'], { quiet: true });
  return { command, version: /version (\S+)/.exec(output)?.[1] ?? 'unknown' };
}

/** Another major version may see things differently: only CI, which chooses its version, objects. */
function findings({ version }, output) {
  if (version.startsWith(`${major}.`) || ci) {
    return { status: 'failed', output };
  }
  const reason = `version ${version} finds things that version ${major} may not`;
  return { status: 'skipped', reason, output };
}

export async function clangFormat({ fix }) {
  const tool = await findTool('clang-format');
  if (tool.skipped) {
    return tool.skipped;
  }
  const files = [
    ...listFiles('native', /\.(cc|h)$/),
    ...['test/lab', 'bench'].flatMap((directory) => listFiles(directory, /\.[ch]$/)),
  ];
  if (files.length === 0) {
    return { status: 'ok', detail: 'no files' };
  }
  const mode = fix ? ['-i'] : ['--dry-run', '-Werror'];
  const { ok, output } = await run(tool.command, [...mode, ...files], { quiet: true });
  return ok ? { status: 'ok', detail: `${files.length} files` } : findings(tool, output);
}

/** binding.gyp is the one place that names the defines; it is Python, but this list is plain. */
function defines() {
  const gyp = readFileSync(join(root, 'binding.gyp'), 'utf8').replace(/^\s*#.*$/gm, '');
  const list = /"defines":\s*\[([^\]]*)\]/.exec(gyp)?.[1] ?? '';
  return [...list.matchAll(/"([^"]+)"/g)].map(([, define]) => `-D${define}`);
}

async function compileFlags() {
  const isystem = [await nodeHeaders(), join(root, 'node_modules', 'node-addon-api')];
  return [
    ...['-std=c++20', '-fno-exceptions', '-fno-rtti', '-pthread', '-Inative'],
    ...isystem.filter(Boolean).flatMap((directory) => ['-isystem', directory]),
    ...defines(),
  ];
}

export async function clangTidy() {
  const tool = await findTool('clang-tidy');
  if (tool.skipped) {
    return tool.skipped;
  }
  const all = listFiles('native', /\.(cc|h)$/);
  const files = all.filter((file) => /^native\/(core|binding)\/.*\.cc$/.test(file));
  if (files.length === 0) {
    return { status: 'ok', detail: 'no files' };
  }
  const flags = await compileFlags();
  // A file is clean until it, a header, the configuration or the tool changes.
  const headers = all.filter((file) => file.endsWith('.h'));
  const common = hashFiles(['.clang-tidy', ...headers], JSON.stringify([tool.version, flags]));
  const key = (file) => hashFiles([file], common);
  const known = new Set(readJson(cacheFile));
  const pending = files.filter((file) => !known.has(key(file)));
  const reports = await pool(pending, cpus().length, async (file) => {
    const hash = key(file);
    const args = ['--quiet', file, '--', ...flags];
    const { ok, output } = await run(tool.command, args, { quiet: true });
    return { hash, ok, output: output.replace(/^\d+ warnings? generated\.\n/gm, '') };
  });
  const clean = new Set(reports.filter(({ ok }) => ok).map(({ hash }) => hash));
  mkdirSync(dirname(cacheFile), { recursive: true });
  const keep = files.map(key).filter((hash) => known.has(hash) || clean.has(hash));
  writeFileSync(cacheFile, JSON.stringify(keep));
  const bad = reports.filter(({ ok }) => !ok);
  if (bad.length > 0) {
    return findings(tool, bad.map(({ output }) => output).join(''));
  }
  const unchanged = pending.length === 0 ? ', unchanged' : '';
  return { status: 'ok', detail: `${files.length} files${unchanged}` };
}
