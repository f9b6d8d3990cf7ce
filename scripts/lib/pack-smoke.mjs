// Copied into a project that has only the packed package, and run there: one real overlay from
// mount to close. argv[2] is an empty directory, argv[3] says how the package is loaded.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [, , area, how] = process.argv;
const load = { import: (name) => import(name), require: createRequire(import.meta.url) };
const { mountOverlay } = await load[how]('overlayfs');

const [lower, upper, target] = ['lower', 'upper', 'merged'].map((name) => join(area, name));
for (const directory of [lower, upper, target]) {
  mkdirSync(directory);
}
writeFileSync(join(lower, 'kept'), 'kept');
writeFileSync(join(lower, 'doomed'), 'doomed');

const overlay = await mountOverlay({ lower: [lower], upper, target });
assert.equal(readFileSync(join(target, 'kept'), 'utf8'), 'kept');
writeFileSync(join(target, 'written'), 'written');
rmSync(join(target, 'doomed'));

const seen = [];
for await (const change of overlay.changes()) {
  seen.push(`${change.kind} ${change.path}`);
}
assert.deepEqual(seen, ['deleted doomed', 'added written']);

await overlay.close();
assert.deepEqual(readdirSync(target), []);
assert.ok(existsSync(join(lower, 'doomed')), 'the lower directory was changed');
const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
assert.ok(!mounts.includes(` ${target} `), 'the overlay is still mounted');
