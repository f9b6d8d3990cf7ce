// Most of the time in which Node starts the command went into finding and linking some sixty modules.
// What is published is made of few files: dist/library (the ES module that `import 'overlayfs'` gives) and
// dist/command (CommonJS, for which Node does not start its loader of ES modules at all). Both are made of
// what the compiler has put into dist/lib, which tests go on importing module by module.
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeCodeCache } from './code-cache.mjs';
import { hashFiles, listFiles, readJson } from './files.mjs';
import { fail, progress, seconds } from './print.mjs';
import { root } from './root.mjs';

const compiled = join(root, 'dist', 'lib');
const command = join('dist', 'command');
const library = join('dist', 'library');
const makers = ['bundle.mjs', 'code-cache.mjs', 'code-cache-child.mjs'].map(
  (name) => `scripts/lib/${name}`,
);
const stamp = join(root, 'dist', '.bundles.json');

/** Written by this file, not by the compiler. */
export function isBundled(file) {
  return [command, library].includes(dirname(file)) || file === join('dist', basename(stamp));
}

/** With the compiler's own source map, so that stack traces can be followed to the TypeScript. */
const compiledSources = {
  name: 'compiled-sources',
  load(id) {
    return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') };
  },
};

/** What lib/package.ts makes of `import.meta`, CommonJS has anyway. */
const ownPackage = {
  name: 'own-package',
  load(id) {
    return id === join(compiled, 'package.js')
      ? "import { join } from 'node:path';\n" +
          "export const packageRoot = join(__dirname, '../..');\n" +
          "export const sharedCode = join(__dirname, 'run.cjs');\n" +
          'const own = require;\nexport { own as require };\n'
      : null;
  },
};

/** Node keeps a text with any other character at two bytes for each, and reads it more slowly. */
const ascii = {
  name: 'ascii',
  renderChunk(code) {
    const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return { code: code.replace(/[^\0-\x7f]/g, escaped), map: null };
  },
};

/**
 * What most commands get along without, by whom it is asked for: null for everybody. It is loaded when a function of
 * it is called for the first time.
 */
const deferred = new Map([
  ['reasons.js', null],
  ['session-errors.js', null],
  ['apply.js', null],
  ['holders.js', null],
  ['changes.js', ['overlay.js']],
  ['files.js', null],
]);
const stub = '\0deferred:';

const onDemand = {
  name: 'on-demand',
  resolveId(source, importer) {
    const importers = deferred.get(basename(source));
    const wanted = importers === null || importers?.includes(basename(importer ?? ''));
    return wanted && source === `./${basename(source)}` && dirname(importer) === compiled
      ? `${stub}${join(compiled, basename(source))}`
      : null;
  },
  async load(id) {
    if (!id.startsWith(stub)) {
      return null;
    }
    const path = id.slice(stub.length);
    const name = basename(path, '.js');
    const fileName = `on-demand-${name}.cjs`;
    this.emitFile({ type: 'chunk', id: path, fileName, preserveSignature: 'strict' });
    const functions = Object.entries(await import(path)).filter(([, value]) => isFunction(value));
    return [
      `import { require as own } from ${JSON.stringify(join(compiled, 'package.js'))};`,
      ...functions.map(
        ([key]) => `export const ${key} = (...args) => own('./${fileName}').${key}(...args);`,
      ),
    ].join('\n');
  },
};

/** Others, a class among them, cannot be had without loading their module. */
function isFunction(value) {
  return typeof value === 'function' && !/^class\b/.test(`${value}`);
}

/** All modules that are loaded together with one, itself included. */
function loadedWith(id, getModuleInfo, found = new Set()) {
  if (!found.has(id)) {
    found.add(id);
    for (const imported of getModuleInfo(id)?.importedIds ?? []) {
      loadedWith(imported, getModuleInfo, found);
    }
  }
  return found;
}

/**
 * `run` is the command that somebody waits for every time: what it needs beyond the beginning is one file,
 * which others share as it is.
 */
function chunkOf(id, { getModuleInfo }) {
  const [main, run] = ['main.js', 'run.js'].map((name) =>
    loadedWith(join(compiled, 'cli', name), getModuleInfo),
  );
  return main.has(id) ? 'main' : run.has(id) ? 'run' : undefined;
}

const shared = {
  external: (id) => !id.startsWith('.') && !id.startsWith('/'),
  onLog(level, { message }) {
    if (level === 'warn') {
      fail(`rollup: ${message}`);
    }
  },
};
async function bundle() {
  const { rollup } = await import('rollup');
  const forCommand = await rollup({
    ...shared,
    input: join(compiled, 'cli', 'main.js'),
    plugins: [onDemand, ownPackage, compiledSources, ascii],
  });
  await forCommand.write({
    generatedCode: 'es2015',
    dir: join(root, command),
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    manualChunks: chunkOf,
    onlyExplicitManualChunks: true,
  });
  const forLibrary = await rollup({
    ...shared,
    input: join(compiled, 'index.js'),
    plugins: [compiledSources, ascii],
  });
  await forLibrary.write({ dir: join(root, library), format: 'es', sourcemap: true });
  await Promise.all([forCommand.close(), forLibrary.close()]);
  chmodSync(join(root, command, 'main.cjs'), 0o755);
  makeCodeCache(process.execPath, join(root, command));
}

function outputs() {
  return [command, library].flatMap((directory) => listFiles(directory, /./));
}

/** Quick when nothing has changed. */
export async function buildBundles() {
  const inputs = [...listFiles('dist/lib', /\.js$/), ...makers, 'package-lock.json'];
  const hash = hashFiles(inputs, process.versions.v8);
  const before = readJson(stamp);
  if (before?.hash === hash && before.files.every((file) => existsSync(join(root, file)))) {
    return;
  }
  const started = Date.now();
  for (const file of [...outputs(), 'dist/.bundles.json']) {
    rmSync(join(root, file), { force: true });
  }
  await bundle();
  writeFileSync(stamp, JSON.stringify({ hash, files: outputs() }));
  progress(`bundled the library and the command (${seconds(started)})`);
}
