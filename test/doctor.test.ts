// What `overlayfs doctor` says of the machine: also where something is forbidden, which is imitated
// in namespaces of its own.
import { mkdirSync } from 'node:fs';
import test from 'ava';
import { probe, probeSync } from 'overlayfs';
import { objects, overlayfs, shell } from './helpers/command.ts';
import { asRoot, Place } from './helpers/place.ts';

const rowNames = [
  'kernel',
  'interface',
  'mounting',
  'rootless',
  'parameters',
  'mount table',
  'upper here',
  'upper in TMPDIR',
  'upper in state',
];

/**
 * Runs doctor in a user namespace of its own after some shell commands, as user 0 with all
 * capabilities, or with that one only without which user 0 cannot make a user namespace.
 */
async function doctorAfter(
  script: string,
  { mounts = true, keep = '-all,+setfcap' } = {},
): Promise<{ status: number | undefined; rows: Record<string, unknown>[]; stderr: string }> {
  const namespaces = `unshare --user --map-root-user ${mounts ? '--mount' : ''}`;
  const drop = keep === 'all' ? '' : `setpriv --bounding-set=${keep} --inh-caps=-all --`;
  const line = `${namespaces} sh -c '${script}' - ${drop} "$NODE" "$OVERLAYFS" doctor --json`;
  const { status, stdout, stderr } = await shell(line);
  return { status, rows: objects(stdout), stderr };
}

const rowOf = (rows: readonly Record<string, unknown>[], name: string): Record<string, unknown> =>
  rows.find((row) => row.name === name) ?? {};

test('a row for each question, and an exit code', async (t) => {
  const { status, stdout, stderr } = await overlayfs(['doctor', '--json']);
  t.is(stderr, '');
  const rows = objects(stdout);
  t.deepEqual(
    rows.map(({ name }) => name),
    rowNames,
  );
  t.true(rows.every(({ kind }) => kind === 'environment'));
  t.is(status, 0);
  t.like(rowOf(rows, 'kernel'), { status: 'ok' });
  t.like(rowOf(rows, 'mounting'), { status: 'ok' });
  t.regex(`${rowOf(rows, 'mounting').message}`, asRoot ? /trusted/ : /userxattr/);
  const plain = await overlayfs(['doctor']);
  const lines = plain.stdout.toString().trimEnd().split('\n');
  t.is(lines.length, rowNames.length);
  t.true(lines.every((line) => /^(?:ok {5}|warning|error {2}) {2}\S/.test(line)));
});

test('a user namespace without a mount namespace', async (t) => {
  const { status, rows } = await doctorAfter('exec "$@"', { mounts: false, keep: 'all' });
  const { status: mounting, message } = rowOf(rows, 'mounting');
  t.is(mounting, 'warning');
  t.regex(`${message}`, /does not own the mount namespace.*--mount/);
  t.like(rowOf(rows, 'rootless'), { status: 'ok' });
  t.is(status, 0);
});

test('no capabilities: what is left is the rootless way', async (t) => {
  const { status, rows } = await doctorAfter('exec "$@"');
  t.regex(
    `${rowOf(rows, 'mounting').message}`,
    /^not at a path: mounting at a path needs CAP_SYS_ADMIN/,
  );
  t.like(rowOf(rows, 'rootless'), { status: 'ok' });
  t.is(status, 0);
});

test('a user 0 to whom nothing is left', async (t) => {
  const { status, rows } = await doctorAfter('exec "$@"', { keep: '-all' });
  const { status: rootless, message } = rowOf(rows, 'rootless');
  t.is(rootless, 'error');
  t.regex(`${message}`, /^EPERM: .*write .*uid_map'.*CAP_SETFCAP.*run as another user/);
  t.is(status, 1);
});

for (const limit of ['max_user_namespaces', 'max_mnt_namespaces']) {
  test(`the switch user.${limit} is named, with the way to allow it`, async (t) => {
    const { status, rows } = await doctorAfter(`echo 0 > /proc/sys/user/${limit} && exec "$@"`);
    const { status: rootless, message } = rowOf(rows, 'rootless');
    t.is(rootless, 'error');
    t.regex(`${message}`, new RegExp(`^ENOSPC: .*clone.*sysctl -w user\\.${limit}=`));
    t.is(status, 1);
  });
}

test('a chroot, where the kernel lets nobody make a user namespace', async (t) => {
  using place = new Place('root');
  const root = place.at('root');
  const { status, rows, stderr } = await doctorAfter(
    `mount --rbind / "${root}" && exec chroot "${root}" "$@"`,
  );
  const { status: rootless, message } = rowOf(rows, 'rootless');
  t.is(rootless, 'error', stderr);
  t.regex(`${message}`, /^EPERM: .*clone .*chroot; run as root/);
  t.is(status, 1);
});

test('layers are examined as well', async (t) => {
  using place = new Place('lower', 'target');
  mkdirSync(place.at('lower/inner'));
  const good = ['--lower', place.at('lower'), '--upper', place.at('upper'), place.at('target')];
  const fine = await overlayfs(['doctor', ...good]);
  t.is(fine.status, 0);
  t.true(fine.stdout.toString().endsWith('\nok       nothing is wrong with these layers\n'));
  const bad = ['--lower', place.at('lower/inner'), ...good.slice(0, -1), `${place.base}/a\nb`];
  const failed = await overlayfs(['doctor', ...bad]);
  t.is(failed.status, 1);
  const text = failed.stdout.toString();
  t.true(text.includes(`\nerror    target-missing: ${place.base}/a\\nb: the mount point does not`));
  t.regex(text, /\nerror {4}lowers-overlap: the lower .*inner is or lies inside/);
  const json = await overlayfs(['doctor', '--json', ...bad]);
  t.is(json.status, 1);
  const findings = objects(json.stdout).filter(({ kind }) => kind === 'finding');
  t.deepEqual(
    findings.map(({ severity, code, reason }) => [severity, code, reason]),
    [
      ['error', 'ENOENT', 'target-missing'],
      ['error', 'ELOOP', 'lowers-overlap'],
    ],
  );
});

test('probing says what the kernel and the process can do, and leaves nothing', async (t) => {
  const found = await probe();
  t.true(found.overlay);
  t.is(found.mountingError, undefined);
  t.is(found.rootlessError, undefined);
  t.deepEqual(found.privileges, {
    sysAdmin: true,
    initialUserNamespace: asRoot,
    ownsMountNamespace: true,
    openByHandle: asRoot,
  });
  t.is(found.options.userxattr, true);
  t.is(typeof found.fsopen, 'boolean');
  t.true('index' in found.parameters);
  t.deepEqual(probeSync(), found);
});
