/** What `overlayfs run` looks at before and after the program, whoever runs it. */
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { Result } from './command.ts';
import { overlayfs } from './command.ts';
import { SandboxPlace } from './sandbox-place.ts';

const run = (place: SandboxPlace, ...words: readonly string[]): Promise<Result> =>
  overlayfs(['run', '--dir', place.state, ...words], { cwd: place.lower });

function ruleCases(): void {
  test.serial('rules are checked when the program has ended with 0, and give 4', async (t) => {
    using place = new SandboxPlace();
    writeFileSync(join(place.lower, 'old'), 'old');
    mkdirSync(join(place.lower, 'out'));
    const script = 'rm old; echo > out/new; head -c 5000 /dev/zero > big';
    const rules = ['--fail-on', 'deleted', '--max-added', '4K', '--only', 'out/**'];
    const program = ['--', 'sh', '-c', script];
    const failed = await run(place, ...rules, ...program);
    t.is(failed.status, 4, failed.stderr);
    t.is(failed.stdout.toString(), '');
    t.is(
      failed.stderr,
      [
        "overlayfs: rule failed: --fail-on 'deleted': 1 change, allowed 0\n  D  old\n",
        "overlayfs: rule failed: --max-added '4096': 4.9K (5001 bytes) added, ",
        'allowed 4.0K (4096 bytes)\n  A  big  [4.9K]\n  A  out/new  [1B]\n',
        "overlayfs: rule failed: --only 'out/**': 2 changes, allowed 0\n  A  big\n  D  old\n",
      ].join(''),
    );
    const kept = await run(place, '--fail-on', 'modified', '--max-added', '1M', ...program);
    t.deepEqual([kept.status, kept.stderr], [0, '']);
    t.deepEqual(place.sessions(), []);
  });

  test.serial('what a program that fails has changed is not judged', async (t) => {
    using place = new SandboxPlace();
    const failed = await run(place, '--fail-on', 'any', '--', 'sh', '-c', 'echo > new; exit 3');
    t.deepEqual([failed.status, failed.stderr], [3, '']);
  });

  test.serial('a rule that failed is a failure to --on-success and --on-failure', async (t) => {
    using place = new SandboxPlace();
    const write = ['--', 'sh', '-c', 'echo > new'];
    const rule = ['--on-success', 'apply', '--fail-on', 'added'];
    t.is((await run(place, ...rule, ...write)).status, 4);
    t.deepEqual([place.sessions(), readdirSync(place.lower)], [[], []]);
    const kept = await run(place, ...rule, '--on-failure', 'keep', ...write);
    t.is(kept.status, 4);
    t.regex(kept.stderr, / {2}A {2}new\noverlayfs: kept as session tmp-\w+\n$/);
    t.is((await run(place, ...rule, '--name', 'one', ...write)).status, 4);
    t.is(place.sessions().length, 2);
    const diff = await overlayfs(['diff', '--dir', place.state, 'one']);
    t.is(diff.stdout.toString(), 'A  new\n');
    t.deepEqual(readdirSync(place.lower), []);
    const fine = ['--on-success', 'apply', '--only', join(place.lower, 'new')];
    t.is((await run(place, ...fine, ...write)).status, 0);
    t.deepEqual(readdirSync(place.lower), ['new']);
  });

  test.serial('each directory is judged by itself', async (t) => {
    using place = new SandboxPlace();
    mkdirSync(place.at('other'));
    const layers = ['--lower', place.lower, '--lower', place.at('other')];
    const script = 'echo > new; rm -f none; echo > ../other/more';
    const both = await run(place, ...layers, '--only', 'new', '--', 'sh', '-c', script);
    t.is(both.status, 4);
    t.regex(both.stderr, /^overlayfs: of .*\/other:\n[^\n]*1 change, allowed 0\n {2}A {2}more\n$/);
  });

  test.serial('what is no rule is refused before anything is run', async (t) => {
    using place = new SandboxPlace();
    for (const [words, message] of [
      [['--fail-on', 'gone'], /--fail-on must be one of/],
      [['--max-added', 'many'], /--max-added must be a whole number/],
      [['--only', '/etc'], /--only '\/etc' is not below /],
      [['--only', '../x'], /must not lead upwards/],
      [['--name', 'one', '--only', place.lower], /is not below a TARGET/],
    ] as const) {
      const { status, stderr } = await run(place, ...words, '--', 'touch', 'ran');
      t.is(status, 125);
      t.regex(stderr, message);
    }
    t.deepEqual([place.sessions(), readdirSync(place.lower)], [[], []]);
  });
}

function applyCases(): void {
  test.serial('what can never be applied is refused before the program runs', async (t) => {
    using place = new SandboxPlace();
    for (const name of ['a', 'b']) {
      mkdirSync(place.at(name));
    }
    const ran = place.at('ran');
    const stack = ['--overlay', `${place.lower}=${place.at('a')}:${place.at('b')}`];
    t.is((await run(place, '--name', 'base', '--', 'true')).status, 0);
    t.is((await run(place, '--name', 'top', '--base', 'base', '--', 'true')).status, 0);
    t.is((await run(place, '--name', 'stack', ...stack, '--', 'true')).status, 0);
    const before = place.sessions();
    for (const words of [
      [...stack, '--on-success', 'apply'],
      [...stack, '--on-failure', 'apply'],
      ['--name', 'stack', '--on-success', 'apply'],
      ['--base', 'base', '--on-success', 'apply'],
      ['--name', 'top', '--on-success', 'apply'],
    ]) {
      const { status, stderr } = await run(place, ...words, '--', 'touch', ran);
      t.is(status, 125, stderr);
      t.regex(stderr, /apply goes with no (session that is stacked|overlay of several lowers)/);
    }
    t.false(existsSync(ran));
    t.deepEqual(place.sessions(), before);
    const one = ['--overlay', `${place.lower}=${place.at('a')}`, '--on-success', 'apply'];
    t.is((await run(place, ...one, '--', 'touch', 'new')).status, 0);
    t.deepEqual(readdirSync(place.at('a')), ['new']);
    const { status, stderr } = await run(
      place,
      ...['--lower', place.at('none'), '--on-success', 'apply', '--', 'true'],
    );
    t.is(status, 125);
    t.regex(stderr, /realpath .*a directory that is to be covered cannot be found/);
  });
}

function refusalCases(): void {
  test.serial('a program that may not be executed is told why', async (t) => {
    using place = new SandboxPlace();
    mkdirSync(join(place.lower, 'directory'));
    writeFileSync(join(place.lower, 'plain'), '');
    writeFileSync(join(place.lower, 'script'), `#!${join(place.lower, 'plain')}\n`);
    chmodSync(join(place.lower, 'script'), 0o755);
    for (const [file, message] of [
      ['./directory', /execve '.\/directory': it is a directory; name/],
      ['./plain', /execve '.\/plain': nobody has the permission to execute it; give it/],
      ['./script', /execve '.\/script': the program may be executed, but not the interpreter/],
      ['/dev/null', /execve '\/dev\/null': it is a device, a socket or a pipe; name/],
    ] as const) {
      const { status, stderr } = await run(place, '--', file);
      t.is(status, 126);
      t.regex(stderr, message);
    }
  });

  test.serial('a lower on procfs is refused with a way out', async (t) => {
    using place = new SandboxPlace();
    const { status, stderr } = await run(place, '--lower', '/proc', '--', 'true');
    t.is(status, 125);
    t.regex(stderr, /'\/proc': the lower \/proc lies on procfs.*name another directory/);
  });
}

export function runCheckCases(): void {
  ruleCases();
  applyCases();
  refusalCases();
}
