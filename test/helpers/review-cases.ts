/** What holds for `overlayfs apply --interactive`, whoever is asked. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { overlayfs, program } from './command.ts';
import { SandboxPlace } from './sandbox-place.ts';
import type { Typed } from './typing.ts';
import { type } from './typing.ts';

const script = `echo new > changed; rm gone; mkdir d; echo one > d/a; echo two > d/b
  rm -r tree; echo > "$(printf 'x\\n\\033[31m*\\377')"; echo > 'x[1]?*'`;

/** Something to be changed, older than the session `one` that changes it. */
async function prepared(): Promise<SandboxPlace> {
  const place = new SandboxPlace();
  mkdirSync(join(place.lower, 'tree/deep'), { recursive: true });
  for (const name of ['changed', 'gone', 'tree/deep/file']) {
    writeFileSync(join(place.lower, name), 'old\n');
  }
  await pause(30);
  const words = ['run', '--dir', place.state, '--name', 'one', '--', 'sh', '-c', script];
  const { status, stderr } = await overlayfs(words, { cwd: place.lower });
  if (status !== 0) {
    throw new Error(stderr);
  }
  return place;
}

function review(
  place: SandboxPlace,
  steps: readonly (readonly [string, string])[],
  { words = [], env = {} }: { words?: readonly string[]; env?: Record<string, string> } = {},
): Typed {
  const all = [program, 'apply', '--dir', place.state, '-i', ...words, 'one'];
  return type([process.execPath, ...all], steps, {
    cwd: place.base,
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '1', ...env },
  });
}

const names = (place: SandboxPlace): string[] =>
  readdirSync(place.lower, { encoding: 'buffer' })
    .map((name) => name.toString('latin1'))
    .sort();
const untouched = ['changed', 'gone', 'tree'];
const odd = 'x\n\u001b[31m*\u00ff';

/** An editor that does with the list what a line of sh says; the list is `$1`. */
function editor(place: SandboxPlace, line: string): string {
  const file = place.at('editor');
  writeFileSync(file, `#!/bin/sh\ncp "$1" ${place.at('list')}\n${line}\n`);
  chmodSync(file, 0o755);
  return file;
}

function answerCases(): void {
  test.serial('what is said yes to is applied, and nothing else', async (t) => {
    using place = await prepared();
    const { status, missing, said } = review(place, [
      ['(1/8) Apply this change [y,n,a,s,d,e,q,?]? ', 'maybe\n'],
      ['quit: nothing is applied', 'd\n'],
      ['+new', 'n\n'],
      ['(2/8)', 'n\n'],
      ['(3/8)', 'yes\n'],
      ['(4/8)', 'n\n'],
      ['(5/8)', 'n\n'],
      ['(6/8)', 'd\n'],
      ['-old', 'Y\n'],
      ['(7/8)', 'y\n'],
      ['(8/8)', 'n\n'],
    ]);
    t.deepEqual([missing, status], [[], 0], said);
    t.deepEqual(names(place), ['changed', 'd', 'gone', odd]);
    t.deepEqual(readdirSync(join(place.lower, 'd')), ['a']);
    t.is(readFileSync(join(place.lower, 'changed'), 'utf8'), 'old\n');
    t.true(said.includes('\nD  tree  [directory]\n(6/8) '));
    t.regex(said, /A {2}d {2}\[directory\] {2}\(needed\)/);
    t.true(said.includes('A  x\\n\\x1b[31m*\\xff'));
    t.false(said.includes('\u001b[31m'));
    t.deepEqual(place.sessions(), ['one']);
  });

  test.serial('names that would be patterns choose only themselves', async (t) => {
    using place = await prepared();
    const answers = Array.from({ length: 7 }, (_, i) => [`(${i + 1}/8)`, 'n\n'] as const);
    const { status, missing } = review(place, [...answers, ['(8/8)', 'y\n']]);
    t.deepEqual([missing, status], [[], 0]);
    t.deepEqual(names(place), [...untouched, 'x[1]?*']);
  });

  test.serial('quitting, the end of input and Ctrl-C apply nothing', async (t) => {
    using place = await prepared();
    for (const [last, expected] of [
      ['q\n', 1],
      ['\x04', 1],
      ['\x03', -2],
    ] as const) {
      const { status, missing, said } = review(place, [
        ['(1/8)', 'y\n'],
        ['(2/8)', last],
      ]);
      t.deepEqual([missing, status], [[], expected], said);
      t.is(said.includes('nothing was applied'), expected === 1);
      t.deepEqual(names(place), untouched);
    }
    t.deepEqual(place.sessions(), ['one']);
  });

  test.serial('all of it: then the session is discarded, as without questions', async (t) => {
    using place = await prepared();
    const { status, missing } = review(place, [['(1/8)', 'a\n']]);
    t.deepEqual([missing, status], [[], 0]);
    t.deepEqual(names(place), ['changed', 'd', odd, 'x[1]?*']);
    t.deepEqual(place.sessions(), []);
  });

  test.serial('no more of it, and only what is asked about', async (t) => {
    using place = await prepared();
    const words = ['--exclude', 'd', '--exclude', 'x*'];
    const steps = [
      ['(1/3)', 'y\n'],
      ['(2/3)', 's\n'],
    ] as const;
    const { status, missing } = review(place, steps, { words });
    t.deepEqual([missing, status], [[], 0]);
    t.deepEqual(names(place), untouched);
    t.is(readFileSync(join(place.lower, 'changed'), 'utf8'), 'new\n');
  });

  test.serial('a conflict is shown as one, and who works with the session waits', async (t) => {
    using place = await prepared();
    writeFileSync(join(place.lower, 'changed'), 'by somebody else\n');
    const discard = `${process.execPath} ${program} discard --dir ${place.state} one`;
    const steps = [
      ['M  changed  [content, times]  (conflict)', 'n\n'],
      ['(2/8)', 'e\n'],
      ['is in use', 'q\n'],
    ] as const;
    const env = { VISUAL: editor(place, `${discard}; exit 1`) };
    const { status, missing, said } = review(place, steps, { env });
    t.deepEqual([missing, status], [[], 1], said);
    t.regex(said, /somebody has changed it meanwhile/);
    t.deepEqual(place.sessions(), ['one']);
  });
}

