// Builds the binary that is published for this architecture and C library, into prebuilds/.
// The build is made in a copy: prebuildify moves its result out of build/, and a developer's own
// build must survive.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gypEnvironment } from './lib/addon.mjs';
import { addonNeeds } from './lib/addon-needs.mjs';
import { compilerLibc, glibcFloorFlags } from './lib/glibc-floor.mjs';
import { fail } from './lib/print.mjs';
import { root } from './lib/root.mjs';

// Only the version of the headers: a Node-API addon built for it runs on every later Node.js.
const TARGET = '20.19.0';

if (process.platform !== 'linux') {
  fail(`The addon is for Linux: there is nothing to build on ${process.platform}.`);
}

// Not in the system's temporary directory: prebuildify renames, which stays on one file system.
const cache = join(root, 'node_modules', '.cache', 'overlayfs');
mkdirSync(cache, { recursive: true });
const stage = mkdtempSync(join(cache, 'prebuild-'));
process.once('exit', () => rmSync(stage, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => process.exit(1));
}

try {
  prebuild();
} catch (error) {
  fail(error.message);
}

function prebuild() {
  // PREBUILD_ARCH is prebuildify's own variable; CC and CXX then name a cross compiler.
  const arch = process.env.PREBUILD_ARCH ?? process.arch;
  const env = gypEnvironment();
  const cc = (env.CC ?? 'cc').trim().split(/\s+/);
  const libc = compilerLibc(cc);
  const name = `overlayfs.${libc}.node`;
  const tuple = join('prebuilds', `linux-${arch}`);

  const built = join(stage, tuple, name);
  build({ ...env, ...linkerEnvironment(env, cc, libc) }, [`--arch=${arch}`, `--tag-libc=${libc}`]);
  const needs = publishable(built, arch, libc);
  if (arch === process.arch) {
    tryToLoad(built);
  }

  mkdirSync(join(root, tuple), { recursive: true });
  // A file without the name of a C library in its own would be loaded on every one of them.
  for (const file of readdirSync(join(root, tuple))) {
    if (!/^overlayfs\.(glibc|musl)\.node$/.test(file)) {
      rmSync(join(root, tuple, file), { recursive: true });
    }
  }
  renameSync(built, join(root, tuple, name));
  process.stdout.write(
    `${join(tuple, name)}: needs ${needs.glibc ?? 'musl'} and ${needs.libraries.join(', ')}\n`,
  );
}

function build(env, args) {
  for (const name of ['package.json', 'binding.gyp', 'native']) {
    cpSync(join(root, name), join(stage, name), { recursive: true });
  }
  const prebuildify = join(root, 'node_modules', 'prebuildify', 'bin.js');
  // Its default cache, for headers that had to be downloaded, is a directory in the system's /tmp.
  const headers = join(cache, 'headers');
  const fixed = ['--napi', '--strip', '-t', TARGET, '--name', 'overlayfs', '--cache', headers];
  execFileSync(process.execPath, [prebuildify, ...fixed, ...args], {
    cwd: stage,
    env,
    stdio: 'inherit',
  });
}

/** In the environment, so that binding.gyp and every ordinary build know nothing of all this. */
function linkerEnvironment(env, cc, libc) {
  const exported = join(stage, 'exports.map');
  // Our copy of the C++ library must not be mixed with that of Node.js or of another addon.
  writeFileSync(
    exported,
    '{ global: napi_register_module_v1; node_api_module_get_api_version_v1; local: *; };\n',
  );
  const link = [
    ...['-static-libstdc++', '-static-libgcc', `-Wl,--version-script=${exported}`],
    // now: a symbol that is missing fails the loading by name, instead of ending the process later.
    ...['-Wl,--gc-sections', '-Wl,--as-needed', '-Wl,-z,relro,-z,now'],
  ];
  if (libc === 'glibc') {
    const compat = join(root, 'native', 'compat', 'glibc.c');
    link.push(...glibcFloorFlags(cc, stage, compat));
  }
  const compile = ['-ffunction-sections', '-fdata-sections', `-ffile-prefix-map=${stage}=.`];
  const append = (before, flags) => [before, ...flags].filter(Boolean).join(' ');
  return { LDFLAGS: append(env.LDFLAGS, link), CXXFLAGS: append(env.CXXFLAGS, compile) };
}

function publishable(file, arch, libc) {
  const needs = addonNeeds(file);
  const problems = [...needs.problems];
  if (needs.machine !== arch || needs.libc !== libc) {
    problems.push(`is for ${needs.machine} and ${needs.libc}, not for ${arch} and ${libc}`);
  }
  if (problems.length > 0) {
    const lines = problems.map((problem) => `\n  it ${problem}`);
    throw new Error(`The addon that was built cannot be published:${lines.join('')}`);
  }
  return needs;
}

function tryToLoad(file) {
  const script = 'process.dlopen({ exports: {} }, process.argv[1])';
  try {
    execFileSync(process.execPath, ['-e', script, file], { stdio: 'pipe' });
  } catch (error) {
    throw new Error(`The addon that was built cannot be loaded here:\n${error.stderr}`, {
      cause: error,
    });
  }
}
