// The GitHub Action and the recipe of docs/ci.md: their scripts, run as they stand.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { mountOverlay } from 'overlayfs';
import { parse } from 'yaml';
import { program } from './helpers/command.ts';
import { asRoot, Place, xattrs } from './helpers/place.ts';

const root = fileURLToPath(new URL('../..', import.meta.url)); // of dist/test

interface Step {
  readonly name: string;
  readonly id?: string;
  readonly shell: string;
  readonly run: string;
  readonly env: Readonly<Record<string, string>>;
  readonly 'working-directory'?: string;
}

interface Action {
  readonly name: string;
  readonly description: string;
  readonly inputs: Readonly<Record<string, { description: string; default?: string }>>;
  readonly outputs: Readonly<Record<string, { description: string; value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

const action: Action = parse(readFileSync(join(root, 'action.yml'), 'utf8'));

const keysOf = (value: object): string[] => Object.keys(value).sort();

/** Every `${{ expression }}` in it. */
function expressions(text: string): string[] {
  return [...text.matchAll(/\$\{\{\s*(.*?)\s*\}\}/g)].map(([, inner = '']) => inner);
}

test('action.yml has what the metadata syntax asks for, and nothing it does not know', (t) => {
  t.deepEqual(keysOf(action), ['branding', 'description', 'inputs', 'name', 'outputs', 'runs']);
  t.is(action.runs.using, 'composite');
  for (const [name, input] of Object.entries(action.inputs)) {
    t.regex(name, /^[a-z][a-z-]*$/);
    t.is(typeof input.description, 'string', name);
    t.true(input.default === undefined || typeof input.default === 'string', name);
    t.deepEqual(
      keysOf(input).filter((key) => !['default', 'description', 'required'].includes(key)),
      [],
    );
  }
  const known = ['env', 'id', 'name', 'run', 'shell', 'working-directory'];
  for (const step of action.runs.steps) {
    t.deepEqual(
      keysOf(step).filter((key) => !known.includes(key)),
      [],
    );
    t.is(step.shell, 'bash');
    // An expression in a script would be a part of it: what it gives goes through the environment.
    t.deepEqual(expressions(step.run), []);
  }
  const used = action.runs.steps.flatMap(({ env, 'working-directory': place }) =>
    [...Object.values(env), place ?? ''].flatMap(expressions),
  );
  t.deepEqual(
    used.sort(),
    Object.keys(action.inputs)
      .map((name) => `inputs.${name}`)
      .sort(),
  );
  for (const [name, { value }] of Object.entries(action.outputs)) {
    t.deepEqual(expressions(value), [`steps.diff.outputs.${name}`]);
  }
});

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
}

/** Runs the steps as the runner does; npm and sudo are stood in for. */
function runAction(place: Place, inputs: Readonly<Record<string, string>>): Ran {
  const temporary = place.at('runner');
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(join(temporary, 'bin'), { recursive: true });
  const npm = `#!/bin/sh
[ "$1 $2" = "install --prefix" ] || exit 9
for package; do :; done
echo "$package" > "$3.package"
mkdir -p "$3/node_modules/overlayfs" && ln -s '${dirname(dirname(program))}' "$3/node_modules/overlayfs/dist"
`;
  writeFileSync(join(temporary, 'bin/npm'), npm, { mode: 0o755 });
  const sudo =
    '#!/bin/sh\n[ "$1" = -n ] && shift && echo sudo >> "$RUNNER_TEMP/sudo" && exec "$@"\n';
  writeFileSync(join(temporary, 'bin/sudo'), sudo, { mode: 0o755 });
  symlinkSync(process.execPath, join(temporary, 'bin/node'));
  const files = {
    GITHUB_OUTPUT: join(temporary, 'output'),
    GITHUB_STEP_SUMMARY: join(temporary, 'summary'),
  };
  const given = (expression: string): string => {
    const name = expression.replace('inputs.', '');
    return inputs[name] ?? action.inputs[name]?.default ?? '';
  };
  let last = { status: 0 as number | null, stdout: '', stderr: '' };
  for (const step of action.runs.steps) {
    const filled = (text: string): string =>
      text.replace(/\$\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => given(expression));
    const env = Object.fromEntries(
      Object.entries(step.env).map(([name, value]) => [name, filled(value)]),
    );
    const script = join(temporary, 'script.sh');
    writeFileSync(script, step.run);
    last = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
      cwd: join(place.base, filled(step['working-directory'] ?? '.')),
      encoding: 'utf8',
      env: {
        PATH: `${join(temporary, 'bin')}:/usr/bin:/bin`,
        RUNNER_TEMP: temporary,
        ...files,
        ...env,
        CI: 'true',
      },
    });
    if (last.status !== 0) {
      break;
    }
  }
  const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const lines = read(files.GITHUB_OUTPUT).split('\n').slice(0, -1);
  return {
    ...last,
    outputs: Object.fromEntries(lines.map((line) => line.split('=', 2) as [string, string])),
    summary: read(files.GITHUB_STEP_SUMMARY),
  };
}

