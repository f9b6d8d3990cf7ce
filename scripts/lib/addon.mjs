import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hashFiles, listFiles, readJson } from './files.mjs';
import { fail, progress, seconds } from './print.mjs';
import { root } from './root.mjs';
import { runScript } from './run.mjs';
import { compilerEnvironment } from './tools.mjs';

const build = join(root, 'build');
const stampFile = join(build, 'overlayfs.stamp.json');
const addonFile = join(build, 'Release', 'overlayfs.node');
const nodeGyp = join(root, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');

/**
 * The directory of the headers that came with this node, if they did: no download then. Both files
 * are needed by node-gyp. npm will stop handing its own `nodedir` key on, so we set the variable.
 */
function bundledHeaders() {
  const prefix = dirname(dirname(process.execPath));
  const files = ['node_api.h', 'common.gypi'];
  return files.every((file) => existsSync(join(prefix, 'include', 'node', file)))
    ? prefix
    : undefined;
}

export function gypEnvironment() {
  const prefix = bundledHeaders();
  return {
    ...process.env,
    ...compilerEnvironment(),
    ...(prefix ? { npm_config_nodedir: prefix } : {}),
  };
}

/** What `node-gyp configure` depends on; the list of sources is read only then. */
function configuration(env) {
  const packages = ['node-gyp', 'node-addon-api'].map(
    (name) => readJson(join(root, 'node_modules', name, 'package.json'))?.version,
  );
  const facts = [root, process.version, process.arch, packages, env.npm_config_nodedir];
  const sources = listFiles('native', /\.cc$/).filter((file) => !file.startsWith('native/test/'));
  return hashFiles(['binding.gyp'], JSON.stringify([facts, env.CC, env.CXX, sources]));
}

async function gyp(args, env) {
  const { ok, output } = await runScript(nodeGyp, args, { env, quiet: true });
  if (!ok) {
    process.stderr.write(output);
    fail(`node-gyp ${args[0]} failed; its output is above.`);
  }
}

/** The path of Node's headers; node-gyp writes down where it found or put them. */
export async function nodeHeaders() {
  const prefix = bundledHeaders();
  if (prefix) {
    return join(prefix, 'include', 'node');
  }
  const config = join(build, 'config.gypi');
  if (!existsSync(config)) {
    await gyp(['configure'], gypEnvironment());
  }
  const nodedir = /"nodedir": "([^"]+)"/.exec(readFileSync(config, 'utf8'))?.[1];
  return nodedir && join(nodedir, 'include', 'node');
}

/** Builds the addon; returns at once when neither a source nor the configuration has changed. */
export async function buildAddon() {
  const env = gypEnvironment();
  const configured = configuration(env);
  const sources = listFiles('native', /\.(cc|h)$/);
  const built = hashFiles(
    sources.filter((file) => !file.startsWith('native/test/')),
    configured,
  );
  const stamp = readJson(stampFile);
  if (stamp?.built === built && existsSync(addonFile)) {
    return;
  }
  const started = Date.now();
  progress('building the addon …');
  if (stamp?.configured !== configured || !existsSync(join(build, 'Makefile'))) {
    await gyp(['configure'], env);
    writeFileSync(stampFile, JSON.stringify({ configured }));
  }
  await gyp(['build', '--jobs=max'], env);
  writeFileSync(stampFile, JSON.stringify({ configured, built }));
  progress(`built the addon (${seconds(started)})`);
}
