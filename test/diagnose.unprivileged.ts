// What an ordinary user outside any namespace is told without mounting.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { diagnose, probe } from 'overlayfs';

let base = '';

test.before(() => {
  base = mkdtempSync(join(tmpdir(), 'overlayfs-test-plain-'));
  for (const name of ['lower', 'target', 'closed/inner', 'work/work']) {
    mkdirSync(join(base, name), { recursive: true });
  }
  chmodSync(join(base, 'closed'), 0);
  chmodSync(join(base, 'work/work'), 0);
});

test.after.always(() => {
  chmodSync(join(base, 'closed'), 0o700);
  chmodSync(join(base, 'work/work'), 0o700);
  rmSync(base, { recursive: true, force: true });
});

const standard = () => ({ lower: join(base, 'lower'), upper: join(base, 'upper') });

test('a detached overlay of his own directories is all right', async (t) => {
  t.deepEqual(await diagnose(standard()), []);
  // Also with what a mount has left, which he cannot look into.
  t.deepEqual(await diagnose({ ...standard(), work: join(base, 'work') }), []);
});

test('an overlay at a path takes a privilege', async (t) => {
  const [found, ...more] = await diagnose({ ...standard(), target: join(base, 'target') });
  t.like(found, { severity: 'error', code: 'EPERM', reason: 'rootless-target' });
  t.regex(found?.message ?? '', /CAP_SYS_ADMIN.*unshare/);
  t.deepEqual(more, []);
});

test('every mount below a lower is in the way', async (t) => {
  const [found] = await diagnose({ ...standard(), lower: '/' });
  t.like(found, { severity: 'error', code: 'EINVAL', reason: 'lower-locked-mounts', path: '/' });
});

test('a directory that may not be entered is told from one that is missing', async (t) => {
  const lower = join(base, 'closed/inner');
  const [found] = await diagnose({ ...standard(), lower });
  t.like(found, { severity: 'error', code: 'EACCES', reason: 'layer-no-access', path: lower });
});

test('what belongs to others cannot be copied up', async (t) => {
  const findings = await diagnose({ ...standard(), lower: '/usr/bin' });
  const [found] = findings.filter(({ reason }) => reason === 'owner-unmapped');
  t.like(found, { severity: 'warning', code: 'EOVERFLOW', path: '/usr/bin' });
});

test('an upper where others rule cannot be made', async (t) => {
  const upper = '/overlayfs-test-upper';
  const [found] = await diagnose({ ...standard(), upper });
  t.like(found, { severity: 'error', code: 'EACCES', reason: 'upper-not-creatable', path: upper });
});

test('options that need the system to trust him', async (t) => {
  const [index] = await diagnose({ ...standard(), index: true });
  t.like(index, { severity: 'error', reason: 'option-would-be-dropped' });
  const [trusted] = await diagnose({ ...standard(), userxattr: false });
  t.like(trusted, { severity: 'error', code: 'EPERM', reason: 'needs-userxattr' });
});

test('probing asks the kernel through a child', async (t) => {
  const found = await probe();
  t.is(found.rootlessError, undefined);
  t.is(found.mountingError?.code, 'EPERM');
  t.is(found.options.userxattr, true);
  t.not(found.fsopen, undefined);
});
