// Sandboxes and sessions of an ordinary user who has subordinate ids, on directories with files of these.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { program } from './helpers/command.ts';
import { firstId, GrantedPlace, noHelpers, user } from './helpers/granted.ts';
import { asRoot } from './helpers/place.ts';

const onlyRoot = asRoot && noHelpers === undefined ? test.serial : test.serial.skip;
const [one, two, three] = [firstId + 1, firstId + 2, firstId + 3];

/** Files of three subordinate ids in a directory of the user. */
function prepared(): GrantedPlace {
  const place = new GrantedPlace();
  writeFileSync(place.at('lower/open'), 'theirs\n');
  writeFileSync(place.at('lower/secret'), 'secret\n');
  mkdirSync(place.at('lower/dir'));
  place.give('lower/open', 1, 0o666);
  place.give('lower/secret', 2, 0o600);
  place.give('lower/dir', 3, 0o777);
  return place;
}

const changing = 'echo mine >> open; mv secret moved; touch dir/new';
const changed = ['A  dir/new', 'A  moved', 'M  open  [content, times]', 'D  secret', ''];

function changedSession(t: ExecutionContext, place: GrantedPlace, session = 's'): void {
  const { status, stderr } = place.script(session, changing);
  t.deepEqual([status, stderr], [0, '']);
}

/** A script for Node that runs one for the shell with the rights over the ids, and its own standard input. */
function withRights(script: string): string {
  return `import { native, unwrap } from '${new URL('../lib/native.js', import.meta.url).href}';
const namespace = unwrap(await native().makeMappedNamespace(Buffer.from('/usr/bin'), 5000));
const args = ['sh', '-c', ${JSON.stringify(script)}].map((word) => Buffer.from(word));
const start = { file: args[0], args, env: null, cwd: Buffer.from('/'), stdio: [0, 1, 2] };
process.exitCode = unwrap(await native().runInNamespace(namespace, start)).code;`;
}

onlyRoot(
  'they are what they are, can be changed, and are kept as what they are [root only]',
  (t) => {
    using place = prepared();
    const seen = place.script('s', 'stat -c "%u:%g %n" open secret dir; cat /proc/self/uid_map');
    t.deepEqual([seen.status, seen.stderr], [0, '']);
    t.deepEqual(seen.stdout.trim().split(/ *\n */), [
      `${one}:${one} open`,
      `${two}:${two} secret`,
      `${three}:${three} dir`,
      `${user}       ${user}          1`,
      `${firstId}     ${firstId}       1000`,
    ]);
    changedSession(t, place);
    const upper = 'state/s/0/upper';
    const owners = ['open', 'moved', 'dir'].map((name) => place.ownerOf(`${upper}/${name}`));
    t.deepEqual(owners, [1, 2, 3]);
    t.is(statSync(place.at(`${upper}/dir/new`)).uid, user);
    t.is(readFileSync(place.at('lower/open'), 'utf8'), 'theirs\n');
    // Again in the session: what it holds, and more of it.
    const again = place.script('s', 'stat -c %u moved; echo more >> open');
    t.deepEqual(again, { status: 0, stdout: `${two}\n`, stderr: '' });
    t.is(place.ownerOf(`${upper}/open`), 1);
  },
);

onlyRoot('such a session is listed, cloned, applied and discarded [root only]', (t) => {
  using place = prepared();
  changedSession(t, place);
  const listed = place.overlayfs(['diff'], ['s']);
  t.deepEqual([listed.status, listed.stderr], [0, '']);
  t.deepEqual(listed.stdout.split('\n').sort(), [...changed].sort());
  const patch = place.overlayfs(['diff', '--patch'], ['s']);
  t.is(patch.status, 0, patch.stderr);
  t.regex(patch.stdout, /\+mine/);
  const cloned = place.overlayfs(['sessions', 'clone'], ['s', 'copy']);
  t.deepEqual(cloned, { status: 0, stdout: '', stderr: '' });
  t.is(place.ownerOf('state/copy/0/upper/moved'), 2);
  t.is(statSync(place.at('state/copy/0/upper/moved')).mode & 0o777, 0o600);
  t.is(place.overlayfs(['discard'], ['copy']).status, 0);
  const applied = place.overlayfs(['apply'], ['s']);
  t.deepEqual([applied.status, applied.stderr], [0, '']);
  t.deepEqual(
    ['open', 'moved', 'dir'].map((name) => place.ownerOf(`lower/${name}`)),
    [1, 2, 3],
  );
  t.is(readFileSync(place.at('lower/open'), 'utf8'), 'theirs\nmine\n');
  t.false(existsSync(place.at('lower/secret')));
  t.is(statSync(place.at('lower/dir/new')).uid, user);
  t.deepEqual(place.sessions(), []);
});