async function changedPlace(t: ExecutionContext): Promise<Place> {
  const place = new Place('lower/gone', 'target');
  t.teardown(() => place[Symbol.dispose]());
  writeFileSync(place.at('lower/gone/f'), 'x');
  writeFileSync(place.at('lower/changed'), 'x');
  const { lower, upper, target } = {
    lower: place.at('lower'),
    upper: place.at('upper'),
    target: place.at('target'),
  };
  await mountOverlay({ lower, upper, target, userxattr: xattrs === 'user' });
  rmSync(join(target, 'gone'), { recursive: true });
  chmodSync(join(target, 'changed'), 0o600);
  writeFileSync(join(target, '<b>&'), 'x'.repeat(10));
  return place;
}

const tree = 'A  <b>&\nM  changed  [mode]\nD  gone/  [1 deleted, 1B]\n';

test('the action lists, counts and writes the summary', async (t) => {
  const place = await changedPlace(t);
  const ran = runAction(place, { target: place.at('target'), version: '1.2.3' });
  t.deepEqual([ran.status, ran.stdout, ran.stderr], [0, tree, '']);
  t.deepEqual(ran.outputs, {
    changed: 'true',
    ...{ added: '1', modified: '1', deleted: '2', 'added-bytes': '10' },
  });
  t.true(ran.summary.includes('<pre>\nA  &lt;b&gt;&amp;\nM  changed  [mode]\n'), ran.summary);
  t.true(ran.summary.includes('  total\n</pre>'));
  t.is(readFileSync(place.at('runner/overlayfs.package'), 'utf8'), 'overlayfs@1.2.3\n');
  t.false(existsSync(place.at('runner/sudo')));
});

test('the action fails by rules, after it has said everything', async (t) => {
  const place = await changedPlace(t);
  const ran = runAction(place, {
    target: 'target',
    'fail-on': 'deleted\nmodified:chang*\n',
    only: 'changed\ngone\n',
    'max-added': '1K',
    json: 'changes.jsonl',
    patch: 'changes.patch',
    sudo: 'true',
    summary: 'false',
  });
  t.is(ran.status, 4);
  t.is(ran.stdout, tree);
  t.deepEqual(ran.stderr.match(/rule failed: .*/g), [
    "rule failed: --fail-on 'deleted': 1 change, allowed 0",
    "rule failed: --fail-on 'modified:chang*': 1 change, allowed 0",
    "rule failed: --only 'changed, gone': 1 change, allowed 0",
  ]);
  t.is(ran.outputs.changed, 'true');
  t.is(ran.summary, '');
  t.is(readFileSync(place.at('changes.jsonl'), 'utf8').split('\n').length, 4);
  t.true(readFileSync(place.at('changes.patch'), 'utf8').includes('deleted file mode 100644\n'));
  t.true(existsSync(place.at('runner/sudo')));
});

