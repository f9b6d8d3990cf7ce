// Programs that people use, in an overlay: whatever they do to it, the list agrees with the oracle.
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Lab } from './helpers/lab.ts';
import type { Lines, Scenario } from './helpers/scenario.ts';
import { play } from './helpers/scenario.ts';
import type { Edit } from './helpers/scene.ts';
import { age, at, plant } from './helpers/scene.ts';

const run = promisify(execFile);

let lab: Lab;
test.before('the lab starts', async () => {
  lab = await Lab.start();
});
test.after.always('the lab ends', () => lab.close());

/** Runs a program in a directory. */
async function inside(cwd: Buffer, file: string, ...args: readonly string[]): Promise<void> {
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    LC_ALL: 'C',
  };
  await run(file, args, { cwd: cwd.toString(), env });
}

function isMissing(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
}

/** A tree with something of everything that these programs treat in a special way. */
const tree: Edit = async (_, directory) => {
  await plant({
    'src/main.c': 'int main(void) { return 0; }\n',
    'src/lib/a.h': '#pragma once\n',
    'src/lib/empty': '',
    'doc/read me': 'text\n',
    'doc/latest': { link: 'read me' },
    'doc/dangling': { link: 'nowhere' },
    'bin/tool': '#!/bin/sh\n',
    none: null,
  })(lab, directory);
  await lab.chmod(at(directory, 'bin/tool'), 0o755);
  await lab.link(at(directory, 'bin/tool'), at(directory, 'bin/tool2'));
  await lab.fifo(at(directory, 'doc/fifo'));
  await lab.setXattr(at(directory, 'src/main.c'), 'user.origin', 'lab');
  await lab.fill(at(directory, 'big'), 300_000, 7);
  // Whole seconds: an archive has no more.
  for (const name of ['big', 'bin/tool', 'doc/fifo']) await age(lab, at(directory, name));
};

/** Not at the same time: each starts processes, which for a moment hold what others have open. */
function programs(
  title: string,
  needed: string,
  scenario: Scenario,
  look: (t: ExecutionContext, lines: Lines) => void,
): void {
  const body = async (t: ExecutionContext): Promise<void> => {
    look(t, await play(t, lab, scenario));
  };
  if (isMissing(needed)) test.serial.skip(`${title} (${needed} is not installed)`, body);
  else test.serial(title, body);
}

const onlyAdded = (lines: Lines): boolean =>
  lines.plain.length > 0 && lines.plain.every((line) => line.startsWith('A '));

programs(
  'cp -a of the tree to a new name is all new',
  'cp',
  {
    lowers: [tree],
    edit: (_, merged) => inside(merged, 'cp', '-a', 'src', 'doc', 'bin', 'big', 'none', 'copy/'),
    prepare: async ({ upper }) => {
      await lab.mkdir(upper);
      await lab.mkdir(at(upper, 'copy'));
    },
  },
  (t, lines) => {
    t.true(onlyAdded(lines));
    t.true(lines.plain.includes('A symlink copy/doc/dangling'));
    t.true(lines.plain.includes('A fifo copy/doc/fifo'));
  },
);

programs(
  'cp -a over the tree, of what is there already, changes nothing but the links',
  'cp',
  {
    lowers: [tree],
    edit: async (_, merged) => {
      await inside(merged, 'cp', '-a', '--remove-destination', 'src/.', 'copy');
      await inside(merged, 'rm', '-r', 'src');
      await inside(merged, 'cp', '-a', 'copy', 'src');
      await inside(merged, 'rm', '-r', 'copy');
      await inside(merged, 'cp', '-a', 'bin', 'copy');
      await inside(merged, 'cp', '-a', '--remove-destination', 'copy/tool', 'bin/tool');
      await inside(merged, 'rm', '-r', 'copy');
    },
  },
  (t, lines) => t.deepEqual(lines.plain, ['M file bin/tool [links]']),
);

