// What is wrong on a command line is said in one sentence, with exit code 2; what fails has exit code 1;
// and neither leaves anything behind.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { overlayfs } from './helpers/command.ts';
import { Place } from './helpers/place.ts';

/** The arguments, and the sentence. A command comes first in both of its places. */
const commands = ['mount', 'umount', 'refresh', 'list', 'diff', 'scan', 'doctor', 'help'];

const mistakes: readonly (readonly [line: string, sentence: string])[] = [
  ['', 'a command is missing'],
  ['--', 'a command is missing'],
  ['bogus', "there is no command 'bogus'"],
  ['constructor', "there is no command 'constructor'"],
  ['EMPTY', "there is no command ''"],
  ['--bogus', 'there is no option --bogus'],
  ['--json list', 'there is no option --json'],
  ['--version=1', '--version takes no value'],
  ['--version x', "'x' is one argument too many"],
  ['help bogus', "there is no command 'bogus'"],
  ['help list diff', "'diff' is one argument too many"],
  ['help --bogus', 'there is no option --bogus'],

  ['mount', 'TARGET is missing'],
  ['mount --lower lower', 'TARGET is missing'],
  ['mount target', 'at least one --lower DIR is needed'],
  ['mount --upper new target', 'at least one --lower DIR is needed'],
  ['mount --lower lower --upper new target more', "'more' is one argument too many"],
  ['mount --lower', '--lower needs a value'],
  ['mount --upper new --lower lower --work', '--work needs a value'],
  [
    'mount --lower --upper new target',
    '--lower needs a value; one that begins with a dash is given as --lower=--upper',
  ],
  ['mount --lower= --upper new target', '--lower must not be empty'],
  ['mount --lower EMPTY --upper new target', '--lower must not be empty'],
  ['mount --lower lower --upper EMPTY target', '--upper must not be empty'],
  ['mount --lower lower --upper new --work EMPTY target', '--work must not be empty'],
  ['mount --lower lower --upper new EMPTY', 'TARGET must not be empty'],
  [
    'mount --lower lower --work work target',
    '--work needs --upper: a read-only overlay has no use for it',
  ],
  ['mount --lower lower --upper new --upper other target', '--upper can be given once only'],
  ['mount --lower lower --upper new --work a --work=a target', '--work can be given once only'],
  ['mount --lower lower --upper new --bogus target', 'there is no option --bogus'],
  ['mount --lower=-dash --upper new --bogus target', 'there is no option --bogus'],
  ['mount --lower lower --upper new -0 target', 'there is no option -0'],
  ['mount --lower lower --upper new --userxattr=1 target', '--userxattr takes no value'],

  ['umount', 'TARGET is missing'],
  ['umount EMPTY', 'TARGET must not be empty'],
  ['umount target more', "'more' is one argument too many"],
  ['umount --json target', 'there is no option --json'],
  ['umount --lazy=yes target', '--lazy takes no value'],
  ['umount --id 5 target', "'target' is one argument too many"],
  ['umount --id 0', "--id must be a positive number, but is '0'"],
  ['umount --id 0x10', "--id must be a positive number, but is '0x10'"],
  [
    'umount --id 99999999999999999999',
    "--id must be a positive number, but is '99999999999999999999'",
  ],
  ['umount --retry no target', "--retry must be a positive number, but is 'no'"],
  ['umount --retry target', "--retry must be a positive number, but is 'target'"],

  ['refresh', 'TARGET is missing'],
  ['refresh target more', "'more' is one argument too many"],
  ['refresh --lazy target', 'there is no option --lazy'],

  ['diff --threads 0', "--threads must be a number from 1 to 64, but is '0'"],
  ['diff --threads 65', "--threads must be a number from 1 to 64, but is '65'"],
  ['diff --threads all', "--threads must be a number from 1 to 64, but is 'all'"],
  ['list target', "'target' is one argument too many"],
  ['mount --lower lower --tmpfs --upper upper target', '--upper and --tmpfs exclude each other'],
  ['mount --lower lower --upper upper --tmpfs-size 1M target', '--tmpfs-size needs --tmpfs'],
  [
    'mount --lower lower --tmpfs --tmpfs-size much target',
    "--tmpfs-size must be a whole number of bytes, or one with K, M or G (500M), but is 'much'",
  ],
  [
    'mount --lower lower --upper upper --redirect-dir off target',
    "--redirect-dir must be one of on, follow, nofollow, but is 'off'",
  ],
  [
    'mount --lower lower --volatile target',
    '--volatile needs --upper: a read-only overlay has no use for it',
  ],
  ['list --json -0', '--json and -0 exclude each other'],
  ['list -0x', 'there is no option -x'],
  ['list --__proto__', 'there is no option --__proto__'],

  [
    'diff',
    'no overlay with an upper covers the current directory; give a TARGET, or --upper and --lower',
  ],
  ['diff EMPTY', 'TARGET must not be empty'],
  ['diff target more', "'more' is one argument too many"],
  ['diff --lower lower target', 'TARGET and the layers (--upper, --lower) exclude each other'],
  ['diff --upper upper target', 'TARGET and the layers (--upper, --lower) exclude each other'],
  ['diff --lower lower', '--lower needs --upper'],
  ['diff --upper upper', '--upper needs at least one --lower DIR'],
  ['diff --upper upper --upper upper --lower lower', '--upper can be given once only'],
  ['diff --upper EMPTY --lower lower', '--upper must not be empty'],
  ['diff --upper upper --lower lower --lower EMPTY', '--lower must not be empty'],
  [
    'diff --userxattr target',
    '--userxattr goes with --upper and --lower; of a mounted overlay the kernel knows it',
  ],
  ['diff --json --null target', '--json and -0 exclude each other'],
  ['diff --json --name-status target', '--json and --name-status exclude each other'],
  [
    'diff --content sometimes target',
    "--content must be one of auto, always, never, but is 'sometimes'",
  ],
  ['diff --content EMPTY target', "--content must be one of auto, always, never, but is ''"],
  ['diff --content auto --content never target', '--content can be given once only'],
  [
    'diff --ignore links,time target',
    "--ignore must be one of type, content, mode, owner, xattrs, times, device, target, links, but is 'time'",
  ],
  [
    'diff --ignore links --ignore EMPTY target',
    "--ignore must be one of type, content, mode, owner, xattrs, times, device, target, links, but is ''",
  ],
  ['diff --bogus=1', 'there is no option --bogus'],

  ['doctor target', 'at least one --lower DIR is needed'],
  ['doctor --upper new', 'at least one --lower DIR is needed'],
  [
    'doctor --lower lower --work work',
    '--work needs --upper: a read-only overlay has no use for it',
  ],
  ['doctor --lower lower target more', "'more' is one argument too many"],
  ['doctor --json=yes', '--json takes no value'],
  ['doctor -0', 'there is no option -0'],

  ['scan', 'DIR is missing'],
  ['scan EMPTY', 'DIR must not be empty'],
  ['scan upper lower', "'lower' is one argument too many"],
  ['scan --json -0 upper', '--json and -0 exclude each other'],
  ['scan --expand upper', 'there is no option --expand'],
];

