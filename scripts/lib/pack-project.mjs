// An empty project, on a machine without a compiler as far as PATH can tell, that gets the package.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, execute, plainEnvironment } from './checks.mjs';
import { root } from './root.mjs';
import { which } from './tools.mjs';

const AVAILABLE = ['npm', 'sh', 'unshare', 'mount'];
const ABSENT = ['cc', 'c++', 'gcc', 'g++', 'clang', 'make', 'python', 'python3', 'node-gyp'];
const QUIET = ['--prefer-offline', '--no-audit', '--no-fund'];

// Prints the error of a mount as JSON; its properties are those that a user can see.
const REFUSED = `import { mountOverlay } from 'overlayfs';
const [, , lower, upper, target] = process.argv;
const error = await mountOverlay({ lower: [lower], upper, target }).then(() => undefined, (e) => e);
const { code, message, hint, cause } = error ?? {};
const rejected = error instanceof Error;
console.log(JSON.stringify({ rejected, code, message, hint, cause: cause?.message }));
`;

export class PackProject {
  /** Everything lies below this directory. */
  temporary = mkdtempSync(join(tmpdir(), 'overlayfs-pack-'));
  #directory = join(this.temporary, 'project');
  #bin = join(this.temporary, 'bin');
  /** The installed package. */
  installed = join(this.#directory, 'node_modules', 'overlayfs');

  remove() {
    rmSync(this.temporary, { recursive: true, force: true });
  }

  /** Runs a program in the project. PREBUILDS_ONLY: no stray build may stand in for the binary. */
  #run(command, args) {
    const env = plainEnvironment({ PATH: this.#bin, PREBUILDS_ONLY: '1' });
    return execute(command, args, { cwd: this.#directory, env, timeout: 120_000 });
  }

  async create() {
    mkdirSync(this.#directory);
    mkdirSync(this.#bin);
    symlinkSync(process.execPath, join(this.#bin, 'node'));
    for (const name of AVAILABLE) {
      const path = which(name);
      assert(path, `${name} is not installed`);
      symlinkSync(realpathSync(path), join(this.#bin, name));
    }
    const script = `for tool in ${ABSENT.join(' ')}; do command -v $tool; done; true`;
    const found = (await this.#run('sh', ['-c', script])).trim();
    assert(found === '', `found in it: ${found}`);
    return true;
  }

  async install(tarball) {
    writeFileSync(join(this.#directory, 'package.json'), '{ "private": true }\n');
    await this.#run('npm', ['install', '--ignore-scripts', ...QUIET, tarball]);
    this.#assertNothingRan();
    cpSync(join(root, 'scripts/lib/pack-smoke.mjs'), join(this.#directory, 'smoke.mjs'));
    writeFileSync(join(this.#directory, 'refused.mjs'), REFUSED);
    return true;
  }

  /** With a lockfile npm decides anew whether a package has to be compiled. */
  async reinstallWithScripts() {
    await this.#run('npm', ['ci', '--ignore-scripts=false', ...QUIET]);
    this.#assertNothingRan();
  }

  #assertNothingRan() {
    const lock = readFileSync(join(this.#directory, 'package-lock.json'), 'utf8');
    const { packages } = JSON.parse(lock);
    const scripts = Object.keys(packages).filter((name) => packages[name].hasInstallScript);
    assert(scripts.length === 0, `npm sees install scripts in ${scripts.join(', ')}`);
    assert(!existsSync(join(this.installed, 'build')), 'the installation compiled something');
  }

  /** Mounts an overlay in a mount namespace of its own; `how` is `import` or `require`. */
  async mount(node, how) {
    // A file system of its own: /tmp may be an overlay, which cannot hold an upper layer. It ends
    // with the namespace.
    const area = mkdtempSync(join(this.temporary, 'area-'));
    const user = process.getuid() === 0 ? [] : ['--user', '--map-root-user'];
    const script = 'mount -t tmpfs overlayfs-pack "$1" && exec "$2" smoke.mjs "$1" "$3"';
    const words = [...user, '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
    await this.#run('unshare', [...words, area, node, how]);
    return true;
  }

  /** The error of a mount that has to fail; `setup` is a script that runs first. */
  async refusal(setup = '') {
    writeFileSync(join(this.#directory, 'setup.cjs'), setup);
    const area = mkdtempSync(join(this.temporary, 'area-'));
    const directories = ['lower', 'upper', 'merged'].map((name) => join(area, name));
    for (const directory of directories) {
      mkdirSync(directory);
    }
    const args = ['--require', './setup.cjs', 'refused.mjs', ...directories];
    const error = JSON.parse(await this.#run('node', args));
    assert(error.rejected, 'mountOverlay() did not reject');
    return error;
  }

  /** Runs `body` while the installed prebuilds are changed by `damage`. */
  async withDamage(damage, body) {
    const [kept, place] = [join(this.temporary, 'prebuilds'), join(this.installed, 'prebuilds')];
    cpSync(place, kept, { recursive: true });
    try {
      damage(place);
      return await body();
    } finally {
      rmSync(place, { recursive: true, force: true });
      renameSync(kept, place);
    }
  }
}
