// Commands that an ordinary user's subordinate ids make a process of their own: interrupted, ended and gone
// on with, and what they say.
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { program } from './helpers/command.ts';
import type { Said } from './helpers/granted.ts';
import { firstId, GrantedPlace, noHelpers, user } from './helpers/granted.ts';
import { asRoot } from './helpers/place.ts';
import { snapshot } from './helpers/snapshot.ts';
import { type } from './helpers/typing.ts';

const onlyRoot = asRoot && noHelpers === undefined ? test.serial : test.serial.skip;

/** Directories and files of subordinate ids, in a directory of the user. */
function prepared(): GrantedPlace {
  const place = new GrantedPlace();
  mkdirSync(place.at('lower/a'));
  mkdirSync(place.at('lower/gone'));
  mkdirSync(place.at('lower/many'));
  chownSync(place.at('lower/many'), user, user);
  for (const name of ['a/open', 'gone/file', 'secret']) {
    writeFileSync(place.at(`lower/${name}`), `${name}\n`);
  }
  place.give('lower/a/open', 1, 0o666);
  place.give('lower/a', 2, 0o777);
  place.give('lower/gone/file', 3, 0o600);
  place.give('lower/gone', 3, 0o777);
  place.give('lower/secret', 4, 0o600);
  return place;
}

const changing = 'echo mine >> a/open; touch a/new; rm -r gone; mv secret zz';

/** More than pipes and buffers hold, when they are listed. */
const files = 1200;
const many = `i=0; while [ $i -lt ${files} ]; do : > "many/$(printf '%0200d' $i)"; i=$((i+1)); done`;

interface Stopped {
  readonly status: string;
  /** What the command had become when it was ended. */
  readonly there: boolean;
}

/**
 * Ends a command of the user in the midst of its output, which nobody reads any more. With `elsewhere` it is
 * the process that has the rights which is ended, else the one that was started.
 */
function stopped(
  place: GrantedPlace,
  signal: string,
  words: readonly string[],
  elsewhere = false,
): Stopped {
  const pipe = place.at('pipe');
  if (!existsSync(pipe)) execFileSync('mkfifo', ['-m', '666', pipe]);
  const text = `pipe=$1 signal=$2 elsewhere=$3; shift 3; exec 3<>"$pipe"
"$@" > "$pipe" 3>&- & command=$!
timeout 30 head -c 70000 <&3 > /dev/null || exit 1
child=$(cat /proc/$command/task/*/children)
if $elsewhere; then kill -$signal $child; else kill -$signal $command; fi
wait $command; echo $?
tries=0
while grep -q '^State:.[^ZX]' /proc/$((child))/status 2> /dev/null && [ $tries -lt 200 ]; do
  sleep 0.05; tries=$((tries + 1))
done
[ $tries -lt 200 ] && echo gone`;
  const args = [pipe, signal, `${elsewhere}`, process.execPath, program, ...words];
  const { stdout } = place.asUser(['sh', '-c', text, 'sh', ...args]);
  const [status = '', gone] = stdout.split('\n');
  return { status, there: gone !== 'gone' };
}

const stage = 'lower/.overlayfs-apply';

/** In the midst of putting names in place. */
function interrupt(t: ExecutionContext, place: GrantedPlace, elsewhere: boolean): void {
  const words = ['apply', '--json', '--dir', place.state, 's'];
  t.deepEqual(stopped(place, 'KILL', words, elsewhere), { status: '137', there: false });
  t.true(existsSync(place.at(`${stage}/journal`)));
  t.false(existsSync(place.at(`${stage}/done`)));
}

function snapshotOf(place: GrantedPlace, name: string): string[] {
  return snapshot(place.at(name));
}

/** Also new directories that only an owner with a subordinate id may look into: one before, one after the others. */
function manyChanged(
  t: ExecutionContext,
  place: GrantedPlace,
  { first = changing, directories = ['closed', 'zclosed'] } = {},
): void {
  const script = `${first}; ${many}`;
  t.deepEqual(place.script('s', script), { status: 0, stdout: '', stderr: '' });
  for (const name of directories) {
    const closed = `state/s/0/upper/${name}`;
    mkdirSync(place.at(closed));
    writeFileSync(place.at(`${closed}/file`), 'closed\n');
    for (const path of [`${closed}/file`, closed]) place.give(path, 5, 0o700);
  }
}

