// Every argument of every public function: a wrong one is a TypeError or RangeError that names it, and
// is found before the addon is called. To prove that, there is none in this process.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import * as overlayfs from 'overlayfs';

const called = 'ERR_TEST_CALLED';
let calls = 0;
/** What the only call that succeeds answers: an overlay has to come from somewhere. */
let mounted: object | undefined;
// This is what `require` loads addons with.
process.dlopen = (module: object) => {
  const get = (_: object, name: string) => () => {
    if (mounted !== undefined && name === 'mountOverlay') {
      return { value: mounted };
    }
    calls++;
    throw Object.assign(new Error(`${name} of the addon was called`), { code: called });
  };
  Object.assign(module, { exports: new Proxy({}, { get }) });
};

type Code = 'ERR_INVALID_ARG_TYPE' | 'ERR_INVALID_ARG_VALUE' | 'ERR_OUT_OF_RANGE';
type Call = (...args: readonly unknown[]) => unknown;
type Wrong = readonly [value: unknown, code: Code, name?: string];

const base = mkdtempSync(join(tmpdir(), 'overlayfs-test-arguments-'));
const at = (name: string): string => join(base, name);
const directories = ['lower', 'target', 'upper'];
for (const name of directories) {
  mkdirSync(at(name));
}
test.after.always(() => rmSync(base, { recursive: true, force: true }));

/** An overlay that was never mounted: what needs a mount fails, what comes first does not. */
mounted = {
  target: Buffer.from(at('target')),
  work: null,
  mountId: 1n,
  userxattr: false,
  warnings: [],
};
const unmounted = overlayfs.mountOverlaySync({
  lower: at('lower'),
  upper: at('upper'),
  target: at('target'),
});
mounted = undefined;

const types = (list: readonly unknown[]): Wrong[] =>
  list.map((value) => [value, 'ERR_INVALID_ARG_TYPE'] as const);
const values = (list: readonly unknown[]): Wrong[] =>
  list.map((value) => [value, 'ERR_INVALID_ARG_VALUE'] as const);

const noText = [null, 1, 1n, true, {}, [], Symbol('path'), new Uint8Array([47])];
const noPath: readonly Wrong[] = [
  ...types(noText),
  ...values(['', Buffer.alloc(0), 'a\0b', Buffer.from('a\0')]),
  ...values(
    ['http://host/path', 'file://host/path', 'file:///a%2Fb', 'file:///%FF', 'file:///a%00b'].map(
      (url) => new URL(url),
    ),
  ),
];
const noUrl = values([new URL('http://host/path')]);
const missing = types([undefined]);
const lowers: readonly Wrong[] = [
  ...noPath.filter(([value]) => !Array.isArray(value)),
  ...missing,
  ...values([[]]),
  [['/a', ''], 'ERR_INVALID_ARG_VALUE', '[1]'],
  [['/a', '/b', 1], 'ERR_INVALID_ARG_TYPE', '[2]'],
  [[undefined], 'ERR_INVALID_ARG_TYPE', '[0]'],
];
const noBoolean = types([null, 1, 'true', {}]);
const noOptions: readonly Wrong[] = types([null, 1, 'lazy', true, [], () => undefined]);
const noSignal = types([null, {}, new AbortController(), true]);
const noFlags: readonly Wrong[] = [
  ...types([null, '1', 1n, {}]),
  ...[-1, 1.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY].map(
    (value) => [value, 'ERR_OUT_OF_RANGE'] as const,
  ),
];
const noBytes: readonly Wrong[] = [
  ...types([1, true, {}, [], new Uint8Array(1)]),
  ...values(['a\0b', Buffer.from('\0')]),
];

/** For each option its wrong values, and one that is no option. */
interface OptionTable {
  readonly [option: string]: readonly Wrong[];
}

interface Parameter {
  readonly name: string;
  /** A right value. */
  readonly right: unknown;
  readonly wrong: readonly Wrong[];
  /** Of an object. */
  readonly options?: OptionTable;
}

interface Subject {
  readonly name: string;
  readonly call: Call;
  readonly parameters: readonly Parameter[];
}

const subject = (name: string, call: unknown, ...parameters: Parameter[]): Subject => ({
  name,
  call: call as Call,
  parameters,
});

const path = (name: string): Parameter => ({
  name,
  right: at('target'),
  wrong: [...noPath, ...missing],
});
const options = (table: OptionTable, right: object = {}): Parameter => ({
  name: 'options',
  right,
  wrong: noOptions,
  options: table,
});

