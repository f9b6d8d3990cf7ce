// What Node has to load before the command does anything is most of its start-up. Files and parts of Node are
// counted, not milliseconds: those depend on the machine and on what else it does.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import test from 'ava';
import * as library from 'overlayfs';
import { codeCacheOf, compileShared } from '../lib/cli/shared-code.ts';
import * as compiled from '../lib/index.ts';
import { program, version } from './helpers/command.ts';
import { SandboxPlace } from './helpers/sandbox-place.ts';

/** Prints what was loaded when the command ends, on descriptor 2. */
const watcher = `data:text/javascript,${encodeURIComponent(`
  import { createRequire } from 'node:module';
  import { writeSync } from 'node:fs';
  const before = new Set(process.moduleLoadList);
  const { cache } = createRequire(process.argv[1]);
  process.on('exit', () => {
    const files = Object.keys(cache);
    const parts = process.moduleLoadList.filter((name) => !before.has(name));
    writeSync(2, JSON.stringify({ files, parts }));
  });
`)}`;

interface Loaded {
  readonly files: readonly string[];
  /** Of Node. */
  readonly parts: readonly string[];
}

function loadedBy(args: readonly string[], cwd = '/'): Loaded {
  const script = '"$@" 2>&1 >/dev/null';
  const words = ['-c', script, 'sh', process.execPath, '--import', watcher, program, ...args];
  const { files, parts } = JSON.parse(execFileSync('sh', words, { cwd }).toString()) as Loaded;
  return { files: files.map((file) => basename(file)), parts };
}

test('help and version load two files at most, and not the addon', (t) => {
  t.deepEqual(loadedBy(['--help']).files, ['main.cjs', 'help.cjs']);
  t.deepEqual(loadedBy(['run', '--help']).files, ['main.cjs', 'help.cjs']);
  t.deepEqual(loadedBy(['--version']).files, ['main.cjs', 'package.json']);
});

test('run loads the addon and two files of ours, and of Node nothing big', (t) => {
  using place = new SandboxPlace();
  const { files, parts } = loadedBy(['run', '--dir', place.state, 'true'], place.lower);
  const ours = files.filter((file) => file.endsWith('.cjs'));
  t.deepEqual(ours, ['main.cjs', 'run.cjs']);
  t.is(files.filter((file) => file.endsWith('.node')).length, 1);
  t.true(files.length <= 5, files.join()); // node-gyp-build looks into package.json
  const big = parts.filter((part) =>
    /^NativeModule (crypto|net|perf_hooks|worker_threads|fs\/promises)$/.test(part),
  );
  t.deepEqual(big, []);
});

const shared = join(dirname(program), 'run.cjs');

test('what V8 has made of the shared part is good for this release, and no other text', (t) => {
  using place = new SandboxPlace();
  const cachedData = readFileSync(codeCacheOf(shared));
  t.false(compileShared(shared, cachedData).cachedDataRejected);
  const other = place.at('other.cjs');
  writeFileSync(other, `${readFileSync(shared, 'latin1')} `);
  t.true(compileShared(other, cachedData).cachedDataRejected);
});

/** The command in a package of its own, beside which `change` may do anything. */
function copied(place: SandboxPlace, change: (cache: string) => void): string {
  const root = join(dirname(program), '../..');
  const copy = place.at('package');
  cpSync(dirname(program), join(copy, 'dist/command'), { recursive: true });
  for (const name of ['package.json', 'node_modules', 'build', 'prebuilds']) {
    symlinkSync(join(root, name), join(copy, name));
  }
  change(codeCacheOf(join(copy, 'dist/command/run.cjs')));
  return join(copy, 'dist/command', basename(program));
}

for (const [what, change] of [
  ['whole', () => undefined],
  ['missing', (cache) => rmSync(cache)],
  ['empty', (cache) => truncateSync(cache)],
  ['cut off', (cache) => truncateSync(cache, 5000)],
  ['not what V8 makes', (cache) => writeFileSync(cache, Buffer.alloc(5000, 'x'))],
] as [string, (cache: string) => void][]) {
  test(`the command works where its compiled code is ${what}`, (t) => {
    using place = new SandboxPlace();
    const command = copied(place, change);
    const words = ['run', '--dir', place.state, '--', 'sh', '-c', 'echo > file; ls'];
    t.is(
      execFileSync(process.execPath, [command, ...words], { cwd: place.lower }).toString(),
      'file\n',
    );
    t.deepEqual(readdirSync(place.lower), []);
    const wrong = spawnSync(process.execPath, [command, 'discard', '--dir', place.state, 'none']);
    t.regex(`${wrong.stderr}`, /there is no session 'none'/);
  });
}

test('the command says the version of the package', (t) => {
  t.is(execFileSync(process.execPath, [program, '--version']).toString(), `${version}\n`);
});

test('the library is the same for import and require, and whole', (t) => {
  const required = createRequire(import.meta.url)('overlayfs') as typeof library;
  t.is(required.OverlayError, library.OverlayError);
  t.is(required.Sandbox, library.Sandbox);
  t.deepEqual(Object.keys(library), Object.keys(compiled));
  t.deepEqual(Object.keys(library.syscalls), Object.keys(compiled.syscalls));
});
