// Every argument of every public function: a wrong one is a TypeError or RangeError that names it, and
// is found before the addon is called. To prove that, there is none in this process.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import test from 'ava';
import * as overlayfs from 'overlayfs';
import type { Call, Subject } from './helpers/argument-table.ts';
import { casesOf } from './helpers/argument-table.ts';
import { changeSubjects } from './helpers/arguments-changes.ts';
import { mountSubjects } from './helpers/arguments-mounts.ts';
import { sessionSubjects } from './helpers/arguments-sessions.ts';
import { syscallSubjects } from './helpers/arguments-syscalls.ts';
import { addonCalls, at, base, called, directories, unmounted } from './helpers/no-addon.ts';

test.after.always(() => rmSync(base, { recursive: true, force: true }));

const { mountOverlay, mountOverlaySync, syscalls } = overlayfs;
const subjects: readonly Subject[] = [
  ...changeSubjects,
  ...mountSubjects, // last of the two: while an overlay is being attached it has no changes to give
  ...syscallSubjects,
  ...sessionSubjects,
];

async function thrownBy(call: Call, args: readonly unknown[]): Promise<unknown> {
  try {
    await call(...args);
  } catch (error) {
    return error;
  }
  return undefined;
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code;

for (const tested of subjects) {
  // Serial tests come first: none has called the addon yet.
  test.serial(`${tested.name} refuses every wrong argument`, async (t) => {
    let count = 0;
    for (const { args, code, name } of casesOf(tested)) {
      const error = await thrownBy(tested.call, args);
      const title = `${name} in ${args.map(String).join(', ')}`;
      if (!(error instanceof Error)) {
        t.fail(`nothing was thrown for ${title}`);
        continue;
      }
      t.is(codeOf(error), code, `${title}: ${error.message}`);
      t.true(error instanceof (code === 'ERR_OUT_OF_RANGE' ? RangeError : TypeError), title);
      t.true(error.message.startsWith(`"${name}" `), `${title}: ${error.message}`);
      count++;
    }
    t.log(`${count} wrong arguments`);
    t.is(addonCalls(), 0);
    t.deepEqual(readdirSync(base).sort(), directories);
    t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(base));
  });

  if (tested.withoutAddon) continue;
  test(`${tested.name} calls the addon with right arguments`, async (t) => {
    const error = await thrownBy(
      tested.call,
      tested.parameters.map(({ right }) => right),
    );
    t.is(codeOf(error), called);
  });
}

test('what gives a promise rejects and does not throw', async (t) => {
  const { mount, umount } = syscalls;
  const close: Call = (given) => unmounted.close(given as object);
  for (const call of [mountOverlay, overlayfs.unmount, close, mount, umount] as Call[]) {
    // A call that throws at once fails this as well.
    await t.throwsAsync(() => call(1, 1) as Promise<unknown>, { code: 'ERR_INVALID_ARG_TYPE' });
  }
});

test.serial('names that would lead out of the overlay', (t) => {
  for (const name of [null, 1, {}, '/a', '..', 'a/../b', 'a\0'] as string[]) {
    const error = t.throws(() => unmounted.resolve(name), { any: true });
    t.true(String(error).includes('"name" '));
  }
});

test('options that do not go together', async (t) => {
  const lower = at('lower');
  for (const [given, message] of [
    [{ lower, work: at('work'), upper: 'tmpfs' }, '"options.work" goes with an upper'],
    [{ lower, initUpper: true }, '"options.initUpper" needs an upper'],
    [{ lower, upper: 'tmpfs', beneath: true }, '"options.beneath" needs a target'],
    [{ lower, upper: 'tmpfs', propagation: 'private' }, '"options.propagation" needs a target'],
  ] as const) {
    const error = await thrownBy(mountOverlay as Call, [given]);
    t.is(codeOf(error), 'ERR_INVALID_ARG_VALUE');
    t.true(String(error).includes(message));
  }
});

test('work without an upper', async (t) => {
  for (const mount of [mountOverlay, mountOverlaySync] as Call[]) {
    const given = { lower: at('lower'), work: at('work'), target: at('target') };
    const error = await thrownBy(mount, [given]);
    t.is(codeOf(error), 'ERR_INVALID_ARG_VALUE');
    t.true(String(error).includes('"options.work" needs an upper'));
  }
});

test('every public function is in the table', (t) => {
  const classes = [
    'AbortError',
    'OverlayError',
    'Overlay',
    'RuleChecker',
    'Sandbox',
    'SandboxProcess',
  ];
  const withoutArguments = [
    ...['listMounts', 'listOverlays', 'probe'].flatMap((name) => [name, `${name}Sync`]),
    'isSession', // tells what listSessions gives apart
  ];
  const functions = [
    ...Object.entries(overlayfs).map(([name, value]) => [name, value] as const),
    ...Object.entries(syscalls).map(([name, value]) => [`syscalls.${name}`, value] as const),
  ]
    .filter(([, value]) => typeof value === 'function')
    .map(([name]) => name)
    .filter((name) => !classes.includes(name) && !withoutArguments.includes(name));
  const tested = subjects.map(({ name }) => name).filter((name) => !name.startsWith('Overlay.'));
  t.deepEqual(functions.sort(), tested.sort());
});
