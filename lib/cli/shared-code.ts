/**
 * What most subcommands share, with what V8 has made of it when the package was built (`cachedData` of
 * node:vm): to compile it takes as long as to mount. V8 refuses what another release of it has made, or
 * one with other flags; where the file is missing, or is refused, the text is compiled as ever.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Script } from 'node:vm';
import { require, sharedCode } from '../package.ts';

/** Beside the text. The version of V8 has a suffix of Node's own, which does not matter to V8. */
export function codeCacheOf(path: string): string {
  const [version] = process.versions.v8.split('-');
  return path.replace(/\.cjs$/, `-${process.arch}-v8-${version}.cache`);
}

function readCache(path: string): Buffer | undefined {
  try {
    return readFileSync(codeCacheOf(path));
  } catch {
    return undefined;
  }
}

/** What Node makes of the text of a module. */
export const wrapper = [
  '(function (exports, require, module, __filename, __dirname) { ',
  '\n});',
] as const;

type Wrapped = (
  exports: unknown,
  require: NodeJS.Require,
  module: NodeJS.Module,
  path: string,
  directory: string,
) => void;

/** The class of Node's modules. `node:module` has it as well, and loads the loader of ES modules. */
function moduleClass(): (new (path: string) => NodeJS.Module) | undefined {
  return require.main?.constructor as (new (path: string) => NodeJS.Module) | undefined;
}

/** Before a subcommand is loaded that asks for it as for any other module. */
export function loadShared(): void {
  const path = sharedCode;
  const Module = moduleClass();
  const cachedData = path === undefined ? undefined : readCache(path);
  if (!path || !Module || !cachedData || require.cache[path]) {
    return;
  }
  const shared = new Module(path);
  shared.filename = path;
  require.cache[path] = shared;
  const text = wrapper.join(readFileSync(path, 'latin1')); // all of it is ASCII
  const run = new Script(text, { filename: path, cachedData }).runInThisContext() as Wrapped;
  run.call(shared.exports, shared.exports, require, shared, path, dirname(path));
  shared.loaded = true;
}
