/** What programs are kept from, whoever makes the sandbox. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { overlayfs, program } from './command.ts';
import { furnished, refusal, said, writes } from './isolation-kit.ts';
import { linkCases } from './isolation-link-cases.ts';
import { signalCases } from './run-signal-cases.ts';
import { closed, descriptors } from './sandbox-cases.ts';
import { sandboxEndCases } from './sandbox-end-cases.ts';
import { SandboxPlace } from './sandbox-place.ts';

function hidingCases(): void {
  test.serial('what is hidden is empty, and cannot be written to', async (t) => {
    using place = furnished();
    symlinkSync('beside', place.at('link'));
    const beside = place.at('beside');
    const look = `ls -A ${beside}; cat ${beside}/secret; ${writes(`${beside}/new`)}`;
    t.is(
      await said(place, { hide: [place.at('link'), beside, `${beside}/sub/`] }, look),
      `cat: ${beside}/secret: No such file or directory\nno\n`,
    );
    const secret = place.at('beside/secret');
    const file = `stat -c '%F' ${secret}; ${writes(secret)}; ls ${beside}`;
    t.is(await said(place, { hide: secret }, file), 'regular empty file\nno\nsecret\nsub\n');
    t.is(await said(place, { hide: join(place.lower, 'file') }, 'cat file; ls'), 'file\n');
    t.deepEqual(readdirSync(beside), ['secret', 'sub']);
  });

  test.serial('an overlay is seen in what is hidden around it', async (t) => {
    using place = furnished();
    const script = `pwd -P; cat file; ls -A ..; ${writes('new', '../new')}; ls`;
    t.is(
      await said(place, { hide: place.base }, script),
      `${place.lower}\nbelowlower\nwrote\nno\nfile\nnew\n`,
    );
    // The session lies in there as well: programs cannot reach it.
    t.deepEqual(readdirSync(place.lower), ['file']);
  });

  test.serial('what only the session has can be hidden as well', async (t) => {
    using place = furnished();
    const made = join(place.lower, 'made');
    const session = 'one';
    await said(place, { session }, 'mkdir made; echo > made/in');
    t.is(await said(place, { session, hide: made }, 'ls made'), '');
    t.is(await said(place, { session, readOnly: made }, writes('made/in', 'x')), 'no\nwrote\n');
    await using sandbox = await place.sandbox({ session, hide: join(place.lower, 'other') });
    await t.throwsAsync(sandbox.run('true'), {
      code: 'ENOENT',
      message: /openat2 '.*\/other': there is nothing of that name in the view/,
    });
  });
}

/** Links of the host say nothing of the view, and links in the view are not what they will be. */
function readingCases(): void {
  test.serial('what is read-only is so with everything below', async (t) => {
    using place = furnished();
    const [beside, secret] = [place.at('beside'), place.at('beside/secret')];
    const script = `${writes(`${beside}/new`, `${beside}/sub/new`, secret, 'new')}; cat ${secret}`;
    const all = await said(place, { readOnly: beside }, script);
    t.is(all, 'no\nno\nno\nwrote\nsecret');
    const one = await said(place, { readOnly: secret }, writes(secret, `${beside}/new`));
    t.is(one, 'no\nwrote\n');
    t.deepEqual(readdirSync(beside), ['new', 'secret', 'sub']);
  });

  test.serial('an overlay in it can be written to, and one that is named cannot', async (t) => {
    using place = furnished();
    const script = writes('new', '../beside/new', '/dev/shm/overlayfs-test-new');
    t.is(await said(place, { readOnly: '/' }, script), 'wrote\nno\nno\n');
    t.is(await said(place, { readOnly: place.lower }, script.split(';', 1).join()), 'no\n');
    mkdirSync(join(place.lower, 'sub'));
    const sub = writes('sub/new', 'file', 'new');
    t.is(await said(place, { readOnly: join(place.lower, 'sub') }, sub), 'no\nwrote\nwrote\n');
  });
}

function temporaryCases(): void {
  test.serial('an empty /tmp is one for every program, with the overlays in it', async (t) => {
    using place = furnished();
    await using sandbox = await place.sandbox({ emptyTmp: true });
    const script = 'ls -A /tmp; stat -c "%a %m" /tmp; ls; echo > /tmp/new; echo > new';
    const run = (): Promise<string> =>
      sandbox
        .run('sh', ['-c', script], { cwd: place.lower })
        .then(({ stdout }) => stdout.toString());
    const [first] = place.base.split('/').slice(2, 3);
    t.is(await run(), `${first}\n1777 /tmp\nfile\n`);
    t.is(await run(), `${first}\n1777 /tmp\nfile\nnew\n`);
    t.false(readdirSync('/tmp').includes('new'));
  });
}

