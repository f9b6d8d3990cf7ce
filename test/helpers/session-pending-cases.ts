/** What holds for a session while an apply of it is half done. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import {
  abortApply,
  cloneSession,
  discardSession,
  findSession,
  pruneSessions,
  resumeApply,
} from 'overlayfs';
import type { Result } from './command.ts';
import { objects, overlayfs, program } from './command.ts';
import { SandboxPlace } from './sandbox-place.ts';
import { tracing } from './tracing.ts';

const files = Array.from({ length: 30 }, (_, i) => `f${i + 10}`);

const command = (place: SandboxPlace, name: string, ...words: string[]): Promise<Result> =>
  overlayfs([name, '--dir', place.state, ...words], { cwd: place.lower });

const newOnes = (place: SandboxPlace): number =>
  files.filter((name) => readFileSync(join(place.lower, 'd', name), 'utf8') === 'new\n').length;

/** A session `one` of which `overlayfs apply` was killed in the middle. */
async function killedApply(t: ExecutionContext, ...more: string[]): Promise<SandboxPlace> {
  const place = new SandboxPlace();
  mkdirSync(join(place.lower, 'd'));
  for (const name of files) writeFileSync(join(place.lower, 'd', name), 'old\n');
  await pause(30);
  const script = 'for name in d/*; do echo new > $name; done';
  await command(place, 'run', '--name', 'one', '--', 'sh', '-c', script);
  const inject = ['-e', 'trace=renameat2', '-e', 'inject=renameat2:signal=KILL:when=15'];
  const own = [process.execPath, program, 'apply', '--dir', place.state, ...more, 'one'];
  // It counts the calls of each thread by itself.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
  spawnSync('strace', ['-qq', '-f', '-o', '/dev/null', ...inject, ...own], { env });
  const changed = more.length > 0 ? 1 : newOnes(place);
  t.true(changed > 0 && changed < files.length, `${changed}`);
  return place;
}

