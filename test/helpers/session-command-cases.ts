/** What the commands about sessions say and do, whoever calls them. */
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findSession } from 'overlayfs';
import type { Result } from './command.ts';
import { objects, overlayfs, overlayfsBytes, shell } from './command.ts';
import { SandboxPlace } from './sandbox-place.ts';

const command = (place: SandboxPlace, words: string, cwd = place.lower): Promise<Result> => {
  const [name = '', ...rest] = words.split(' ');
  return overlayfs(
    [name, ...(rest[0] === 'prune' ? rest.splice(0, 1) : []), '--dir', place.state, ...rest],
    { cwd },
  );
};

/** With one on the other: `b3` on `b2` on `b1`, and `a` by itself. */
async function stacked(place: SandboxPlace): Promise<void> {
  await (await place.sandbox({ session: 'a' })).close();
  await (await place.sandbox({ session: 'b1' })).close();
  await (await place.sandbox({ session: 'b2', base: 'b1' })).close();
  await (await place.sandbox({ session: 'b3', base: 'b2' })).close();
}

/** The lines that a message proposes to type. */
const proposals = (message: string): string[] =>
  Array.from(message.matchAll(/`(overlayfs [^`]+)`/g), ([, line]) => line ?? '');

function proposalCases(): void {
  test.serial('what a message proposes can be typed as it is', async (t) => {
    using place = new SandboxPlace();
    const state = place.at("sessions' place");
    const words = ['run', '--dir', state, '--name', 'base', 'true'];
    t.is((await overlayfs(words, { cwd: place.lower })).status, 0);
    await (await place.sandbox({ directory: state, session: 'upon', base: 'base' })).close();
    const based = await overlayfs(['discard', '--dir', state, 'base']);
    const [discard = '', clone = ''] = proposals(based.stderr);
    t.is((await shell(clone.replace('NEW', 'copy'))).stderr, '');
    t.is((await shell(discard)).stderr, '');
    t.deepEqual(readdirSync(state).sort(), ['base', 'copy']);
    const none = await overlayfs(['discard', '--dir', state, 'none']);
    const [list = ''] = proposals(none.stderr);
    t.regex((await shell(list)).stdout.toString(), /^base .*\ncopy /);
    writeFileSync(join(state, 'base/session.json'), '');
    const [prune = ''] = proposals((await overlayfs(['diff', '--dir', state, 'base'])).stderr);
    t.is((await shell(prune)).stderr, '');
    t.deepEqual(readdirSync(state), ['copy']);
  });

  test.serial('where sessions lie by default no message says it', async (t) => {
    using place = new SandboxPlace();
    const env = { ...process.env, XDG_STATE_HOME: place.at('home') };
    const { stderr } = await overlayfs(['discard', 'none'], { env });
    t.deepEqual(proposals(stderr), ['overlayfs sessions']);
  });
}

function orderCases(): void {
  test.serial('sessions are discarded in an order that works, and past a failure', async (t) => {
    using place = new SandboxPlace();
    await stacked(place);
    const some = await command(place, 'discard b1 none b2');
    t.is(some.status, 1);
    t.deepEqual(place.sessions(), ['a', 'b1', 'b2', 'b3']);
    t.deepEqual(
      some.stderr.split('\n').map((line) => /session '(\w+)'/.exec(line)?.[1]),
      ['b2', 'b1', 'none', undefined],
    );
    t.regex(
      some.stderr,
      /b3 is stacked on it .*`overlayfs discard --dir \S+ b3`.*`overlayfs sessions clone --dir \S+ b2 NEW`/,
    );
    const all = await command(place, 'discard b1 b2 a none b3 b1');
    t.is(all.status, 1);
    t.regex(all.stderr, /^overlayfs: ENOENT: there is no session 'none': .*\n$/);
    t.deepEqual(place.sessions(), []);
  });

  test.serial(
    'bases are pruned after what is stacked on them, and stay where that stays',
    async (t) => {
      using place = new SandboxPlace();
      await stacked(place);
      const dry = await command(place, 'sessions prune --unused-for 0m --dry-run');
      t.deepEqual([dry.status, dry.stderr], [0, '']);
      const names = Array.from(
        `${dry.stdout}`.matchAll(/^would remove (\w+) /gm),
        ([, name]) => name,
      );
      t.deepEqual(names, ['b3', 'b2', 'a', 'b1']);
      const sandbox = await place.sandbox({ session: 'b3', base: 'b2' });
      const busy = await command(place, 'sessions prune --unused-for 0m');
      t.deepEqual([busy.status, busy.stderr], [0, '']);
      t.deepEqual(place.sessions(), ['b1', 'b2', 'b3']);
      await sandbox.close();
      const real = await command(place, 'sessions prune --unused-for 0m');
      t.deepEqual([real.status, real.stderr], [0, '']);
      t.deepEqual(place.sessions(), []);
    },
  );
}

function foreignCases(): void {
  test.serial('what is no session is named once, and nothing is recommended for it', async (t) => {
    using place = new SandboxPlace();
    await (await place.sandbox({ session: 'one' })).close();
    mkdirSync(join(place.state, 'photos'));
    mkdirSync(join(place.state, 'My Docs'));
    for (let i = 0; i < 5; i++) writeFileSync(join(place.state, `photos/${i}`), '');
    const told = `overlayfs: ${place.state}/My Docs, ${place.state}/photos are not sessions, and left alone\n`;
    const listed = await command(place, 'sessions');
    t.is(listed.status, 0);
    t.regex(listed.stdout.toString(), /^one .*\n$/);
    t.is(listed.stderr, told);
    const pruned = await command(place, 'sessions prune --broken --unused-for 0m');
    t.deepEqual([pruned.status, pruned.stderr], [0, told]);
    t.deepEqual(readdirSync(place.state), ['My Docs', 'photos']);
    t.is(readdirSync(join(place.state, 'photos')).length, 5);
    const json = objects((await command(place, 'sessions --json')).stdout);
    t.deepEqual(
      json.map(({ name, problem }) => [name, problem]),
      [
        ['My Docs', 'foreign'],
        ['photos', 'foreign'],
      ],
    );
  });

  test.serial('what is damaged is said once', async (t) => {
    using place = new SandboxPlace();
    await (await place.sandbox({ session: 'one' })).close();
    rmSync(join(place.state, 'one/session.json'));
    const { stdout } = await command(place, 'sessions');
    t.regex(stdout.toString(), /^one +damaged: session\.json is missing.*prune --broken.*\n$/);
  });
}

function byteCases(): void {
  test.serial('where sessions lie need not be text', async (t) => {
    using place = new SandboxPlace();
    const odd = Buffer.from('st\xff', 'latin1');
    const at = Buffer.concat([Buffer.from(`${place.base}/`), odd]);
    const where = ['--dir', at];
    const words = ['run', ...where, '--lower', place.lower, '--name', 'one', '--', 'touch', 'new'];
    const cwd = place.lower;
    const ran = await overlayfsBytes(words, { cwd });
    t.is(ran.status, 0, ran.stderr);
    const names = readdirSync(place.base, { encoding: 'buffer' });
    t.deepEqual(names.map((name) => name.toString('latin1')).sort(), ['lower', 'st\xff']);
    const listed = async (): Promise<Record<string, unknown>[]> =>
      objects((await overlayfsBytes(['sessions', '--json', ...where])).stdout);
    const base64 = (name: string): string =>
      Buffer.concat([at, Buffer.from(name)]).toString('base64');
    t.like(await listed(), [
      {
        name: 'one',
        pathBase64: base64('/one'),
        overlays: [{ upperBase64: base64('/one/0/upper') }],
      },
    ]);
    const stacked = ['run', ...where, '--base', 'one', '--name', 'two', '--', 'ls'];
    t.is((await overlayfsBytes(stacked, { cwd })).stdout.toString(), 'new\n');
    const lowerBase64 = [base64('/one/0/upper'), Buffer.from(cwd).toString('base64')];
    t.like((await listed())[1], { name: 'two', overlays: [{ lowerBase64 }] });
    t.is((await overlayfsBytes(['sessions', 'clone', ...where, 'one', 'three'])).status, 0);
    t.is((await overlayfsBytes(['diff', ...where, 'three'])).stdout.toString(), 'A  new\n');
    t.is((await overlayfsBytes(['discard', ...where, 'two', 'three'])).status, 0);
    t.is((await overlayfsBytes(['apply', ...where, 'one'])).status, 0);
    t.deepEqual(readdirSync(place.lower), ['new']);
    t.deepEqual(readdirSync(at), []);
  });

  test.serial(
    'where they lie is told without detours, but for those that lead elsewhere',
    async (t) => {
      using place = new SandboxPlace();
      mkdirSync(place.at('other/inner'), { recursive: true });
      symlinkSync(place.at('other/inner'), place.at('link'));
      const words = ['--name', 'one', '--', 'true'];
      const ran = await overlayfs(['run', '--dir', '../link/..//./x/', ...words], {
        cwd: place.lower,
      });
      t.is(ran.status, 0, ran.stderr);
      t.deepEqual(readdirSync(place.at('other/x')), ['one']);
      const { path } = await findSession('one', { directory: `${place.base}/.//other/x/` });
      t.is(path, place.at('other/x/one'));
    },
  );

  test.serial('nor what the environment says of it', async (t) => {
    using place = new SandboxPlace();
    const ran = await shell(
      'XDG_STATE_HOME="$BASE/$(printf "x\\377")" HOME=/nowhere overlayfs run --name one -- true',
      { cwd: place.lower, env: { BASE: place.base } },
    );
    t.is(ran.status, 0, ran.stderr);
    const home = await shell(
      'unset XDG_STATE_HOME; HOME="$BASE/$(printf "h\\377")"; export HOME; mkdir "$HOME"; overlayfs run --name one -- true',
      { cwd: place.lower, env: { BASE: place.base } },
    );
    t.is(home.status, 0, home.stderr);
    const names = readdirSync(place.base, { encoding: 'buffer' });
    t.deepEqual(names.map((name) => name.toString('latin1')).sort(), ['h\xff', 'lower', 'x\xff']);
  });
}