function networkCases(): void {
  test.serial('without network there is a loopback device, which is up', async (t) => {
    using place = new SandboxPlace();
    const own = execFileSync('readlink', ['/proc/self/ns/net']).toString();
    const script = `cut -d: -sf1 /proc/net/dev | tr -d ' '; exec "$0" -e '
      const server = net.createServer((socket) => socket.end("heard")).listen(0, "127.0.0.1", () =>
        net.connect(server.address().port, "127.0.0.1").on("data", (data) => {
          console.log(String(data), fs.readlinkSync("/proc/self/ns/net") + "\\n" === process.argv[1]);
          server.close();
        }));' "$1"`;
    await using sandbox = await place.sandbox({ network: false });
    const words = ['-c', script, process.execPath, own];
    const { stdout, stderr } = await sandbox.run('sh', words, { cwd: '/' });
    t.is(stdout.toString(), 'lo\nheard false\n', stderr.toString());
  });
}

function processCases(): void {
  test.serial('in a PID namespace there are only processes of the program’s own', async (t) => {
    using place = new SandboxPlace();
    const before = await descriptors();
    const sandbox = await place.sandbox({ pidNamespace: true });
    const script = 'cd /proc; echo [0-9]* $$; kill -9 1; exit 3';
    const { code, stdout } = await sandbox.run('sh', ['-c', script]);
    t.deepEqual([code, stdout.toString()], [3, '1 2 2\n']);
    t.like(await sandbox.run('sh', ['-c', 'kill -SEGV $$']), { code: null, signal: 'SIGSEGV' });
    await t.throwsAsync(sandbox.run('no-such-program'), { code: 'ENOENT', message: /execve/ });
    await sandbox.close();
    t.is(await descriptors(), before);
    t.deepEqual(place.processes(), []);
  });

  test.serial('each program has a namespace of its own, and a pid of ours', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox({ pidNamespace: true, network: false });
    const start = (): ReturnType<typeof sandbox.spawn> =>
      sandbox.spawn('sh', ['-c', 'readlink /proc/self/ns/pid; read x'], { cwd: '/' });
    const programs = [start(), start(), start()];
    const names = await Promise.all(
      programs.map(
        ({ stdout }) => new Promise<string>((tell) => stdout?.once('data', (d) => tell(String(d)))),
      ),
    );
    t.is(new Set(names).size, 3);
    t.true(programs.every(({ pid }) => pid !== undefined && pid > 2 && process.kill(pid, 0)));
    const [one, ...others] = programs;
    const ends = programs.map(closed);
    one?.kill('SIGINT');
    t.deepEqual(await ends[0], [null, 'SIGINT']);
    for (const other of others) {
      other.stdin?.end();
    }
    t.deepEqual(await Promise.all(ends.slice(1)), [
      [1, null],
      [1, null],
    ]);
  });

  test.serial('whose first process is killed takes the rest along', async (t) => {
    using place = new SandboxPlace();
    await using sandbox = await place.sandbox({ pidNamespace: true });
    const child = sandbox.spawn('sh', ['-c', '(setsid sleep 1000 &); echo; sleep 1000'], {
      cwd: place.lower,
    });
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const status = execFileSync('cat', [`/proc/${child.pid}/stat`]).toString();
    const [, first = ''] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    process.kill(Number(first), 'SIGKILL');
    t.deepEqual(await closed(child), [null, 'SIGKILL']);
    t.deepEqual(place.processes(), []);
  });

  test.serial('its /proc is read-only with what lies around it', async (t) => {
    using place = new SandboxPlace();
    const script = writes('/proc/self/comm');
    t.is(await said(place, { pidNamespace: true }, script), 'wrote\n');
    t.is(await said(place, { pidNamespace: true, readOnly: '/proc' }, script), 'no\n');
    t.is(await said(place, { pidNamespace: true, readOnly: '/' }, script), 'no\n');
  });

  // As in most containers: what was masked by somebody with more rights must not be seen in another one.
  test.serial('where /proc is masked there is no other, and an error says so', (t) => {
    using place = new SandboxPlace();
    const own = ['unshare', '--user', '--map-root-user', '--mount'];
    const script = `mount -t tmpfs none /proc/sys && exec ${own.join(' ')} "$@" 2>&1`;
    const command = [
      process.execPath,
      program,
      'run',
      '--dir',
      place.state,
      '--pid-namespace',
      'true',
    ];
    const { status, stdout } = spawnSync(
      'sh',
      ['-c', `${own.join(' ')} sh -c '${script}' sh "$@"`, 'sh', ...command],
      {
        cwd: place.lower,
      },
    );
    t.is(status, 125);
    t.regex(
      String(stdout),
      /EPERM: operation not permitted, mount 'proc' -> '\/proc': .* masked.*systempaths=unconfined/,
    );
    t.deepEqual(place.sessions(), []);
  });
}

