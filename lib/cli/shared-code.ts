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

/** As Node wraps a module. V8 goes by all of it: what it has made of another text it refuses. */
export function compileShared(path: string, cachedData?: Buffer): Script {
  const text = readFileSync(path, 'latin1'); // all of it is ASCII
  const wrapped = `(function (exports, require, module, __filename, __dirname) { ${text}\n});`;
  return new Script(wrapped, { filename: path, ...(cachedData && { cachedData }) });
}

type Wrapped = (
  exports: unknown,
  require: NodeJS.Require,
  module: NodeJS.Module,
  path: string,
  directory: string,
) => void;

/** From then on the others get it by `require`, as any other module. */
export function runShared(
  path: string,
  script: Script,
  shared: NodeJS.Module,
  own: NodeJS.Require,
): void {
  shared.filename = path;
  own.cache[path] = shared;
  const run = script.runInThisContext() as Wrapped;
  run.call(shared.exports, shared.exports, own, shared, path, dirname(path));
  shared.loaded = true;
}

/** The class of Node's modules. `node:module` has it as well, and loads the loader of ES modules. */
function moduleClass(): (new (path: string) => NodeJS.Module) | undefined {
  return require.main?.constructor as (new (path: string) => NodeJS.Module) | undefined;
}

/** Before a subcommand is loaded. */
export function loadShared(): void {
  const path = sharedCode;
  const Module = moduleClass();
  const cachedData = path === undefined ? undefined : readCache(path);
  if (path && Module && cachedData && !require.cache[path]) {
    runShared(path, compileShared(path, cachedData), new Module(path), require);
  }
}
