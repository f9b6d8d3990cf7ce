// COMMAND [PLACE]: loads the part of the command that most subcommands share as lib/cli/shared-code.ts
// does, runs a program on a view of PLACE/lower, and writes what V8 has compiled by then. Without a
// place: says whether V8 accepts what was written.
const { readFileSync, writeFileSync } = require('node:fs');
const { Module } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const [command, place] = process.argv.slice(2);
const main = join(command, 'main.cjs');
const filename = join(command, 'run.cjs');
const text = Module.wrap(readFileSync(filename, 'latin1'));
const [version] = process.versions.v8.split('-');
const cache = join(command, `run-${process.arch}-v8-${version}.cache`);

if (place === undefined) {
  const { cachedDataRejected } = new Script(text, { filename, cachedData: readFileSync(cache) });
  process.exitCode = cachedDataRejected ? 1 : 0;
} else {
  const shared = new Module(filename);
  shared.filename = filename;
  require.cache[filename] = shared;
  const script = new Script(text, { filename });
  process.on('exit', () => {
    writeFileSync(cache, script.createCachedData());
    process.exitCode = 0; // what became of the program does not matter
  });
  const options = ['--dir', join(place, 'state'), '--lower', join(place, 'lower')];
  process.argv = [process.execPath, main, 'run', ...options, '--', 'true'];
  const own = Module.createRequire(main);
  script.runInThisContext().call(shared.exports, shared.exports, own, shared, filename, command);
  own(main);
}