test('the action compares directories, from a directory of its own', async (t) => {
  const place = await changedPlace(t);
  mkdirSync(place.at('work/a'), { recursive: true });
  mkdirSync(place.at('work/b'));
  const same = { before: 'a', after: 'b', 'working-directory': 'work', 'fail-on': 'any' };
  const ran = runAction(place, same);
  t.deepEqual([ran.status, ran.stdout, ran.stderr, ran.outputs.changed], [0, '', '', 'false']);
  writeFileSync(place.at('work/b/x.tmp'), '');
  t.is(runAction(place, same).status, 4);
  t.is(runAction(place, { ...same, 'ignore-pattern': '*.tmp' }).status, 0);
  t.is(runAction(place, { ...same, options: '--exclude\n*.tmp' }).status, 0);
});

test('what no summary can hold is cut, and said to be', async (t) => {
  const place = await changedPlace(t);
  mkdirSync(place.at('before'));
  mkdirSync(place.at('after'));
  for (let i = 0; i < 4500; i++) {
    writeFileSync(place.at(`before/${`${i}`.padStart(120, '&')}`), '');
  }
  const ran = runAction(place, { before: 'before', after: 'after' });
  t.deepEqual([ran.status, ran.stderr], [0, '']);
  t.true(ran.summary.length < 1024 * 1024);
  t.regex(ran.summary, /\nD {2}[&amp;0-9]*\n… and more than a summary can hold\n<\/pre>\n/);
  t.true(ran.summary.endsWith('  total\n</pre>\n'));
});

test('an input is never a part of the script', async (t) => {
  const place = await changedPlace(t);
  const evil = '$(touch evil); `touch evil`; " \' ; touch evil #';
  const names = Object.keys(action.inputs).filter(
    (name) => !['summary', 'sudo', 'working-directory', 'version'].includes(name),
  );
  for (const name of names) {
    const { status } = runAction(place, { target: 'target', [name]: evil });
    t.true(status !== null, name);
  }
  t.not(runAction(place, { target: '--version' }).status, 0);
  t.false(existsSync(place.at('evil')));
  t.false(existsSync(place.at('target/evil')));
});

test('a failure of the command is one of the action', async (t) => {
  const place = await changedPlace(t);
  const ran = runAction(place, { target: 'nowhere' });
  t.is(ran.status, 1);
  t.regex(ran.stderr, /^overlayfs: ENOENT: /);
  t.deepEqual(ran.outputs, {});
});

test('the recipe for any container [root only]', (t) => {
  if (!asRoot) {
    t.pass('[root only] it mounts as root');
    return;
  }
  using place = new Place('store', 'cache', 'bin');
  const text = readFileSync(join(root, 'docs/ci.md'), 'utf8');
  const [, recipe = ''] = /```sh\n(# recipe\n.*?)```/s.exec(text) ?? [];
  writeFileSync(place.at('store/old'), 'x');
  writeFileSync(
    place.at('bin/overlayfs'),
    `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`,
    {
      mode: 0o755,
    },
  );
  const run = (build: string): ReturnType<typeof spawnSync> =>
    spawnSync('sh', ['-c', recipe], {
      cwd: place.base,
      encoding: 'utf8',
      env: {
        PATH: `${place.at('bin')}:/usr/sbin:/usr/bin:/bin`,
        LOWER: place.at('store'),
        CACHE: place.at('cache'),
        BUILD: build,
      },
    });
  const first = run('echo built > "$LOWER/new"');
  t.is(first.status, 0, String(first.stderr));
  t.is(readFileSync(place.at('changes.txt'), 'utf8'), 'A  new\n');
  t.false(existsSync(place.at('store/new')));
  // The next job finds what the first one made.
  const second = run('test "$(cat "$LOWER/new")" = built && rm "$LOWER/old"');
  t.is(second.status, 4);
  t.regex(
    String(second.stderr),
    /rule failed: --fail-on 'deleted': 1 change, allowed 0\n {2}D {2}old\n/,
  );
  t.deepEqual(place.overlays(), []);
  t.notThrows(() => execFileSync('test', ['-e', place.at('store/old')]));
});
