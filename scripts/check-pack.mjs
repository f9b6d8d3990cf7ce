// Packs the package as it would be published, installs it into an empty project where nothing can
// be compiled, and mounts an overlay from there on every supported release line of Node.js.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addonNeeds } from './lib/addon-needs.mjs';
import { assert, Checks, execute } from './lib/checks.mjs';
import { checkCodeCache } from './lib/code-cache.mjs';
import { listFiles } from './lib/files.mjs';
import { GLIBC_FLOOR } from './lib/glibc-floor.mjs';
import { nodeVersions } from './lib/node-versions.mjs';
import { PackProject } from './lib/pack-project.mjs';
import { packTarball } from './lib/pack-tarball.mjs';
import { fail } from './lib/print.mjs';
import { root } from './lib/root.mjs';

if (process.platform !== 'linux') {
  fail('check:pack mounts overlays, which exist on Linux only.');
}

const own = `prebuilds/linux-${process.arch}`;
const checks = new Checks();
const project = new PackProject();

process.chdir(root);
process.once('exit', () => project.remove());
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => process.exit(1));
}
await checkPackage();
checks.finish();

/** Each step needs the ones before it; the last four do not need each other. */
async function checkPackage() {
  if (!(await checks.check('the build and the prebuild are up to date', bringUpToDate))) {
    return;
  }
  for (const file of prebuilds()) {
    await checks.check(`${file} runs on old systems`, (say) => checkNeeds(file, say));
  }
  const tarball = await checks.check(
    'the tarball of npm pack holds what it must and nothing else',
    (say) => packTarball(project.temporary, say),
  );
  if (!tarball) {
    return;
  }
  await checks.check('publint --strict', () =>
    execute('node_modules/.bin/publint', ['run', tarball, '--strict']),
  );
  const steps = [
    ['a project whose PATH has no compiler, make or python', () => project.create()],
    ['npm install there, with install scripts disabled', () => project.install(tarball)],
  ];
  for (const [name, body] of steps) {
    if (!(await checks.check(name, body))) {
      return;
    }
  }
  await checks.check('npm ci there, with install scripts enabled, runs none', () =>
    project.reinstallWithScripts(),
  );
  await mountEverywhere();
  await checkOtherSystem();
  await checkDamage();
  await checks.check('no mount is left', () => {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    assert(!mounts.includes(project.temporary), `there is one below ${project.temporary}`);
  });
}

function prebuilds() {
  return listFiles('prebuilds', /\.node$/);
}

async function bringUpToDate(say) {
  await execute(process.execPath, ['scripts/build.mjs'], { timeout: 900_000 });
  const sources = [
    'binding.gyp',
    'scripts/prebuild.mjs',
    ...['elf', 'glibc-floor', 'addon-needs'].map((name) => `scripts/lib/${name}.mjs`),
    ...listFiles('native', /\.(cc?|h)$/).filter((file) => !file.startsWith('native/test/')),
  ];
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  const present = prebuilds().filter((file) => file.startsWith(`${own}/`));
  if (present.length === 0 || present.some((file) => statSync(file).mtimeMs < newest)) {
    say(`${own} was built`);
    await execute(process.execPath, ['scripts/prebuild.mjs'], { timeout: 900_000 });
  }
  await execute(process.execPath, ['scripts/code-cache.mjs'], { timeout: 900_000 });
  return true;
}

function checkNeeds(file, say) {
  const { glibc, libraries, problems } = addonNeeds(file);
  if (glibc) {
    say(`needs ${glibc} at most (allowed: ${GLIBC_FLOOR}); libstdc++ is linked in`);
  }
  say(`${statSync(file).size} bytes; libraries: ${libraries.join(', ')}`);
  assert(problems.length === 0, problems.map((problem) => `it ${problem}`).join('\n'));
}

async function mountEverywhere() {
  const rows = [['node', 'import', 'require']];
  const cache = join(root, 'node_modules/.cache/overlayfs/nodes');
  for (const { version, node, missing } of await nodeVersions(cache)) {
    const row = [version];
    for (const how of ['import', 'require']) {
      const name = `Node.js ${version}, ${how}: mount, write, delete, list the changes, close`;
      const mounted = missing
        ? await checks.fail(name, missing)
        : await checks.check(name, () => project.mount(node, how));
      row.push(mounted ? 'ok' : 'FAILED');
    }
    if (node) {
      await checks.check(`Node.js ${version}: the command is compiled already`, () =>
        checkCodeCache(node, join(project.installed, 'dist/command')),
      );
    }
    rows.push(row);
  }
  const table = rows.map((row) => `     ${row.map((cell) => cell.padEnd(10)).join('')}`.trimEnd());
  process.stdout.write(`\n${table.join('\n')}\n\n`);
}

async function checkOtherSystem() {
  await checks.check('another system: import works, a mount is refused', async (say) => {
    const disguise = "Object.defineProperty(process, 'platform', { value: 'darwin' });";
    const { code, message } = await project.refusal(disguise);
    say(`${code}: ${message}`);
    assert(code === 'ENOSYS', 'its code is not ENOSYS');
    const sentence = /linux/i.test(message) && message.split(' ').length > 4;
    assert(sentence, 'its message is not a sentence that says what is needed');
  });
}

async function checkDamage() {
  const cases = {
    'no prebuild for this machine': (place) => rmSync(place, { recursive: true }),
    'a prebuild that cannot be loaded': (place) => {
      const directory = join(place, `linux-${process.arch}`);
      for (const file of readdirSync(directory)) {
        writeFileSync(join(directory, file), 'this is no ELF file');
      }
    },
  };
  for (const [name, damage] of Object.entries(cases)) {
    await checks.check(`${name}: the error names the cause and the way out`, async (say) => {
      const error = await project.withDamage(damage, () => project.refusal());
      const { code, message, hint, cause } = error;
      say([`${code}: ${message}`, hint, cause && `cause: ${cause}`].filter(Boolean).join('\n'));
      const text = `${message} ${hint}`;
      const what = /addon|binary|prebuil|native/i.test(text) && text.includes(process.arch);
      assert(what, 'it does not say what is missing');
      assert(/build|install/i.test(text), 'it does not say what to do');
      assert(cause, "the loader's own error is not its cause");
    });
  }
}
