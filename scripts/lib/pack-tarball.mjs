// What the published tarball must and must not hold.
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { assert, execute, plainEnvironment } from './checks.mjs';

const REQUIRED = [
  /^package\.json$/,
  /^README\.md$/,
  /^LICENSE$/,
  /^dist\/library\/index\.js$/,
  /^dist\/command\/main\.cjs$/,
  /^dist\/lib\/index\.d\.ts$/,
  new RegExp(`^prebuilds/linux-${process.arch}/.*\\.node$`),
];
// With a binding.gyp in it, npm and pnpm compile the package of a consumer in spite of `gypfile`.
const FORBIDDEN =
  /^(binding\.gyp|\.|(native|lib|test|bench|examples|scripts|build|node_modules)\/|dist\/(?!command\/|lib\/|library\/))|\.test\./;
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepublish', 'prepare'];

/** Packs the package in the current directory into `directory`; resolves to the tarball's path. */
export async function packTarball(directory, say) {
  const args = ['pack', '--ignore-scripts', '--pack-destination', directory];
  await execute('npm', args, { env: plainEnvironment() });
  const name = readdirSync(directory).find((file) => file.endsWith('.tgz'));
  const tarball = join(directory, name);
  const files = (await execute('tar', ['-tzf', tarball]))
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''));
  say(`${basename(tarball)}: ${files.length} files, ${statSync(tarball).size} bytes`);

  const absent = REQUIRED.filter((wanted) => !files.some((file) => wanted.test(file)));
  assert(absent.length === 0, `missing: ${absent.map((pattern) => pattern.source).join(', ')}`);
  const surplus = files.filter((file) => FORBIDDEN.test(file));
  assert(surplus.length === 0, `does not belong into the package: ${surplus.join(', ')}`);

  const manifest = JSON.parse(await execute('tar', ['-xzOf', tarball, 'package/package.json']));
  const scripts = INSTALL_SCRIPTS.filter((script) => manifest.scripts?.[script]);
  assert(scripts.length === 0, `has scripts that an installation runs: ${scripts.join(', ')}`);
  assert(manifest.gypfile === false, 'gypfile is not false: publishing adds an install script');
  return tarball;
}