function refusalCases(): void {
  test.serial('what cannot be is refused before anything is made', async (t) => {
    using place = furnished();
    const [base, lower, beside] = [place.base, place.lower, place.at('beside')];
    const elsewhere = '/dev/shm/overlayfs-test-isolation';
    const tmp = { overlays: [{ target: '/tmp', lower }], directory: elsewhere };
    for (const [options, code, message] of [
      [{ hide: '/' }, 'EINVAL', /`hide` \(--hide\) cannot be for '\/': no program/],
      [{ hide: lower }, 'EINVAL', /`hide`.*lower': there is an overlay/],
      [
        { hide: base, readOnly: beside },
        'EINVAL',
        /\(--read-only\).*beside': `hide` leaves nothing/,
      ],
      [
        { hide: beside, readOnly: beside },
        'EINVAL',
        /\(--read-only\).*beside': `hide` leaves noth/,
      ],
      [{ hide: '/tmp', emptyTmp: true }, 'EINVAL', /`hide`.*'\/tmp': `emptyTmp` leaves nothing/],
      [
        { emptyTmp: true, ...tmp },
        'EINVAL',
        /\(--empty-tmp\) cannot be for '\/tmp': there is an over/,
      ],
      [{ hide: join(beside, 'none') }, 'ENOENT', /realpath '.*none': it is to be hidden; leave it/],
      [{ hide: join(lower, 'none') }, 'ENOENT', /realpath '.*none': it is to be hidden; leave it/],
      [{ readOnly: join(lower, 'file/x') }, 'ENOTDIR', /realpath .*: it is to be read-only; leave/],
      [{ readOnly: `${lower}/x/../..` }, 'ENOENT', /realpath .*: it is to be read-only; leave/],
    ] as const) {
      await refusal(t, place, options, code, message);
    }
    t.false(existsSync(elsewhere));
  });

  test.serial('a working directory that is hidden is one that is not there', async (t) => {
    using place = furnished();
    await using sandbox = await place.sandbox({ hide: place.at('beside') });
    await t.throwsAsync(sandbox.run('true', [], { cwd: place.at('beside/sub') }), {
      code: 'ENOENT',
      message: /chdir '.*beside\/sub': .* outside of what is hidden/,
    });
  });
}

function failedStartCases(): void {
  test.serial('a new session is not left of a program that could not be started', async (t) => {
    using place = furnished();
    const session = 'one';
    const failing = async (): Promise<void> => {
      await using sandbox = await place.sandbox({ session });
      await t.throwsAsync(sandbox.run('no-such-program'), { code: 'ENOENT' });
    };
    await failing();
    t.deepEqual(place.sessions(), []);
    const run = (...words: string[]): ReturnType<typeof overlayfs> =>
      overlayfs(['run', '--dir', place.state, '--name', session, ...words], { cwd: place.lower });
    t.is((await run('no-such-program')).status, 127);
    t.deepEqual(place.sessions(), []);
    t.is((await run('sh', '-c', 'ln -s file link; exit 3')).status, 3);
    t.is((await run('--hide', 'link', 'true')).status, 125);
    await failing();
    t.deepEqual(place.sessions(), [session]);
    await using sandbox = await place.sandbox({ session: 'two' });
    t.is((await sandbox.run('true')).code, 0);
    await t.throwsAsync(sandbox.run('no-such-program'), { code: 'ENOENT' });
    await sandbox.close();
    t.deepEqual(place.sessions(), [session, 'two']);
  });
}

function commandCases(): void {
  test.serial('the command has an option for each', async (t) => {
    using place = furnished();
    const run = (...words: string[]): ReturnType<typeof overlayfs> =>
      overlayfs(['run', '--dir', place.state, ...words], { cwd: place.lower });
    const script = `echo $$; cut -d: -sf1 /proc/net/dev | tr -d ' '; ls -A ../beside; ls -A /tmp
      ${writes('/tmp/x', '../x', 'x')}; kill -TERM $$`;
    const isolated = await run(
      ...['--no-network', '--pid-namespace', '--empty-tmp', '--hide', '../beside/'],
      ...['--hide', 'file', '--read-only', '/usr', '--', 'sh', '-c', script],
    );
    const [first] = place.base.split('/').slice(2, 3);
    t.is(isolated.stdout.toString(), `2\nlo\n${first}\nwrote\nwrote\nwrote\n`, isolated.stderr);
    t.is(isolated.status, 143);
    const refused = await run('--hide', '.', '--', 'true');
    t.is(refused.status, 125);
    t.regex(refused.stderr, /^overlayfs: EINVAL: `hide` \(--hide\) cannot be for '.*lower': /);
    t.deepEqual(place.sessions(), []);
  });
}

export function isolationCases(): void {
  hidingCases();
  linkCases();
  readingCases();
  temporaryCases();
  networkCases();
  processCases();
  refusalCases();
  failedStartCases();
  commandCases();
  sandboxEndCases(' in a PID namespace', { pidNamespace: true });
  signalCases(' in a PID namespace', ['--pid-namespace']);
}
