// Programs of an ordinary user on an overlay that was mounted in namespaces of its own.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Detached } from './helpers/detached.ts';
import { runCases } from './helpers/run-cases.ts';

runCases();

test.serial('the user is himself, owns his files, and has no capabilities', async (t) => {
  await using overlay = await Detached.mount((lower) => {
    writeFileSync(join(lower, 'file'), '');
  });
  const script =
    'id -u; id -g; stat -c "%u %g" file; grep -E "^Cap(Prm|Eff|Amb)" /proc/self/status';
  const { stdout } = await overlay.run('sh', ['-c', script], { cwd: overlay.lower });
  const user = process.geteuid?.();
  const group = process.getegid?.();
  const none = '0000000000000000';
  const lines = [user, group, `${user} ${group}`, `CapPrm:\t${none}`, `CapEff:\t${none}`];
  t.deepEqual(stdout.toString().trimEnd().split('\n'), [...lines, `CapAmb:\t${none}`].map(String));
});
