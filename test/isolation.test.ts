// What programs of root, and of the root of a user namespace, are kept from.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { SandboxOptions } from 'overlayfs';
import { mountTmpfs, syscalls } from 'overlayfs';
import { isolationCases } from './helpers/isolation-cases.ts';
import { SandboxPlace } from './helpers/sandbox-place.ts';

isolationCases();

test.serial(
  'an overlay of what is mounted below is hidden and read-only with the rest',
  async (t) => {
    using place = new SandboxPlace();
    const below = join(place.lower, 'below');
    mkdirSync(below);
    await mountTmpfs(below);
    try {
      writeFileSync(join(below, 'file'), '');
      const script =
        '(: > below/new) 2>/dev/null && echo wrote; (: > new) 2>/dev/null && echo wrote; ls below';
      const said = async (options: SandboxOptions): Promise<string> => {
        await using sandbox = await place.sandbox(options);
        t.is(sandbox.overlays.length, 2);
        return String((await sandbox.run('sh', ['-c', script], { cwd: place.lower })).stdout);
      };
      t.is(await said({}), 'wrote\nwrote\nfile\nnew\n');
      t.is(await said({ readOnly: place.lower }), 'file\n');
      t.is(await said({ readOnly: below }), 'wrote\nfile\n');
      t.is(await said({ hide: below }), 'wrote\n');
    } finally {
      syscalls.umountSync(below, syscalls.MNT_DETACH);
    }
  },
);
