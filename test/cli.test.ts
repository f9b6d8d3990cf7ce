// The commands that mount, unmount and list, and help, each run as a program of its own.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import test from 'ava';
import { objects, overlayfs, program, shell, version } from './helpers/command.ts';
import { mountAt, printed } from './helpers/mount-command.ts';
import { asRoot, Place } from './helpers/place.ts';

const commands = ['mount', 'umount', 'refresh', 'list', 'diff', 'scan', 'help'];

const userxattr = !asRoot;

test('mount prints what was mounted, umount unmounts it and prints nothing', async (t) => {
  using place = new Place('lower', 'lower2', 'target');
  writeFileSync(place.at('lower/a'), 'upper-most');
  writeFileSync(place.at('lower2/a'), 'hidden');
  writeFileSync(place.at('lower2/b'), '');
  const text = printed(t, await mountAt(place, '--lower', place.at('lower2')));
  // The first is the top-most: lower2.
  t.is(
    text,
    `${place.at('target')}\n  lower: ${place.at('lower2')}\n  lower: ${place.at('lower')}\n` +
      `  upper: ${place.at('upper')}\n  work: ${place.at('upper.work')}\n` +
      (userxattr ? '  options: userxattr\n' : ''),
  );
  t.deepEqual(place.overlays(), [place.at('target')]);
  t.deepEqual(readdirSync(place.at('target')).sort(), ['a', 'b']);
  t.is(statSync(place.at('target/a')).size, 'hidden'.length);
  t.is(printed(t, await overlayfs(['umount', place.at('target')])), '');
  t.deepEqual(place.overlays(), []);
});

test('mount --json, --work and --userxattr', async (t) => {
  using place = new Place('lower', 'target');
  const work = place.at('work');
  const text = printed(t, await mountAt(place, '--json', '--userxattr', '--work', work));
  const [object] = objects(Buffer.from(text));
  t.regex(String(object?.mountId), /^\d+$/);
  t.deepEqual(
    { ...object, mountId: typeof object?.mountId },
    {
      target: place.at('target'),
      mountId: 'string',
      lower: [place.at('lower')],
      upper: place.at('upper'),
      work,
      dataLower: [],
      writable: true,
      userxattr: true,
      interface: 'fsopen',
      warnings: [],
    },
  );
});

