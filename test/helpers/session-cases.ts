/** What holds for sessions on disk, whoever made them. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import type { SessionRest } from 'overlayfs';
import {
  changes,
  discardSession,
  findSession,
  isSession,
  listSessions,
  pruneSessions,
  sessionSize,
} from 'overlayfs';
import { SandboxPlace } from './sandbox-place.ts';
import { damageCases } from './session-damage-cases.ts';
import { edit, kept, record } from './session-kit.ts';

function lookingCases(): void {
  test.serial('a session is found, measured, and read without being mounted', async (t) => {
    using place = new SandboxPlace();
    writeFileSync(join(place.lower, 'old'), '');
    const path = await kept(place, 'one', 'rm old; head -c 100000 /dev/zero > big; ln big hard');
    const options = { directory: place.state };
    const session = await findSession('one', options);
    t.like(session, { name: 'one', path, ephemeral: false, base: undefined, user: undefined });
    t.deepEqual(session.last, { code: 0, signal: null });
    const size = await sessionSize(session);
    t.true(size.bytes >= 100_000 && size.bytes < 200_000, `${size.bytes}`);
    const gone = { path: `${path}-discarded` };
    await t.throwsAsync(sessionSize(gone), {
      code: 'ENOENT',
      message: /there is no session 'one-discarded': /,
    });
    const [overlay] = session.overlays;
    const list: string[] = [];
    if (overlay !== undefined) {
      t.is(overlay.target, place.lower);
      for await (const { kind, path: name } of changes(overlay.layers)) {
        list.push(`${kind} ${name}`);
      }
    }
    t.deepEqual(list, ['added big', 'added hard', 'deleted old']);
    t.deepEqual(
      (await listSessions(options)).map(({ name }) => name),
      ['one'],
    );
    await t.throwsAsync(findSession('two', options), { code: 'ENOENT' });
    await t.throwsAsync(findSession('../x', options), { code: 'ERR_INVALID_ARG_VALUE' });
  });

  test.serial(
    'a state directory that cannot be there, or be looked into, has no sessions',
    async (t) => {
      using place = new SandboxPlace();
      const closed = join(place.state, 'closed');
      mkdirSync(closed, { recursive: true });
      chmodSync(closed, 0);
      const { XDG_STATE_HOME: before } = process.env;
      try {
        for (const home of ['/dev/null', closed]) {
          process.env.XDG_STATE_HOME = home;
          await t.throwsAsync(findSession('no-session-has-this-name'), { code: 'ENOENT' });
          t.true(Array.isArray(await listSessions()));
        }
      } finally {
        chmodSync(closed, 0o700);
        process.env.XDG_STATE_HOME = before;
        if (before === undefined) delete process.env.XDG_STATE_HOME;
      }
    },
  );

  test.serial('one with a user says who, and is neither entered nor discarded', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox({ session: 'one' });
    t.is(sandbox.name, 'one');
    const options = { directory: place.state };
    t.is((await findSession('one', options)).user, process.pid);
    const busy = { code: 'EBUSY', message: new RegExp(`process ${process.pid} `) };
    await t.throwsAsync(place.sandbox({ session: 'one' }), busy);
    await t.throwsAsync(place.sandbox({ base: 'one' }), busy);
    await t.throwsAsync(discardSession('one', options), busy);
    t.deepEqual(await pruneSessions({ ...options, unusedFor: 0, broken: true }), []);
  });

  test.serial('other layers than it was made from are refused', async (t) => {
    using place = new SandboxPlace();
    await kept(place, 'one');
    mkdirSync(place.at('other'));
    await t.throwsAsync(place.sandbox({ session: 'one', lower: place.at('other') }), {
      code: 'EEXIST',
      message: new RegExp(`made from ${place.lower}`),
    });
    await using again = await place.sandbox({ session: 'one', lower: place.lower });
    t.deepEqual(
      again.overlays.map(({ target }) => target),
      [place.lower],
    );
  });

  test.serial('of several that make the same one, one has it', async (t) => {
    using place = new SandboxPlace();
    for (let round = 0; round < 10; round++) {
      const session = `one${round}`;
      const made = await Promise.allSettled([1, 2, 3].map(() => place.sandbox({ session })));
      const sandboxes = made.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      t.is(sandboxes.length, 1);
      for (const each of made) {
        if (each.status === 'rejected') {
          t.like(each.reason, { code: 'EBUSY' });
          t.regex(each.reason.message, new RegExp(`is in use: process ${process.pid} `));
        }
      }
      await sandboxes[0]?.close({ discard: true });
    }
    t.deepEqual(place.sessions(), []);
  });

  test.serial('a session outlives a change of what lies below', async (t) => {
    using place = new SandboxPlace();
    await kept(place, 'one');
    writeFileSync(join(place.lower, 'later'), '');
    await using again = await place.sandbox({ session: 'one' });
    const { stdout } = await again.run('ls', [], { cwd: place.lower });
    t.is(stdout.toString(), 'later\nnew\n');
  });
}

function halfMadeCases(): void {
  test.serial('half made: a mount that was killed is made anew', async (t) => {
    using place = new SandboxPlace();
    for (const left of [[], ['upper'], ['upper', 'work'], ['upper', 'work', 'work/work']]) {
      const path = await kept(place, 'one');
      edit(path, { state: 'new' });
      for (const name of ['upper', 'work']) {
        execFileSync('chmod', ['-R', 'u+rwx', join(path, '0', name)]);
        rmSync(join(path, '0', name), { recursive: true });
      }
      for (const name of left) {
        mkdirSync(join(path, '0', name));
      }
      if (left.includes('upper')) {
        chmodSync(join(path, '0/upper'), 0); // what had no attributes yet
      }
      await using again = await place.sandbox({ session: 'one' });
      const { stdout } = await again.run('sh', ['-c', 'stat -c %a .; ls'], { cwd: place.lower });
      t.is(stdout.toString(), '755\n');
      await again.close({ discard: true });
    }
  });

  test.serial('half made or half removed, it is no session, and pruned', async (t) => {
    using place = new SandboxPlace();
    const path = await kept(place, 'one');
    cpSync(record(path), place.at('copy.json'));
    mkdirSync(join(place.state, '.new-aaaaaaaaaaaa'));
    utimesSync(join(place.state, '.new-aaaaaaaaaaaa'), 1_500_000_000, 1_500_000_000);
    mkdirSync(join(place.state, '.new-bbbbbbbbbbbb/0'), { recursive: true });
    cpSync(place.at('copy.json'), join(place.state, '.new-bbbbbbbbbbbb/session.json'));
    mkdirSync(join(place.state, '.old-cccccccccccc/0/upper'), { recursive: true });
    const options = { directory: place.state };
    const rest = (await listSessions(options)).filter(
      (each): each is SessionRest => !isSession(each),
    );
    t.deepEqual(
      rest.map(({ name, problem }) => [name, problem]),
      [
        ['.new-aaaaaaaaaaaa', 'half-made'],
        ['.new-bbbbbbbbbbbb', 'half-made'],
        ['.old-cccccccccccc', 'half-removed'],
      ],
    );
    const dry = await pruneSessions({ ...options, dryRun: true });
    t.is(dry.length, 3);
    t.is(place.sessions().length, 4);
    t.deepEqual(
      (await pruneSessions(options)).map(({ error }) => error),
      [undefined, undefined, undefined],
    );
    t.deepEqual(place.sessions(), ['one']);
  });

  test.serial('an empty draft that is younger than a second may be being made', async (t) => {
    using place = new SandboxPlace();
    const options = { directory: place.state };
    const draft = join(place.state, '.new-aaaaaaaaaaaa');
    mkdirSync(draft, { recursive: true });
    t.deepEqual(await pruneSessions(options), []);
    t.deepEqual(place.sessions(), ['.new-aaaaaaaaaaaa']);
    for (const seconds of [-2, 2]) {
      mkdirSync(draft, { recursive: true });
      utimesSync(draft, Date.now() / 1000, Date.now() / 1000 + seconds);
      t.is((await pruneSessions(options)).length, 1, `${seconds}`);
    }
    mkdirSync(join(draft, '0'), { recursive: true });
    t.is((await pruneSessions(options)).length, 1);
    t.deepEqual(place.sessions(), []);
  });

  test.serial('what is being made and removed is neither pruned nor damaged', async (t) => {
    using place = new SandboxPlace();
    const options = { directory: place.state };
    let busy = 4;
    const makers = Array.from({ length: busy }, async () => {
      try {
        for (let i = 0; i < 25; i++) {
          await (await place.sandbox()).close();
        }
      } finally {
        busy--;
      }
    });
    let looks = 0;
    for (; busy > 0; looks++) {
      await turn(); // where there is no directory of sessions yet, nothing waits
      t.deepEqual(await pruneSessions({ ...options, broken: true }), []);
      const rest = (await listSessions(options)).filter((each) => !isSession(each));
      t.deepEqual(
        rest.filter(({ name }) => !/^\.(new|old)-/.test(name)),
        [],
      );
    }
    await Promise.all(makers);
    t.true(looks > 5, `${looks}`);
    t.deepEqual(place.sessions(), []);
  });

  test.serial('what is used between looking and pruning stays', async (t) => {
    using place = new SandboxPlace();
    const options = { directory: place.state };
    await kept(place, 'first', 'seq 20000 | xargs touch');
    const second = await kept(place, 'second');
    t.false(existsSync(join(second, '0/work/overlayfs.lease')));
    for (const path of [join(place.state, 'first'), second]) {
      utimesSync(record(path), 1_500_000_000, 1_500_000_000);
    }
    const pruning = pruneSessions({ ...options, unusedFor: 86_400_000 });
    while (place.sessions().includes('first')) {
      await turn();
    }
    await (await place.sandbox({ session: 'second' })).close();
    t.deepEqual(
      (await pruning).map(({ name, error }) => [name, error]),
      [['first', undefined]],
    );
    t.deepEqual(place.sessions(), ['second']);
  });

  test.serial('pruned by age, but for what others are stacked on', async (t) => {
    using place = new SandboxPlace();
    const options = { directory: place.state };
    const base = await kept(place, 'base');
    await (await place.sandbox({ session: 'top', base: 'base' })).close();
    const recent = await kept(place, 'recent');
    for (const path of [base, join(place.state, 'top')]) {
      utimesSync(record(path), 1_500_000_000, 1_500_000_000);
    }
    utimesSync(recent, 0, 0); // it is the time of the record that counts
    utimesSync(record(join(place.state, 'top')), new Date(), new Date());
    t.deepEqual(await pruneSessions({ ...options, unusedFor: 86_400_000 }), []);
    utimesSync(record(join(place.state, 'top')), 1_500_000_000, 1_500_000_000);
    for (const dryRun of [true, false]) {
      const pruned = await pruneSessions({ ...options, unusedFor: 86_400_000, dryRun });
      t.deepEqual(
        pruned.map(({ name, error }) => [name, error]),
        [
          ['top', undefined],
          ['base', undefined],
        ],
      );
    }
    t.deepEqual(place.sessions(), ['recent']);
  });
}

function discardCases(): void {
  test.serial('discarded whatever the modes are, and what is linked to stays', async (t) => {
    using place = new SandboxPlace();
    mkdirSync(place.at('outside'));
    writeFileSync(place.at('outside/file'), '');
    const script = `mkdir -p a/b/c dark/inner; echo > a/b/c/f; echo > dark/inner/f
      ln -s ${place.at('outside')} a/link; chmod 0 a/b/c a/b dark/inner dark
      mkfifo fifo; chmod 0 fifo`;
    await kept(place, 'one', script);
    await discardSession('one', { directory: place.state });
    t.deepEqual(place.sessions(), []);
    t.deepEqual(readdirSync(place.at('outside')), ['file']);
  });

  test.serial('a session of fifty levels and of long names', async (t) => {
    using place = new SandboxPlace();
    const script =
      'n=0; while [ $n -lt 50 ]; do d=$(printf "%0200d" $n); mkdir "$d" && cd "$d"; n=$((n+1)); done; echo > f';
    await kept(place, 'one', script);
    await discardSession('one', { directory: place.state });
    t.deepEqual(place.sessions(), []);
  });
}

export function sessionCases(): void {
  lookingCases();
  damageCases();
  halfMadeCases();
  discardCases();
}