for (const by of ['name', 'directory'] as const) {
  const ended = (place: GrantedPlace, option: string): Said =>
    by === 'name'
      ? place.overlayfs(['apply'], [option, 's'])
      : place.asUser([process.execPath, program, 'apply', option, '--to', place.lower]);

  onlyRoot(`an apply that was interrupted is undone by ${by} [root only]`, (t) => {
    using place = prepared();
    manyChanged(t, place);
    const before = snapshotOf(place, 'lower');
    interrupt(t, place, false);
    const refused = place.overlayfs(['apply'], ['--abort', 's'], { subuid: '' });
    t.is(refused.status, 1);
    t.regex(refused.stderr, /warning: .* belongs to uid 70000\d, gid .*\/etc\/subuid grants/);
    const { status, stderr } = ended(place, '--abort');
    t.deepEqual([status, stderr], [0, '']);
    t.deepEqual(snapshotOf(place, 'lower'), before);
    t.deepEqual(place.sessions(), ['s']);
  });

  onlyRoot(`an apply that was interrupted is finished by ${by} [root only]`, (t) => {
    using place = prepared();
    execFileSync('cp', ['-a', place.lower, place.at('copy')]);
    manyChanged(t, place);
    const entries = snapshotOf(place, 'lower').length;
    const whole = place.overlayfs(['apply'], ['--to', place.at('copy'), 's']);
    t.deepEqual([whole.status, whole.stderr], [0, '']);
    const after = snapshotOf(place, 'copy');
    t.is(after.length, entries + files + 3);
    interrupt(t, place, true);
    const { status, stderr } = ended(place, '--resume');
    t.deepEqual([status, stderr], [0, '']);
    t.deepEqual(snapshotOf(place, 'lower'), after);
    t.deepEqual(place.sessions(), ['s']);
    const again = ended(place, '--resume');
    t.is(again.status, 1);
    t.regex(again.stderr, /no apply .* was interrupted/);
  });
}

onlyRoot('it is undone where all that is theirs is in place already [root only]', (t) => {
  using place = prepared();
  manyChanged(t, place, { first: ':', directories: ['closed'] });
  const before = snapshotOf(place, 'lower');
  interrupt(t, place, false);
  t.is(place.ownerOf('lower/closed'), 5);
  const { status, stderr } = place.overlayfs(['apply'], ['--abort', 's']);
  t.deepEqual([status, stderr], [0, '']);
  t.deepEqual(snapshotOf(place, 'lower'), before);
});

onlyRoot('the same apply finishes it, and discards the session [root only]', (t) => {
  using place = prepared();
  manyChanged(t, place);
  interrupt(t, place, false);
  const finished = place.overlayfs(['apply'], ['s']);
  t.deepEqual([finished.status, finished.stderr], [0, '']);
  t.is(place.ownerOf('lower/zz'), 4);
  t.false(existsSync(place.at('lower/gone')));
  t.deepEqual(place.sessions(), []);
});

onlyRoot('signals end both processes [root only]', (t) => {
  using place = prepared();
  manyChanged(t, place);
  const words = ['diff', '--json', '--dir', place.state, 's'];
  for (const [signal, status] of [
    ['TERM', '143'],
    ['INT', '130'],
    ['HUP', '129'],
    ['KILL', '137'],
  ] as const) {
    t.deepEqual(stopped(place, signal, words), { status, there: false }, signal);
    t.deepEqual(stopped(place, signal, words, true), { status, there: false }, signal);
  }
});

onlyRoot('what it says and how it ends is as without [root only]', (t) => {
  using place = prepared();
  // All of it can be read by the user himself, for the comparison.
  const odd = `: > "$(printf 'many/x\\n\\033[31m*\\377')"; echo more >> a/open`;
  t.is(place.script('s', odd).status, 0);
  for (const words of [
    ['diff', '--json', 's'],
    ['diff', '-0', 's'],
    ['diff', '--patch', 's'],
    ['diff', '--fail-on', 'modified', 's'],
  ]) {
    const [command = '', ...rest] = words;
    const handed = place.overlayfs([command], rest);
    const own = place.overlayfs([command], rest, { subuid: '' });
    t.regex(own.stderr, /belongs to uid/);
    const without = own.stderr.replace(/^overlayfs: warning: .*\n/, '');
    t.deepEqual(handed, { ...own, stderr: without }, words.join(' '));
    t.is(handed.status, words.includes('--fail-on') ? 4 : 0);
    t.not(handed.stdout, '');
  }
  writeFileSync(place.at('lower/a/open'), 'another\n');
  const json = place.overlayfs(['apply'], ['--json', 's']);
  t.is(json.status, 1);
  t.regex(json.stderr, /^overlayfs: .*conflict/m);
  const outcomes = json.stdout.split('\n').filter((line) => line !== '');
  t.deepEqual(
    outcomes.map((line) => JSON.parse(line).outcome),
    ['conflict', 'applied'],
  );
  t.deepEqual(place.sessions(), ['s']);
});

onlyRoot('it asks on a terminal, where Ctrl-C ends it [root only]', (t) => {
  using place = prepared();
  t.is(place.script('s', changing).status, 0);
  const before = snapshotOf(place, 'lower');
  const own = [process.execPath, program, 'apply', '-i', '--dir', place.state, 's'];
  const words = place.wordsAsUser(own);
  const env = { ...place.environment(), TERM: 'xterm', NO_COLOR: '1' };
  const options = { cwd: place.lower, env };
  const broken = type(words, [['(1/5)', '\u0003']], options);
  t.deepEqual([broken.missing, broken.status], [[], -2], broken.said);
  t.deepEqual(snapshotOf(place, 'lower'), before);
  const steps = [
    ['(1/5)', 'n\n'],
    ['(2/5)', 'a\n'],
  ] as const;
  const typed = type(words, steps, options);
  t.deepEqual([typed.missing, typed.status], [[], 0], typed.said);
  t.false(existsSync(place.at('lower/a/new')));
  t.is(readFileSync(place.at('lower/a/open'), 'utf8'), 'a/open\nmine\n');
  t.is(statSync(place.at('lower/zz')).uid, firstId + 4);
});