function wordCases(): void {
  test.serial('names that lead to nothing are told with the way out', async (t) => {
    using place = new SandboxPlace();
    for (const [words, status, expected] of [
      [
        'apply none',
        1,
        /no session 'none', and no directory of that name.*`overlayfs sessions --dir \S+`/,
      ],
      [
        'diff none',
        1,
        /no session 'none', and no directory of that name.*`overlayfs sessions --dir \S+`/,
      ],
      ['apply --abort none', 1, /no session 'none', and no directory of that name/],
      ['apply --resume none', 1, /no session 'none', and no directory of that name/],
      ['sessions none', 2, /'none' is none of .*clone, prune/],
      ['discard a/b', 2, /NAME must be the name of a session, but is 'a\/b': up to 100 letters/],
      ['discard .a', 2, /NAME must be the name of a session, but is '\.a'/],
    ] as const) {
      const result = await command(place, words);
      t.is(result.status, status, words);
      t.regex(result.stderr, expected, words);
      t.notRegex(result.stderr, /a bug|options\./);
    }
    const ran = await overlayfs(['run', '--name', 'a/b', '--', 'true'], { cwd: place.lower });
    t.is(ran.status, 125);
    t.regex(ran.stderr, /--name must be the name of a session, but is 'a\/b'/);
    for (const word of ['clone', 'prune']) {
      const help = await overlayfs(['help', 'sessions', word]);
      t.is(help.status, 0);
      t.regex(help.stdout.toString(), /^Usage: overlayfs sessions /);
    }
    t.is((await overlayfs(['help', 'sessions', 'none'])).status, 2);
    t.is((await overlayfs(['help', 'run', 'clone'])).status, 2);
  });

  test.serial('the work directory of the kernel does not count as unreadable', async (t) => {
    using place = new SandboxPlace();
    await (await place.sandbox({ session: 'one' })).close();
    const { stdout } = await command(place, 'sessions');
    t.regex(stdout.toString(), /^one +[\d.]+[BKM] {2}/);
    t.like(objects((await command(place, 'sessions --json')).stdout), [{ unreadable: 0 }]);
  });

  test.serial('mistakes about layers are told in the words of the command', async (t) => {
    using place = new SandboxPlace();
    for (const [words, expected] of [
      [
        '--base b --lower .',
        /^overlayfs: --base has layers already: leave --lower and --overlay out\n/,
      ],
      ['--base b --name b', /^overlayfs: --base must be another session/],
      ['--lower . --lower .', /^overlayfs: --lower covers '.*' twice\n/],
      ['--lower . --overlay .=.', /^overlayfs: --overlay covers '.*' twice\n/],
    ] as const) {
      const result = await command(place, `run ${words} -- true`);
      t.is(result.status, 125);
      t.regex(result.stderr, expected, words);
      t.regex(result.stderr, /Try 'overlayfs run --help'\n$/);
    }
  });
}

export function sessionCommandCases(): void {
  proposalCases();
  orderCases();
  foreignCases();
  byteCases();
  wordCases();
}