const layers = { upper: at('upper'), lower: at('lower') };
const space = values(['system', '', 1, ['user']]);
const reading: OptionTable = { encoding: values(['latin1', '', 1]), signal: noSignal };
const changesOptions = options({
  ...reading,
  content: values(['sometimes', '', true]),
  expand: noBoolean,
  ignore: [
    ...types([null, 'links', {}]),
    [['links', 'size'], 'ERR_INVALID_ARG_VALUE', '[1]'],
    [[1], 'ERR_INVALID_ARG_VALUE', '[0]'],
  ],
});
const mountOptions: Parameter = {
  ...options(
    {
      lower: lowers,
      upper: noPath,
      work: noPath,
      target: [...noPath, ...missing],
      userxattr: noBoolean,
    },
    { ...layers, target: at('target') },
  ),
  wrong: [...noOptions, ...values([undefined])],
};
const noCount = (most: number): Wrong[] => [
  ...types([null, '1', 1n]),
  ...[0, -1, 1.5, most + 1, Number.NaN].map((value) => [value, 'ERR_OUT_OF_RANGE'] as const),
];
const unmountTarget: Parameter = {
  name: 'target',
  right: at('target'),
  wrong: [
    ...noPath,
    ...missing,
    ...[undefined, null, 1, '1', Buffer.from('1')].map(
      (mountId) => [{ mountId }, 'ERR_INVALID_ARG_TYPE', '.mountId'] as const,
    ),
    ...[0n, -1n, 2n ** 64n].map(
      (mountId) => [{ mountId }, 'ERR_OUT_OF_RANGE', '.mountId'] as const,
    ),
    [{ mountId: 1n, path: '/' }, 'ERR_INVALID_ARG_VALUE', '.path'],
  ],
};
const unmountTable: OptionTable = {
  lazy: noBoolean,
  force: noBoolean,
  any: noBoolean,
  recursive: noBoolean,
  all: noBoolean,
  retry: [
    ...noOptions,
    ...missing.map(() => [{}, 'ERR_INVALID_ARG_TYPE', '.times'] as const),
    ...noCount(10_000).map(([times, code]) => [{ times }, code, '.times'] as const),
    ...noCount(60_000).map(([delay, code]) => [{ times: 1, delay }, code, '.delay'] as const),
  ],
};
const closeOptions = options({ lazy: noBoolean });
const flags: Parameter = { name: 'flags', right: 0, wrong: noFlags };
const text = (name: string): Parameter => ({ name, right: null, wrong: noBytes });
const mountSource: Parameter = {
  name: 'source',
  right: null,
  wrong: [...noBytes, ...missing, ...noUrl],
};
const rawMount = [
  mountSource,
  path('target'),
  { ...text('filesystemType'), wrong: [...noBytes, ...missing] },
  flags,
  text('data'),
];
const { changes, mountOverlay, mountOverlaySync, scanLayer, syscalls } = overlayfs;
/** The iteration has the failures, the call has the wrong arguments. */
const iterated =
  (make: Call): Call =>
  (...args) =>
    (make(...args) as overlayfs.Changes).next();

const subjects: readonly Subject[] = [
  subject('mountOverlay', mountOverlay, mountOptions),
  subject('mountOverlaySync', mountOverlaySync, mountOptions),
  subject(
    'unmount',
    overlayfs.unmount,
    unmountTarget,
    options({ ...unmountTable, signal: noSignal }),
  ),
  subject('unmountSync', overlayfs.unmountSync, unmountTarget, options(unmountTable)),
  subject('findHolders', overlayfs.findHolders, path('target'), options({ signal: noSignal })),
  subject('findHoldersSync', overlayfs.findHoldersSync, path('target')),
  subject('refreshOverlay', overlayfs.refreshOverlay, path('target')),
  subject('refreshOverlaySync', overlayfs.refreshOverlaySync, path('target')),
  subject(
    'changes',
    iterated(changes as Call),
    {
      name: 'source',
      right: layers,
      wrong: [
        ...types([undefined, null, 1, true, [], () => undefined]),
        ...values(['', Buffer.alloc(0), 'a\0', new URL('file:///a%00b')]),
      ],
      options: { upper: [...noPath, ...missing], lower: lowers, xattrs: space },
    },
    changesOptions,
  ),
  subject(
    'Overlay.changes',
    iterated((given) => unmounted.changes(given as object)),
    changesOptions,
  ),
  subject('Overlay.close', (given: unknown) => unmounted.close(given as object), closeOptions),
  subject(
    'Overlay.closeSync',
    (given: unknown) => unmounted.closeSync(given as object),
    closeOptions,
  ),
  subject(
    'scanLayer',
    iterated(scanLayer as Call),
    path('directory'),
    options({ ...reading, xattrs: space }),
  ),
  subject('syscalls.mount', syscalls.mount, ...rawMount),
  subject('syscalls.mountSync', syscalls.mountSync, ...rawMount),
  subject('syscalls.umount', syscalls.umount, path('target'), flags),
  subject('syscalls.umountSync', syscalls.umountSync, path('target'), flags),
];

interface Case {
  readonly args: readonly unknown[];
  readonly code: Code;
  /** As the message has it. */
  readonly name: string;
}

/** Every wrong value of one parameter, and then of each of its options; all others are right. */
function* casesOf({ parameters }: Subject): Generator<Case> {
  for (const [i, parameter] of parameters.entries()) {
    const { name, right, wrong, options: table = {} } = parameter;
    const withArgument = (value: unknown): unknown[] =>
      parameters.map((other, at) => (at === i ? value : other.right));
    for (const [value, code, suffix = ''] of wrong) {
      yield { args: withArgument(value), code, name: `${name}${suffix}` };
    }
    if (parameter.options !== undefined) {
      yield {
        args: withArgument({ ...(right as object), bogus: 1 }),
        code: 'ERR_INVALID_ARG_VALUE',
        name: `${name}.bogus`,
      };
    }
    for (const [option, list] of Object.entries(table)) {
      for (const [value, code, suffix = ''] of list) {
        const given = { ...(right as object), [option]: value };
        yield { args: withArgument(given), code, name: `${name}.${option}${suffix}` };
      }
    }
  }
}

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
    t.is(calls, 0);
    t.deepEqual(readdirSync(base).sort(), directories);
    t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(base));
  });

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

test('work without an upper', async (t) => {
  for (const mount of [mountOverlay, mountOverlaySync] as Call[]) {
    const given = { lower: at('lower'), work: at('work'), target: at('target') };
    const error = await thrownBy(mount, [given]);
    t.is(codeOf(error), 'ERR_INVALID_ARG_VALUE');
    t.true(String(error).includes('"options.work" needs an upper'));
  }
});

test('every public function is in the table', (t) => {
  const classes = ['AbortError', 'OverlayError', 'Overlay'];
  const withoutArguments = ['listOverlays', 'listOverlaysSync'];
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