programs(
  'tar x of a packed tree, into a new directory and over itself',
  'tar',
  {
    lowers: [tree],
    edit: async (_, merged) => {
      await inside(merged, 'tar', '-cf', 'all.tar', 'src', 'doc', 'bin', 'big', 'none');
      await inside(merged, 'mkdir', 'unpacked');
      await inside(merged, 'tar', '-xpf', 'all.tar', '-C', 'unpacked');
      await inside(merged, 'tar', '-xpf', 'all.tar', 'doc', 'bin', 'big');
      await inside(merged, 'rm', 'all.tar');
    },
  },
  (t, lines) => {
    t.deepEqual(
      lines.plain.filter((line) => !line.includes(' unpacked')),
      [],
    );
    t.true(lines.plain.includes('A file unpacked/bin/tool2'));
    t.true(onlyAdded(lines));
  },
);

programs(
  'git init, add, commit, branch, checkout and gc',
  'git',
  {
    lowers: [tree],
    edit: async (_, merged) => {
      const git = (...args: readonly string[]): Promise<void> => {
        const settings = [
          'user.name=T',
          'user.email=t@example.org',
          'gc.auto=0',
          'maintenance.auto=0',
        ];
        return inside(merged, 'git', ...settings.flatMap((each) => ['-c', each]), ...args);
      };
      await git('init', '--quiet', '--initial-branch=main');
      await git('add', 'src', 'doc/read me', 'bin');
      await git('commit', '--quiet', '--message=one');
      await git('checkout', '--quiet', '-b', 'other');
      await lab.append(at(merged, 'src/main.c'), '// changed\n');
      await git('rm', '--quiet', 'src/lib/a.h', 'src/lib/empty');
      await git('mv', 'bin/tool', 'tool');
      await git('commit', '--quiet', '--all', '--message=two');
      await git('checkout', '--quiet', 'main');
      await git('gc', '--quiet', '--prune=now');
      await git('checkout', '--quiet', 'other');
      await git('fsck', '--strict');
    },
  },
  (t, lines) => {
    const outside = lines.plain.filter((line) => !line.includes(' .git'));
    t.deepEqual(outside, [
      'D file bin/tool',
      'D directory src/lib',
      'M file src/main.c [content,xattrs,times]',
      'A file tool',
    ]);
    t.true(lines.plain.includes('A directory .git'));
  },
);

/** A repository that is there already. */
programs(
  'git in a repository of the lower',
  'git',
  {
    lowers: [
      async (_, lower) => {
        await tree(lab, lower);
        const author = ['-c', 'user.name=T', '-c', 'user.email=t@example.org', '-c', 'gc.auto=0'];
        await inside(lower, 'git', 'init', '--quiet', '--initial-branch=main');
        await inside(lower, 'git', 'add', 'src');
        await inside(lower, 'git', ...author, 'commit', '--quiet', '--message=one');
      },
    ],
    edit: async (_, merged) => {
      await inside(merged, 'git', 'status');
      await lab.write(at(merged, 'src/main.c'), 'int x;\n');
      await inside(merged, 'git', 'stash', 'list');
      await inside(merged, 'git', 'checkout', '--quiet', '--', 'src/main.c');
      await inside(merged, 'git', 'clean', '-fdxq');
    },
  },
  (t, lines) => {
    t.deepEqual(
      lines.plain.filter((line) => !line.includes(' .git')),
      [
        'D file big',
        'D directory bin',
        'D directory doc',
        'D directory none',
        // Git replaces files, and knows nothing of attributes.
        'M file src/main.c [xattrs,times]',
      ],
    );
  },
);

programs(
  'rsync -aHX of the tree, twice',
  'rsync',
  {
    lowers: [tree],
    edit: async (_, merged) => {
      await inside(merged, 'rsync', '-aHX', 'src', 'doc', 'bin', 'big', 'none', 'copy');
      await lab.unlink(at(merged, 'copy/big'));
      await lab.write(at(merged, 'copy/src/main.c'), 'changed');
      await inside(merged, 'rsync', '-aHX', '--delete', 'copy/src/', 'src/');
      await inside(merged, 'rsync', '-aHX', 'src', 'doc', 'bin', 'big', 'none', 'copy');
    },
  },
  (t, lines) => {
    t.deepEqual(
      lines.plain.filter((line) => !line.includes(' copy')),
      ['M file src/main.c [content,times]'],
    );
  },
);