function wordsOf(line: string): string[] {
  return line === '' ? [] : line.split(' ').map((word) => word.replace('EMPTY', ''));
}

for (const [line, sentence] of mistakes) {
  test(`wrong usage: overlayfs ${line}`, async (t) => {
    using place = new Place('lower', 'upper', 'target');
    const words = wordsOf(line);
    const { status, stdout, stderr } = await overlayfs(words, { cwd: place.base });
    const [command = ''] = words;
    const known = commands.includes(command);
    const hint = known ? `overlayfs ${command} --help` : 'overlayfs --help';
    t.is(stderr, `overlayfs: ${sentence}\nTry '${hint}'\n`);
    t.is(status, 2);
    t.is(stdout.toString(), '');
    t.deepEqual(readdirSync(place.base).sort(), ['lower', 'target', 'upper']);
    t.deepEqual(place.overlays(), []);
  });
}

const failures: readonly (readonly [line: string, message: RegExp])[] = [
  ['mount --lower absent --upper new target', /^ENOENT: .*absent': this lower directory does not/],
  ['mount --lower lower --upper new absent', /^ENOENT: .*absent': the mount point does not exist/],
  ['mount --lower lower --upper file target', /^ENOTDIR: .*file': the upper has to be a directory/],
  ['mount --lower lower --upper a/b target', /^ENOENT: /],
  ['mount --lower lower target', /^EINVAL: .*at least two lowers/],
  ['mount --lower lower --upper new --work new/w target', /^EINVAL: .*put it beside the upper/],
  ['umount target', /^EINVAL: .*target': nothing is mounted there/],
  ['umount absent', /^ENOENT: .*absent'/],
  ['umount --any --lazy --force target', /^EINVAL: .*target'/],
  ['umount --recursive --all target', /^EINVAL: .*target': nothing is mounted there/],
  ['umount --id 1', /^EINVAL: invalid argument, umount2: no mount of this namespace has this id/],
  ['refresh target', /^EINVAL: .*target': no overlay is mounted there/],
  ['refresh absent', /^ENOENT: .*absent'/],
  ['diff target', /^EINVAL: .*target'/],
  ['diff absent', /^ENOENT: .*absent'/],
  ['diff --userxattr --upper absent --lower lower', /^ENOENT: .*absent'/],
  ['diff --userxattr --upper upper --lower file', /^ENOTDIR: .*file'/],
  ['scan --userxattr absent', /^ENOENT: .*absent'/],
  ['scan --userxattr file', /^ENOTDIR: .*file'/],
];

for (const [line, message] of failures) {
  test(`failure: overlayfs ${line}`, async (t) => {
    using place = new Place('lower', 'upper', 'target');
    writeFileSync(place.at('file'), '');
    const { status, stdout, stderr } = await overlayfs(wordsOf(line), { cwd: place.base });
    t.is(status, 1);
    t.regex(stderr, /^overlayfs: [^\n]*\n$/, 'one line, without a stack');
    t.regex(stderr.slice('overlayfs: '.length), message);
    t.is(stdout.toString(), '');
    t.deepEqual(readdirSync(place.base).sort(), ['file', 'lower', 'target', 'upper']);
    t.deepEqual(place.overlays(), []);
  });
}

test('without its addon the command says why', async (t) => {
  using place = new Place('lower', 'target');
  // node-gyp-build looks there instead.
  const env = { ...process.env, OVERLAYFS_PREBUILD: place.base };
  const { status, stderr } = await overlayfs(['list'], { env });
  t.is(status, 1);
  t.regex(
    stderr,
    /^overlayfs: the native addon .* could not be loaded: .*install it anew.*No native build was found/,
  );
  t.notRegex(stderr, /\n {4}at /);
});

test('every option that help names is known', async (t) => {
  for (const command of commands) {
    const text = (await overlayfs([command, '--help'])).stdout.toString();
    const named = [...text.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)( [A-Z])?/gm)];
    t.true(named.length > 0);
    const given = named.map(([, option, value]) => (value ? `${option}=x` : `${option}`));
    const wanted = given.filter((option) => option !== '--help');
    const { stderr } = await overlayfs([command, ...wanted, '--last']);
    t.true(stderr.startsWith('overlayfs: there is no option --last\n'), `${command}: ${stderr}`);
  }
});

test('a path that looks like an option comes after --', async (t) => {
  using place = new Place('lower', '--help');
  const args = ['scan', '--userxattr', '-0', '--', '--help'];
  const { status, stdout } = await overlayfs(args, { cwd: place.base });
  t.deepEqual([status, stdout.toString()], [0, '.\0']);
  mkdirSync(place.at('--help/x'));
  const diff = ['diff', '--userxattr', '--upper=--help', '--lower=lower'];
  t.is((await overlayfs(diff, { cwd: place.base })).stdout.toString(), 'A  x  [directory]\n');
});