test('mount with every option there is', async (t) => {
  using place = new Place('lower', 'target', 'data');
  const words = [
    ...['--read-only', '--nosuid', '--nodev', '--noexec', '--nosymfollow', '--nodiratime'],
    ...['--atime=noatime', '--propagation=private', '--uuid=on', '--volatile', '--init-upper'],
    ...['--xino=off', '--default-permissions', '--accept-unclean', '--redirect-dir=nofollow'],
    ...['--data-lower', place.at('data'), '--option=lazytime'],
  ];
  const [object] = objects(Buffer.from(printed(t, await mountAt(place, '--json', ...words))));
  t.deepEqual(object?.dataLower, [place.at('data')]);
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((each) => each.includes(place.at('target')));
  for (const word of ['ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'default_permissions']) {
    t.regex(line ?? '', new RegExp(`[ ,]${word}[ ,]`));
  }
});

test('mount in memory', async (t) => {
  using place = new Place('lower', 'target');
  const args = ['mount', '--lower', place.at('lower'), '--tmpfs', '--tmpfs-size=1M'];
  const text = printed(t, await overlayfs([...args, place.at('target')]));
  t.true(text.includes('upper in memory'));
  t.is(statfsSync(place.at('target')).blocks * statfsSync(place.at('target')).bsize, 1 << 20);
});

test('mount takes relative paths', async (t) => {
  using place = new Place('lower', 'target');
  const args = ['mount', '--lower=lower', '--upper=upper', '--json', '--', 'target'];
  const [object] = objects((await overlayfs(args, { cwd: place.base })).stdout);
  t.deepEqual(
    [object?.target, object?.lower, object?.upper, object?.work],
    [
      place.at('target'),
      [`${place.base}/lower`],
      `${place.base}/upper`,
      `${place.base}/upper.work`,
    ],
  );
});

test('a mount without an upper is read-only', async (t) => {
  using place = new Place('lower', 'lower2', 'target');
  const layers = ['--lower', place.at('lower'), '--lower', place.at('lower2')];
  const text = printed(t, await overlayfs(['mount', ...layers, place.at('target')]));
  t.true(text.includes('  options: read-only'));
  t.throws(() => writeFileSync(place.at('target/x'), ''), { code: 'EROFS' });
});

test('umount --lazy, and --any for what is no overlay', async (t) => {
  using place = new Place('lower', 'target');
  printed(t, await mountAt(place));
  const holder = spawn('sleep', ['60'], { cwd: place.at('target') });
  await new Promise((resolve) => holder.once('spawn', resolve));
  t.teardown(() => holder.kill('SIGKILL'));
  const busy = await overlayfs(['umount', place.at('target')]);
  t.is(busy.status, 1);
  t.regex(busy.stderr, /^overlayfs: EBUSY: [^\n]*\n$/);
  t.deepEqual(place.overlays(), [place.at('target')]);
  printed(t, await overlayfs(['umount', '--lazy', place.at('target')]));
  t.deepEqual(place.overlays(), []);

  const other = place.tmpfs('other');
  const refused = await overlayfs(['umount', other]);
  t.is(refused.status, 1);
  t.regex(refused.stderr, /^overlayfs: EINVAL: [^\n]* no overlay is mounted there\n$/);
  printed(t, await overlayfs(['umount', '--any', '--force', other]));
  place.released(other);
});

test('list', async (t) => {
  using place = new Place('lower', 'target');
  printed(t, await mountAt(place));
  const target = place.at('target');
  const text = printed(t, await overlayfs(['list']));
  const start = text.indexOf(`${target}\n`);
  t.true(start === 0 || text[start - 1] === '\n');
  t.true(
    text
      .slice(start)
      .startsWith(
        `${target}\n  lower: ${place.at('lower')}\n  upper: ${place.at('upper')}\n  work: `,
      ),
  );
  const json = objects((await overlayfs(['list', '--json'])).stdout);
  const found = json.find((object) => object.target === target);
  const { mountId, parentId, uniqueId, device, options: _, ...rest } = found ?? {};
  const numbers = [mountId, parentId, (device as { minor?: unknown } | undefined)?.minor];
  t.deepEqual(numbers.map(Number.isInteger), [true, true, true]);
  t.true(uniqueId === undefined || /^\d+$/.test(String(uniqueId)), String(uniqueId));
  t.deepEqual(rest, {
    target,
    source: 'overlay',
    root: '/',
    deleted: false,
    mountOptions: ['rw', 'relatime'],
    readOnly: false,
    propagation: { unbindable: false },
    lower: [place.at('lower')],
    dataLower: [],
    upper: place.at('upper'),
    work: place.at('upper.work'),
    userxattr,
    deletedLayers: [],
  });
  const bare = printed(t, await overlayfs(['list', '-0']));
  t.true(bare.endsWith('\0'));
  t.true(bare.split('\0').includes(target));
});

test('help of everything, with examples', async (t) => {
  const general = printed(t, await overlayfs(['--help']));
  t.is(printed(t, await overlayfs(['-h'])), general);
  t.is(printed(t, await overlayfs(['help'])), general);
  for (const command of commands) {
    t.regex(general, new RegExp(`^ {2}${command} `, 'm'));
    const text = printed(t, await overlayfs([command, '--help']));
    t.true(text.startsWith(`Usage: overlayfs ${command} `), command);
    t.regex(text, new RegExp(`\nExamples:\n(?:  .*overlayfs ${command}.*\n| .*\n)+$`), command);
    t.is(printed(t, await overlayfs(['help', command])), text);
    t.is(printed(t, await overlayfs([command, '--bogus', '-h', 'x', 'y'])), text);
    t.true(
      text.split('\n').every((line) => line.length <= 80),
      command,
    );
  }
  t.is(printed(t, await overlayfs(['--version'])), `${version}\n`);
});

test('help and mistakes do not load the addon', async (t) => {
  for (const args of [['--help'], ['diff', '--help'], ['--version'], ['bogus'], ['diff', '--x']]) {
    const node = ['--input-type=module', '-e'];
    const script = `
      process.argv = ['node', 'overlayfs', ...${JSON.stringify(args)}];
      await import(${JSON.stringify(program)});
      process.stdout.write(JSON.stringify(process.report.getReport().sharedObjects));`;
    const { stdout } = await shell(`"$NODE" ${node.join(' ')} "$SCRIPT"`, {
      env: { SCRIPT: script },
    });
    t.false(stdout.includes('overlayfs.node'), args.join(' '));
    t.true(stdout.includes('libc.so'), 'the list of libraries is there');
  }
});

test('the installed program is executable by itself', async (t) => {
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const { stdout } = await shell('"$OVERLAYFS" --version', { env: { PATH: path } });
  t.is(stdout.toString(), `${version}\n`);
});
