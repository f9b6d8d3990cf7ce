// An ordinary user's sessions, where files of somebody else are in the way: root makes them so.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { program } from './helpers/command.ts';
import { asRoot } from './helpers/place.ts';
import { SandboxPlace } from './helpers/sandbox-place.ts';

const user = 1234;
const library = new URL('../lib/index.js', import.meta.url).href;
/** An apply that is told to stop when it has begun to change names. */
const abortInTheMiddle = `import { applySession } from '${library}';
const controller = new AbortController();
await applySession('three', {
  directory: process.argv[1],
  signal: controller.signal,
  onProgress: () => controller.abort(),
}).catch((error) => console.log(error.code));`;
const onlyRoot = asRoot ? test.serial : test.serial.skip;

/** Directories that the user can get into. */
function openUp(path: string): void {
  for (let at = path; at !== '/'; at = dirname(at)) {
    const mode = statSync(at).mode & 0o7777;
    if ((mode & 0o011) !== 0o011) chmodSync(at, mode | 0o011);
  }
}

interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the command says to that user. */
function asUser(place: SandboxPlace, ...words: readonly string[]): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], {
    cwd: place.lower,
    uid: user,
    gid: user,
    env: { PATH: process.env.PATH, HOME: place.base },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** A directory of root in which everybody may write, and a session of the user on it. */
function prepared(t: ExecutionContext): SandboxPlace {
  const place = new SandboxPlace();
  openUp(place.base);
  chmodSync(place.lower, 0o777);
  writeFileSync(place.at('lower/gone'), '');
  mkdirSync(place.state);
  chownSync(place.state, user, user);
  const words = [
    'run',
    '--dir',
    place.state,
    '--name',
    'one',
    '--',
    'sh',
    '-c',
    'mkdir d; rm gone',
  ];
  const { status, stderr } = asUser(place, ...words);
  t.is(status, 0, stderr);
  t.regex(stderr, /^overlayfs: warning: .* owner of the lower \(uid 0, gid 0\).*EOVERFLOW.*root/);
  chownSync(place.at('state/one/0/upper/d'), 55, 66);
  writeFileSync(place.at('state/one/0/upper/d/f'), '');
  return place;
}

onlyRoot('what belongs to somebody else is named with its owner [root only]', (t) => {
  using place = prepared(t);
  const dir = ['--dir', place.state];
  const upper = place.at('state/one/0/upper');
  const applied = asUser(place, 'apply', ...dir, 'one');
  t.is(applied.status, 1);
  t.regex(applied.stderr, /fchownat '.*\/lower\/d': it belongs to uid 55, gid 66, .*as root/);
  t.regex(applied.stderr, /nothing was changed/);
  t.true(existsSync(place.at('lower/gone')));
  const cloned = asUser(place, 'sessions', 'clone', ...dir, 'one', 'two');
  t.is(cloned.status, 1);
  t.regex(cloned.stderr, /it belongs to (?:uid 55, gid 66|uid 0, gid 0), .*as root/);
  t.deepEqual(place.sessions(), ['one']);
  const discarded = asUser(place, 'discard', ...dir, 'one');
  t.is(discarded.status, 1);
  const owned = /unlinkat '(.*)': it, or the directory that it is in, belongs to uid 55, gid 66; /;
  const [, path = ''] = owned.exec(discarded.stderr) ?? [];
  t.true(path.endsWith('/0/upper/d/f'), discarded.stderr);
  t.true(existsSync(path));
  t.false(existsSync(upper));
  const pruned = asUser(place, 'sessions', 'prune', ...dir);
  t.is(pruned.status, 1);
  t.regex(pruned.stderr, owned);
  execFileSync('rm', ['-r', place.at(`state/${place.sessions()[0]}`)]);
});

onlyRoot('in a directory of somebody else what may be changed is [root only]', (t) => {
  using place = prepared(t);
  mkdirSync(place.at('lower/theirs'));
  chmodSync(place.at('lower/theirs'), 0o777);
  const dir = ['--dir', place.state];
  const script = 'touch new; mkdir -p mine/in';
  const ran = asUser(place, 'run', ...dir, '--name', 'two', '--', 'sh', '-c', script);
  t.is(ran.status, 0, ran.stderr);
  const applied = asUser(place, 'apply', ...dir, 'two');
  t.deepEqual([applied.status, applied.stderr], [0, '']);
  t.true(existsSync(place.at('lower/new')) && existsSync(place.at('lower/mine/in')));
  t.deepEqual(
    readdirSync(place.lower).filter((name) => name.startsWith('.')),
    [],
  );
  t.deepEqual(place.sessions(), ['one']);
  // Half of it, and taken back.
  const more = 'rm -r new mine; seq 2000 | xargs touch';
  const third = asUser(place, 'run', ...dir, '--name', 'three', '--', 'sh', '-c', more);
  t.is(third.status, 0, third.stderr);
  const aborted = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', abortInTheMiddle, place.state],
    { cwd: process.cwd(), uid: user, gid: user, encoding: 'utf8' },
  );
  t.deepEqual([aborted.stdout, aborted.stderr], ['ABORT_ERR\n', '']);
  t.deepEqual(readdirSync(place.lower).sort(), ['gone', 'mine', 'new', 'theirs']);
});