export function sessionPendingCases(): void {
  tracing('a session that was applied in part is neither entered nor changed', async (t) => {
    using place = await killedApply(t);
    const options = { directory: place.state };
    const pending = {
      code: 'EBUSY',
      message: /apply of the session 'one' was interrupted: .*lower/,
    };
    await t.throwsAsync(place.sandbox({ session: 'one' }), pending);
    await t.throwsAsync(place.sandbox({ base: 'one' }), pending);
    await t.throwsAsync(cloneSession('one', 'two', options), pending);
    await t.throwsAsync(discardSession('one', options), pending);
    for (const dryRun of [true, false]) {
      const [pruned, ...more] = await pruneSessions({ ...options, unusedFor: 0, dryRun });
      t.like(pruned, { name: 'one', why: 'unused', error: { code: 'EBUSY' } });
      t.regex(pruned?.error?.message ?? '', pending.message);
      t.deepEqual(more, []);
    }
    t.true((await findSession('one', options)).applyPending);
    const ran = await command(place, 'run', '--name', 'one', '--', 'touch', 'more');
    t.is(ran.status, 125);
    t.regex(ran.stderr, /`overlayfs apply --dir \S+ one`.*`overlayfs apply --abort --dir \S+ one`/);
    t.deepEqual(place.sessions(), ['one']);
    t.regex((await command(place, 'sessions')).stdout.toString(), /\(apply pending\)\n$/);
    t.like(objects((await command(place, 'sessions', '--json')).stdout), [{ applyPending: true }]);
    t.is((await command(place, 'diff', 'one')).status, 0);
    t.is((await command(place, 'apply', 'one')).status, 0);
    t.is(newOnes(place), files.length);
    t.deepEqual(place.sessions(), []);
  });

  tracing(
    'one of several directories is finished by the same command, and then the others',
    async (t) => {
      using place = new SandboxPlace();
      const roots = ['one', 'two'].map((name) => place.at(name));
      for (const root of roots) {
        mkdirSync(root);
        for (const name of files) writeFileSync(join(root, name), 'old\n');
      }
      await pause(30);
      const lowers = roots.flatMap((root) => ['--lower', root]);
      const script = `for name in ${roots.map((root) => `${root}/*`).join(' ')}; do echo new > $name; done`;
      await command(place, 'run', '--name', 'both', ...lowers, '--', 'sh', '-c', script);
      const inject = ['-e', 'trace=renameat2', '-e', 'inject=renameat2:signal=KILL:when=15'];
      const own = [process.execPath, program, 'apply', '--dir', place.state, 'both'];
      const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
      spawnSync('strace', ['-qq', '-f', '-o', '/dev/null', ...inject, ...own], { env });
      const changed = (): number[] =>
        roots.map(
          (root) =>
            files.filter((name) => readFileSync(join(root, name), 'utf8') === 'new\n').length,
        );
      const [first = 0, second] = changed();
      t.true(first > 0 && first < files.length && second === 0, `${first} ${second}`);
      const applied = await command(place, 'apply', 'both');
      t.is(applied.status, 0, applied.stderr);
      t.deepEqual(changed(), [files.length, files.length]);
      t.deepEqual(place.sessions(), []);
    },
  );

  tracing('once that was undone the session is what it was', async (t) => {
    using place = await killedApply(t);
    const undone = await command(place, 'apply', '--abort', 'one');
    t.is(undone.status, 0, undone.stderr);
    t.is(newOnes(place), 0);
    t.false((await findSession('one', { directory: place.state })).applyPending);
    await command(place, 'run', '--name', 'one', '--', 'touch', 'more');
    // To put the old files back has changed their change times.
    const applied = await command(place, 'apply', '--theirs', 'one');
    t.is(applied.status, 0, applied.stderr);
    t.is(newOnes(place), files.length);
    t.true(existsSync(join(place.lower, 'more')));
  });

  tracing('other runs on the directory are told that it is half changed', async (t) => {
    using place = await killedApply(t);
    const told = /an apply of .*one\/0\/upper on .*lower was interrupted.*--resume.*--abort/;
    const ran = await command(place, 'run', '--', 'true');
    t.is(ran.status, 0);
    t.regex(ran.stderr, told);
    await using other = await place.sandbox({ session: 'other' });
    t.is(other.warnings.filter((each) => told.test(each)).length, 1);
    await other.close();
    await resumeApply(place.lower);
    await using again = await place.sandbox({ session: 'other' });
    t.deepEqual(again.warnings, []);
  });

  tracing('what somebody has put into the stage is not removed, and told', async (t) => {
    using place = await killedApply(t);
    const stage = join(place.base, '.lower.overlayfs-apply');
    writeFileSync(join(stage, 'notes'), '');
    const applied = await command(place, 'apply', 'one');
    t.is(applied.status, 1);
    t.regex(
      applied.stderr,
      /ENOTEMPTY.*somebody has put something of his own into .*move that out/,
    );
    t.deepEqual(readdirSync(stage), ['notes']);
    t.is(newOnes(place), files.length);
  });

  tracing(
    'one to another directory keeps nobody out, and is not finished without the rest',
    async (t) => {
      using other = new SandboxPlace();
      const copy = other.at('copy');
      mkdirSync(join(copy, 'd'), { recursive: true });
      for (const name of files) writeFileSync(join(copy, 'd', name), 'old\n');
      {
        using unused = await killedApply(t, '--theirs', '--to', copy);
        t.is((await command(unused, 'apply', '--theirs', '--to', copy, 'one')).status, 0);
      }
      using place = await killedApply(t, '--theirs', '--to', copy);
      t.true(existsSync(other.at('.copy.overlayfs-apply/journal')));
      t.is((await command(place, 'run', '--name', 'one', '--', 'touch', 'more')).status, 0);
      const again = ['--theirs', '--to', copy, 'one'] as const;
      const refused = await command(place, 'apply', ...again);
      t.is(refused.status, 1);
      t.regex(refused.stderr, /EBUSY: .* used since: .*--resume .*copy.*--abort/);
      t.is((await command(place, 'apply', '--resume', copy)).status, 0);
      t.false(existsSync(join(copy, 'more')));
      t.is((await command(place, 'apply', ...again)).status, 0);
      t.true(existsSync(join(copy, 'more')));
      t.deepEqual(place.sessions(), ['one']);
    },
  );

  tracing('wherever its stage lies', async (t) => {
    using place = await killedApply(t);
    renameSync(join(place.base, '.lower.overlayfs-apply'), join(place.lower, '.overlayfs-apply'));
    const options = { directory: place.state };
    t.true((await findSession('one', options)).applyPending);
    await t.throwsAsync(discardSession('one', options), { code: 'EBUSY' });
    await t.throwsAsync(place.sandbox({ session: 'one' }), { code: 'EBUSY' });
  });

  tracing('one whose journal cannot be read may be that of any session', async (t) => {
    using place = await killedApply(t);
    truncateSync(join(place.base, '.lower.overlayfs-apply/journal'), 20);
    const options = { directory: place.state };
    t.true((await findSession('one', options)).applyPending);
    const damaged = { code: 'EUCLEAN', message: /journal/ };
    await t.throwsAsync(discardSession('one', options), damaged);
    await t.throwsAsync(place.sandbox({ session: 'one' }), damaged);
    await using other = await place.sandbox({ session: 'other' });
    t.is(other.warnings.filter((each) => /EUCLEAN/.test(each)).length, 1);
  });

  tracing('a new session of its name has nothing to do with it', async (t) => {
    using place = await killedApply(t);
    await pause(1100); // the journal has seconds
    execFileSync('chmod', ['-R', 'u+rwX', join(place.state, 'one')]);
    execFileSync('rm', ['-r', join(place.state, 'one')]);
    await using again = await place.sandbox({ session: 'one' });
    t.is(again.warnings.filter((each) => /was interrupted/.test(each)).length, 1);
    await again.close();
    t.false((await findSession('one', { directory: place.state })).applyPending);
    await discardSession('one', { directory: place.state });
  });

  tracing('a stage in which nothing has begun keeps nobody out', async (t) => {
    using place = await killedApply(t);
    await abortApply(place.lower);
    mkdirSync(join(place.base, '.lower.overlayfs-apply/slots'), { recursive: true, mode: 0o700 });
    await using again = await place.sandbox({ session: 'one' });
    t.deepEqual(again.warnings, []);
    t.deepEqual(readdirSync(join(place.lower, 'd')).sort(), files);
  });
}