onlyRoot('a run applies it at its end [root only]', (t) => {
  using place = prepared();
  const ran = place.overlayfs(
    ['run', '--on-success', 'apply'],
    ['--', 'sh', '-c', `${changing}; echo said`],
  );
  t.deepEqual(ran, { status: 0, stdout: 'said\n', stderr: '' });
  t.is(place.ownerOf('lower/moved'), 2);
  t.deepEqual(place.sessions(), []);
});

onlyRoot('who has the right in the namespace gives files to other owners [root only]', (t) => {
  using place = prepared();
  // The program waits in the sandbox; its user opens the directory there from outside, and gives it to a
  // program that has the rights.
  const text = `
"$1" "$2" run --dir "$3" --name s -- sh -c 'echo $$ > "$0.new"; mv "$0.new" "$0"; exec sleep 60' "$4" & run=$!
while ! [ -e "$4" ]; do sleep 0.05; done
"$1" --input-type=module -e "$6" < "/proc/$(cat "$4")/root$5"
kill $(cat "$4"); wait $run`;
  const changes = `cd /proc/self/fd/0 && chown ${three}:${two} open && mkdir closed && touch closed/f &&
chown -R ${two} closed && chmod 700 closed`;
  const words = [process.execPath, program, place.state, place.at('state/pid'), place.lower];
  const { stderr } = place.asUser(['sh', '-c', text, 'sh', ...words, withRights(changes)]);
  t.is(stderr, '');
  const upper = place.at('state/s/0/upper');
  const { uid, gid } = statSync(`${upper}/open`);
  t.deepEqual([uid, gid], [three, two]);
  t.is(statSync(`${upper}/closed/f`).uid, two);
  // A directory that the user cannot read is no obstacle to any of them.
  const listed = place.overlayfs(['diff'], ['s']);
  t.deepEqual([listed.status, listed.stderr], [0, '']);
  t.regex(listed.stdout, /^A {2}closed\/f$/m);
  t.is(place.overlayfs(['sessions', 'clone'], ['s', 'copy']).status, 0);
  t.is(statSync(place.at('state/copy/0/upper/closed/f')).uid, two);
  const discarded = place.overlayfs(['discard'], ['copy']);
  t.deepEqual(discarded, { status: 0, stdout: '', stderr: '' });
  t.is(place.overlayfs(['apply'], ['s']).status, 0);
  t.is(statSync(place.at('lower/closed/f')).uid, two);
  t.is(statSync(place.at('lower/open')).gid, two);
});

onlyRoot('a session with unreadable directories of others is removed [root only]', (t) => {
  using place = prepared();
  changedSession(t, place);
  const theirs = 'state/s/0/upper/dir/theirs';
  mkdirSync(place.at(`${theirs}/inner`), { recursive: true });
  writeFileSync(place.at(`${theirs}/inner/file`), '');
  for (const path of [`${theirs}/inner/file`, `${theirs}/inner`, theirs]) place.give(path, 9, 0);
  place.give('state/s/0/upper/dir', 3, 0o755);
  const refused = place.overlayfs(['discard'], ['s'], { subgid: '' });
  t.is(refused.status, 1);
  t.regex(
    refused.stderr,
    new RegExp(`belongs to uid ${three}.*/etc/subgid grants this user no ids`),
  );
  const pruned = place.overlayfs(['sessions', 'prune']);
  t.deepEqual([pruned.status, pruned.stderr], [0, '']);
  t.deepEqual(place.sessions(), []);
});

