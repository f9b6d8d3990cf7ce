// Sandboxes of an ordinary user.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { sandboxCases } from './helpers/sandbox-cases.ts';
import { sandboxEndCases } from './helpers/sandbox-end-cases.ts';
import { SandboxPlace } from './helpers/sandbox-place.ts';

sandboxCases();
sandboxEndCases();

test.serial('the user is himself, owns his files, and has no capabilities', async (t) => {
  using place = new SandboxPlace();
  writeFileSync(join(place.lower, 'file'), '');
  await using sandbox = await place.sandbox();
  const script =
    'id -u; id -g; stat -c "%u %g" file; grep -E "^Cap(Prm|Eff|Amb)" /proc/self/status';
  const { stdout } = await sandbox.run('sh', ['-c', script], { cwd: place.lower });
  const [user, group] = [process.geteuid?.(), process.getegid?.()];
  const none = '0000000000000000';
  const lines = [user, group, `${user} ${group}`, `CapPrm:\t${none}`, `CapEff:\t${none}`];
  t.deepEqual(stdout.toString().trimEnd().split('\n'), [...lines, `CapAmb:\t${none}`].map(String));
});

test.serial('what is mounted below is named, and the root is refused', async (t) => {
  using place = new SandboxPlace();
  await t.throwsAsync(place.sandbox({ lower: '/dev' }), {
    code: 'EINVAL',
    message: /'\/dev' has a mount below it, on '\/dev\//,
  });
  await t.throwsAsync(place.sandbox({ lower: '/' }), {
    code: 'EINVAL',
    message: /ordinary user's overlay cannot cover '\/'/,
  });
  t.deepEqual(place.sessions(), []);
});