function editorCases(): void {
  test.serial('the list in an editor: what is deleted from it is not applied', async (t) => {
    using place = await prepared();
    const env = {
      VISUAL: `${editor(place, `sed -i '/ changed/d; / d/d; s/^. \\([0-9]* D  gone\\)/\\1/' "$2"`)} -n`,
    };
    writeFileSync(
      place.at('editor'),
      readFileSync(place.at('editor'), 'utf8').replace('"$1"', '"$2"'),
    );
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('overlayfs-apply-'));
    const steps = [
      ['(1/8)', 'y\n'],
      ['(2/8)', 'n\n'],
      ['(3/8)', 'e\n'],
    ] as const;
    const { status, missing, said } = review(place, steps, { env });
    t.deepEqual([missing, status], [[], 0], said);
    t.deepEqual(names(place), ['changed', odd, 'x[1]?*']);
    t.is(readFileSync(join(place.lower, 'changed'), 'utf8'), 'old\n');
    const list = readFileSync(place.at('list'), 'utf8').split('\n');
    t.deepEqual(list.slice(0, 3), [
      '1 M  changed  [content, times]',
      '# 2 A  d  [directory]',
      '3 A  d/a',
    ]);
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith('overlayfs-apply-'));
    t.deepEqual(after, before);
  });

  test.serial('an editor that fails, and a list that says nothing', async (t) => {
    using place = await prepared();
    for (const [line, why] of [
      ['exit 3', 'has failed (status 3)'],
      ['echo 9 >> "$1"', "the line '9' does not begin with the number of a change"],
      ['echo pick x >> "$1"', "the line 'pick x' does not begin with the number of a change"],
    ] as const) {
      const steps = [
        ['(1/8)', 'e\n'],
        [why, 'q\n'],
      ] as const;
      const { status, missing, said } = review(place, steps, {
        env: { VISUAL: '', EDITOR: editor(place, line) },
      });
      t.deepEqual([missing, status], [[], 1], said);
    }
    const { status } = review(place, [['(1/8)', 'e\n']], {
      env: { VISUAL: editor(place, ': > "$1"') },
    });
    t.is(status, 0);
    t.deepEqual(names(place), untouched);
    t.deepEqual(place.sessions(), ['one']);
  });
}

export function reviewCases(): void {
  answerCases();
  editorCases();

  test.serial('nobody is asked without a terminal', async (t) => {
    using place = await prepared();
    const words = ['apply', '--interactive', '--dir', place.state];
    const { status, stderr } = await overlayfs([...words, 'one']);
    t.is(status, 2);
    t.regex(stderr, /asks on a terminal, and standard input is none/);
    t.is((await overlayfs([...words, '--json', 'one'])).status, 2);
    t.is((await overlayfs([...words, '--resume', '--to', place.lower])).status, 2);
    t.true(existsSync(join(place.lower, 'gone')));
  });
}