onlyRoot('with own ids only it is as without the helpers [root only]', (t) => {
  using place = prepared();
  const script = 'stat -c %u open; echo x >> open';
  const own = place.script('s', script, {}, ['--map-ids', 'own']);
  t.is(own.status, 2);
  t.is(own.stdout, '65534\n');
  t.regex(own.stderr, /Value too large|cannot create open/);
  const subuid = `overlayfs-test:${firstId}\n#\n:1:2\nsomebody:1:2\noverlayfs-test:0x10:5\n`;
  const none = place.script('t', script, { subuid });
  t.deepEqual([none.status, none.stdout], [2, '65534\n']);
  t.notRegex(none.stderr, /overlayfs:/);
  const asked = place.script('u', script, { subuid }, ['--map-ids', 'subordinate']);
  t.is(asked.status, 125);
  t.regex(asked.stderr, /\/etc\/subuid grants this user no ids; .*usermod --add-subuids/);
  const wrong = place.script('u', script, {}, ['--map-ids', 'all']);
  t.is(wrong.status, 125);
  t.regex(wrong.stderr, /--map-ids must be one of auto, own, subordinate, but is 'all'/);
  t.deepEqual(place.sessions(), ['s', 't']);
});

onlyRoot('a helper that fails is named with what it has said [root only]', (t) => {
  using place = prepared();
  const script = 'stat -c %u open';
  const path = place.program('newgidmap', 'echo "it is broken" >&2; exit 3');
  const broken = place.script('s', script, { path });
  t.deepEqual([broken.status, broken.stdout], [0, '65534\n']);
  t.regex(
    broken.stderr,
    /warning: .*newgidmap, which maps subordinate ids, has failed: it is broken\./,
  );
  const before = 'mount --bind /usr/bin /usr/bin; mount -o remount,bind,nosuid /usr/bin';
  const nosuid = place.script('s', script, { before }, ['--map-ids', 'subordinate']);
  t.is(nosuid.status, 125);
  t.regex(nosuid.stderr, /newuidmap, which maps .* has failed: newuidmap: .*nosuid/);
  const forbidden = place.asUser(['setpriv', '--no-new-privs', process.execPath, '-e', '']);
  t.is(forbidden.status, 0);
});

onlyRoot(
  'without the ids, what a session holds of theirs is refused with the owner [root only]',
  (t) => {
    using place = prepared();
    changedSession(t, place);
    const grants = { subuid: '' };
    const entered = place.script('s', 'stat -c %u open', grants);
    t.deepEqual([entered.status, entered.stdout], [0, '65534\n']);
    t.regex(
      entered.stderr,
      /warning: the session may hold files of subordinate ids.*\/etc\/subuid grants/,
    );
    const applied = place.overlayfs(['apply'], ['s'], grants);
    t.is(applied.status, 1);
    t.regex(applied.stderr, /warning: .* belongs to uid 70000\d, gid .*\/etc\/subuid grants/);
    t.regex(applied.stderr, new RegExp(`fchown '.*': it belongs to uid ${one}, gid ${one}`));
    t.regex(applied.stderr, /nothing was changed/);
    t.is(readFileSync(place.at('lower/open'), 'utf8'), 'theirs\n');
    t.true(existsSync(place.at('lower/secret')));
    const cloned = place.overlayfs(['sessions', 'clone'], ['s', 'copy'], grants);
    t.is(cloned.status, 1);
    t.regex(cloned.stderr, /belongs to uid/);
    t.deepEqual(place.sessions(), ['s']);
  },
);

const asAnyRoot = asRoot ? test.serial : test.serial.skip;

asAnyRoot('as root all ids are what they are, whatever is asked for [root only]', async (t) => {
  using place = prepared();
  for (const idMap of ['auto', 'own', 'subordinate'] as const) {
    await using sandbox = await place.sandbox({ idMap, directory: place.at('own') });
    const { stdout } = await sandbox.run('stat', ['-c', '%u', place.at('lower/open')]);
    t.is(stdout.toString(), `${one}\n`);
    t.deepEqual(sandbox.warnings, []);
  }
});

onlyRoot('the root of a view belongs to whom it belonged [root only]', (t) => {
  using place = prepared();
  place.give('lower', 5, 0o777);
  const ran = place.script('s', 'stat -c %u .; touch new');
  t.deepEqual(ran, { status: 0, stdout: `${firstId + 5}\n`, stderr: '' });
  t.is(place.ownerOf('state/s/0/upper'), 5);
  const other = place.script('t', 'stat -c %u .', { subuid: '' });
  t.regex(other.stderr, new RegExp(`owner of the lower \\(uid ${firstId + 5}.*newuidmap.*uidmap`));
  const applied = place.overlayfs(['apply'], ['s']);
  t.deepEqual([applied.status, applied.stderr], [0, '']);
  t.true(existsSync(place.at('lower/new')));
});
