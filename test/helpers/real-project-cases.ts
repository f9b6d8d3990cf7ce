/** What people do in a sandbox, applied: it is what the same commands make without one. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { onTerminal, overlayfs } from './command.ts';
import { SandboxPlace } from './sandbox-place.ts';

const env: NodeJS.ProcessEnv = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  LC_ALL: 'C',
};

function run(cwd: string, file: string, ...args: readonly string[]): string {
  return execFileSync(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}

/** Everything but times, which no command makes twice. */
function differences(left: string, right: string, ...options: readonly string[]): string {
  const words = ['-rlpgoDHAXn', '--checksum', '--delete', '-i', ...options];
  return run('/', 'rsync', ...words, `${left}/`, `${right}/`);
}

/** Runs the words in a session and applies that, and without one in a copy of the directory. */
async function both(
  t: ExecutionContext,
  place: SandboxPlace,
  ...words: readonly [string, ...string[]]
): Promise<string> {
  const direct = place.at('direct');
  execFileSync('cp', ['-a', place.lower, direct]);
  run(direct, ...words);
  const session = ['--dir', place.state, '--name', 'one'];
  const ran = await overlayfs(['run', ...session, '--', ...words], { cwd: place.lower, env });
  t.is(ran.status, 0, `${ran.stdout}${ran.stderr}`);
  const applied = await overlayfs(['apply', '--dir', place.state, 'one'], { cwd: place.base });
  t.deepEqual([applied.status, applied.stderr], [0, '']);
  t.deepEqual(place.sessions(), []);
  return direct;
}

function has(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

function withPrograms(
  title: string,
  needed: readonly string[],
  body: (t: ExecutionContext, place: SandboxPlace) => Promise<void>,
): void {
  const missing = needed.find((each) => !has(each));
  const run = async (t: ExecutionContext): Promise<void> => {
    t.timeout(10 * 60_000);
    using place = new SandboxPlace();
    await body(t, place);
  };
  if (missing === undefined) test.serial(title, run);
  else test.serial.skip(`${title} (${missing} is not installed)`, run);
}

const dependencies = { eslint: '8.57.1', express: '4.21.2', webpack: '5.97.1' };

export function realProjectCases(): void {
  withPrograms('npm install of hundreds of packages', ['npm', 'rsync'], async (t, place) => {
    const manifest = { name: 'project', version: '1.0.0', private: true, dependencies };
    writeFileSync(join(place.lower, 'package.json'), JSON.stringify(manifest));
    const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--prefer-offline'];
    const cache = ['--cache', place.at('cache')];
    const direct = await both(t, place, 'npm', 'install', ...quiet, ...cache);
    t.is(differences(direct, place.lower), '');
    const { packages } = JSON.parse(readFileSync(join(place.lower, 'package-lock.json'), 'utf8'));
    t.true(Object.keys(packages).length > 200);
    const script = 'require("express")(); require("webpack"); console.log("works")';
    t.is(run(place.lower, process.execPath, '-e', script), 'works\n');
    const eslint = join(place.lower, 'node_modules/.bin/eslint');
    t.regex(run(place.lower, eslint, '--version'), /^v8/);
  });

  withPrograms('git clone of a repository', ['git', 'rsync'], async (t, place) => {
    const origin = place.at('origin');
    mkdirSync(join(origin, 'src'), { recursive: true });
    for (let i = 0; i < 50; i++) writeFileSync(join(origin, 'src', `${i}.c`), `int x${i};\n`);
    const author = ['-c', 'user.name=a', '-c', 'user.email=a@example.org'];
    run(origin, 'git', 'init', '-q');
    run(origin, 'git', 'add', '.');
    run(origin, 'git', ...author, 'commit', '-qm', 'first');
    const direct = await both(t, place, 'git', 'clone', '-q', '--no-hardlinks', origin, 'clone');
    // (Links cannot lead out of an overlay.) Its log and its index have times and inode numbers in them.
    const but = ['--exclude=clone/.git/logs', '--exclude=clone/.git/index'];
    t.is(differences(direct, place.lower, ...but), '');
    const clone = join(place.lower, 'clone');
    t.is(run(clone, 'git', 'status', '--porcelain'), '');
    t.is(run(clone, 'git', 'fsck', '--strict'), '');
  });

  withPrograms('make of a program in C', ['make', 'cc', 'rsync'], async (t, place) => {
    mkdirSync(join(place.lower, 'src'));
    writeFileSync(join(place.lower, 'src/a.c'), 'int answer(void) { return 42; }\n');
    const main =
      '#include <stdio.h>\nint answer(void);\nint main(void) { printf("%d\\n", answer()); }\n';
    writeFileSync(join(place.lower, 'src/main.c'), main);
    const rules = [
      'objects = obj/a.o obj/main.o',
      'bin/program: $(objects)\n\tmkdir -p bin\n\tcc -o $@ $(objects)',
      'obj/%.o: src/%.c\n\tmkdir -p obj\n\tcc -O1 -c -o $@ $<',
    ];
    writeFileSync(join(place.lower, 'Makefile'), `${rules.join('\n')}\n`);
    const direct = await both(t, place, 'make');
    t.is(differences(direct, place.lower), '');
    t.is(run(place.lower, 'bin/program'), '42\n');
    // The times are those of the files that were made.
    t.regex(run(place.lower, 'make'), /up to date/);
  });

  withPrograms('a shell on a terminal', ['script', 'bash'], async (t, place) => {
    writeFileSync(join(place.lower, 'file'), 'old\n');
    const typed = ['tty', 'sleep 100 &', 'kill %1; wait', 'echo new > file', 'echo done:$((6*7))'];
    const words = `run --dir ${place.state} --name one -- bash --norc --noediting -i`;
    const line = `cd ${place.lower} && overlayfs ${words}`;
    const { status, stdout } = await onTerminal(line, { typed: [...typed, 'exit 7'] });
    t.is(status, 7, `${stdout}`);
    t.regex(`${stdout}`, /\/dev\/pts\/\d+/);
    t.regex(`${stdout}`, /done:42/);
    t.notRegex(`${stdout}`, /no job control/);
    t.is(readFileSync(join(place.lower, 'file'), 'utf8'), 'old\n');
    const applied = await overlayfs(['apply', '--dir', place.state, 'one'], { cwd: place.base });
    t.deepEqual([applied.status, applied.stderr], [0, '']);
    t.is(readFileSync(join(place.lower, 'file'), 'utf8'), 'new\n');
  });
}
