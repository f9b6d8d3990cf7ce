// COMMAND [PLACE]: loads the part of the command that most subcommands share, runs a program on a view of
// PLACE/lower, and writes what V8 has compiled by then. Without a place: says whether V8 accepts what was
// written.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { join } from 'node:path';
import { codeCacheOf, compileShared, runShared } from '../../dist/lib/cli/shared-code.js';

const [command, place] = process.argv.slice(2);
const path = join(command, 'run.cjs');

if (place === undefined) {
  const { cachedDataRejected } = compileShared(path, readFileSync(codeCacheOf(path)));
  process.exitCode = cachedDataRejected ? 1 : 0;
} else {
  const script = compileShared(path);
  process.on('exit', () => {
    writeFileSync(codeCacheOf(path), script.createCachedData());
    process.exitCode = 0; // what became of the program does not matter
  });
  const main = join(command, 'main.cjs');
  const options = ['--dir', join(place, 'state'), '--lower', join(place, 'lower')];
  process.argv = [process.execPath, main, 'run', ...options, '--', 'true'];
  const own = createRequire(main);
  runShared(path, script, new Module(path), own);
  own(main);
}
