// What the command tells an ordinary user outside any namespace.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { overlayfs, version } from './helpers/command.ts';

let base = '';

test.before(() => {
  base = mkdtempSync(join(tmpdir(), 'overlayfs-test-plain-'));
  for (const name of ['lower', 'target', 'upper']) {
    mkdirSync(join(base, name));
  }
  writeFileSync(join(base, 'upper/new'), '');
});

test.after.always(() => rmSync(base, { recursive: true, force: true }));

const refusals: readonly (readonly [line: string, message: RegExp])[] = [
  ['mount --lower lower --upper fresh target', /^EPERM: .*unshare --user --map-root-user --mount/],
  ['umount --any /proc', /^EPERM: .*umount2 '\/proc'/],
  ['diff --upper upper --lower lower', /^EPERM: .*run as root.*`--userxattr`/],
  ['scan upper', /^EPERM: .*run as root.*`--userxattr`/],
];

for (const [line, message] of refusals) {
  test(`refused: overlayfs ${line}`, async (t) => {
    const { status, stdout, stderr } = await overlayfs(line.split(' '), { cwd: base });
    t.is(status, 1);
    t.is(stdout.toString(), '');
    t.regex(stderr, /^overlayfs: [^\n]*\n$/);
    t.regex(stderr.slice('overlayfs: '.length), message);
    t.deepEqual(readdirSync(base).sort(), ['lower', 'target', 'upper']);
  });
}

test('what needs no privilege works', async (t) => {
  const works: readonly (readonly [line: string, output: string])[] = [
    ['diff --userxattr --upper upper --lower lower', 'A  new\n'],
    ['scan --userxattr -0 upper', '.\0new\0'],
    ['--version', `${version}\n`],
  ];
  for (const [line, output] of works) {
    const { status, stdout, stderr } = await overlayfs(line.split(' '), { cwd: base });
    t.deepEqual([status, stdout.toString(), stderr], [0, output, ''], line);
  }
  t.is((await overlayfs(['list'])).status, 0);
});
