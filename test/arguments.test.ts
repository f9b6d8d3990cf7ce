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
mounted = [Buffer.from(at('target')), null, null, true, 1n, false, false, 1, [], {}, {}];
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
const noDescriptors: readonly Wrong[] = [
  ...types([null, '1', 1n, {}]),
  ...[-1, -100, 1.5, 2 ** 31, Number.NaN].map((value) => [value, 'ERR_OUT_OF_RANGE'] as const),
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
  /** With right arguments it may come to an end without the addon. */
  readonly withoutAddon?: boolean;
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
const listing: OptionTable = {
  ...reading,
  content: values(['sometimes', '', true]),
  ignore: [
    ...types([null, 'links', {}]),
    [['links', 'size'], 'ERR_INVALID_ARG_VALUE', '[1]'],
    [[1], 'ERR_INVALID_ARG_VALUE', '[0]'],
  ],
  ignorePatterns: [
    ...types([null, 'a', {}]),
    [['a', 1], 'ERR_INVALID_ARG_TYPE', '[1]'],
    [[undefined], 'ERR_INVALID_ARG_TYPE', '[0]'],
  ],
};
const changesOptions = options({ ...listing, expand: noBoolean, stat: noBoolean });
const always = values([true, false]); // no options where they are what the function needs
const derived = { ...listing, expand: always, stat: always };
const noNumber: readonly Wrong[] = [
  ...types([null, '1', 1n]),
  ...[-1, 1.5, Number.NaN].map((each) => [each, 'ERR_OUT_OF_RANGE'] as const),
];
const listSource: Parameter = {
  name: 'source',
  right: layers,
  wrong: [
    ...types([undefined, null, 1, true, [], () => undefined]),
    ...values(['', Buffer.alloc(0), 'a\0', new URL('file:///a%00b')]),
  ],
  options: { upper: [...noPath, ...missing], lower: lowers, xattrs: space },
};
const rules: Parameter = {
  name: 'rules',
  right: {},
  wrong: types([null, 1, 'deleted', true, [], () => undefined]),
  options: {
    failOn: [
      ...types([null, 'deleted', {}]),
      [['added', 'removed'], 'ERR_INVALID_ARG_VALUE', '[1]'],
      [['deleted:'], 'ERR_INVALID_ARG_VALUE', '[0]'],
      [['deleted:../a'], 'ERR_INVALID_ARG_VALUE', '[0]'],
    ],
    maxAdded: noNumber,
    only: [...types([null, 'a', {}]), [['/a'], 'ERR_INVALID_ARG_VALUE', '[0]']],
  },
};
const noFunction = types([null, 1, 'log', {}]);
const finishing: OptionTable = {
  encoding: values(['latin1', '', 1]),
  sync: noBoolean,
  onChange: noFunction,
  onProgress: noFunction,
};
const noPatterns: readonly Wrong[] = [
  ...types([null, 'a', {}]),
  [['a', '/b'], 'ERR_INVALID_ARG_VALUE', '[1]'],
];
const applying: OptionTable = {
  ...finishing,
  signal: noSignal,
  to: noPath,
  include: noPatterns,
  exclude: noPatterns,
  paths: noPatterns,
  conflicts: values(['merge', '', 1, null]),
  since: [
    ...types([null, 1, 'yesterday', {}]),
    [new Date(Number.NaN), 'ERR_OUT_OF_RANGE'] as const,
  ],
  dryRun: noBoolean,
  keepGoing: noBoolean,
};
const noWord = (word: string): readonly Wrong[] => values([word, '', 1, null, ['on']]);
const range = { from: 0, to: 0, count: 1 };
/** Layers that are more than a path. */
const layerObjects: readonly Wrong[] = [
  [{ path: '/a', fd: 1 }, 'ERR_INVALID_ARG_VALUE', '.path'],
  [{ fd: -1 }, 'ERR_OUT_OF_RANGE', '.fd'],
  [{ fd: '3' }, 'ERR_INVALID_ARG_TYPE', '.fd'],
  [{ path: '' }, 'ERR_INVALID_ARG_VALUE', '.path'],
  [{ path: '/a', idmap: { uids: 1, gids: [] } }, 'ERR_INVALID_ARG_TYPE', '.idmap.uids'],
  [
    { path: '/a', idmap: { uids: [range], gids: [{ ...range, to: -1 }] } },
    'ERR_OUT_OF_RANGE',
    '.idmap.gids[0].to',
  ],
];
const mountOptions: Parameter = {
  ...options(
    {
      lower: [...lowers, ...layerObjects],
      dataLower: layerObjects,
      upper: [
        ...noPath,
        [{ type: 'ramfs' }, 'ERR_INVALID_ARG_VALUE', '.type'],
        [{ type: 'tmpfs', size: 0 }, 'ERR_OUT_OF_RANGE', '.size'],
        [{ type: 'tmpfs', size: '1M' }, 'ERR_INVALID_ARG_TYPE', '.size'],
        [{ type: 'tmpfs', inodes: 1.5 }, 'ERR_OUT_OF_RANGE', '.inodes'],
        [{ type: 'tmpfs', parent: '/tmp' }, 'ERR_INVALID_ARG_VALUE', '.parent'],
        [{ type: 'directory', parent: '' }, 'ERR_INVALID_ARG_VALUE', '.parent'],
        [{ type: 'directory', size: 1 }, 'ERR_INVALID_ARG_VALUE', '.size'],
      ],
      work: noPath,
      target: noPath,
      redirectDir: noWord('off'),
      xino: noWord('yes'),
      uuid: noWord('none'),
      verity: noWord('yes'),
      atime: noWord('never'),
      propagation: noWord('rshared'),
      interface: noWord('auto'),
      extraOptions: [
        ...types([null, 'index=on', {}]),
        [[1], 'ERR_INVALID_ARG_TYPE', '[0]'],
        [['x', ''], 'ERR_INVALID_ARG_VALUE', '[1]'],
        [['=x'], 'ERR_INVALID_ARG_VALUE', '[0]'],
        [['a\0'], 'ERR_INVALID_ARG_VALUE', '[0]'],
      ],
      ...Object.fromEntries(
        [
          ...['initUpper', 'beneath', 'userxattr', 'index', 'metacopy', 'nfsExport', 'volatile'],
          ...['acceptUnclean', 'defaultPermissions', 'overrideCreds', 'lowerdirText', 'readOnly'],
          ...['nosuid', 'nodev', 'noexec', 'nosymfollow', 'nodiratime'],
        ].map((name) => [name, noBoolean]),
      ),
    },
    { ...layers, target: at('target') },
  ),
  wrong: [...noOptions, ...values([undefined])],
};
const closeOptions = options({ lazy: noBoolean, sync: noBoolean });
const attachOptions = options({ beneath: noBoolean, propagation: noWord('rshared') });
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
const noId: readonly Wrong[] = [
  ...types([null, 1, '1', {}]),
  ...[-1n, 2n ** 64n].map((value) => [value, 'ERR_OUT_OF_RANGE'] as const),
];
const mountId: Parameter = { name: 'mountId', right: 1n, wrong: [...noId, ...missing] };
const namespaceId: Parameter = { name: 'namespaceId', right: 0n, wrong: noId };
const rawStatmount = [
  mountId,
  { name: 'mask', right: 0, wrong: [...noFlags, ...missing] },
  namespaceId,
];
const rawListmount = [
  mountId,
  { name: 'lastId', right: 0n, wrong: noId },
  {
    name: 'max',
    right: 1,
    wrong: [
      ...types([null, '1', 1n]),
      ...[0, 1.5, 1_000_001].map((value) => [value, 'ERR_OUT_OF_RANGE'] as const),
    ],
  },
  flags,
  namespaceId,
];
const descriptor = (name: string): Parameter => ({ name, right: 3, wrong: noDescriptors });
const directory = (name: string): Parameter => ({
  name,
  right: -100,
  wrong: noDescriptors.filter(([value]) => value !== -100),
});
const rawPath = (name: string): Parameter => ({
  name,
  right: '',
  wrong: [...types(noText), ...missing, ...values(['a\0b']), ...noUrl],
});
const needed = (name: string): Parameter => ({
  name,
  right: 'text',
  wrong: [...noBytes, ...missing, ...types([null])],
});
const attr: Parameter = {
  name: 'attr',
  right: {},
  wrong: [...noOptions, ...missing],
  options: {
    attrSet: noFlags,
    attrClr: noFlags,
    propagation: noFlags,
    usernsFd: noDescriptors,
  },
};
const integers = (least: number, most: number): readonly Wrong[] => [
  ...types([null, '1', 1n, {}]),
  ...[least - 1, most + 1, least + 0.5, Number.NaN].map(
    (value) => [value, 'ERR_OUT_OF_RANGE'] as const,
  ),
];
const words = values(['', 'no', 1, true, null]);
const attributes: OptionTable = {
  readOnly: noBoolean,
  nosuid: noBoolean,
  nodev: noBoolean,
  noexec: noBoolean,
  nosymfollow: noBoolean,
  nodiratime: noBoolean,
  atime: words,
  interface: words,
};
const bindOptions = options({ ...attributes, recursive: noBoolean, propagation: words });
const tmpfsOptions = options({
  ...attributes,
  propagation: words,
  size: integers(1, Number.MAX_SAFE_INTEGER),
  inodes: integers(1, Number.MAX_SAFE_INTEGER),
  mode: integers(0, 0o7777),
  uid: integers(0, 0xffff_fffe),
  gid: integers(0, 0xffff_fffe),
});
const moveOptions = options({ beneath: noBoolean, interface: words });
const remountOptions: Parameter = {
  ...options(attributes, { nodev: true }),
  wrong: [...noOptions, ...values([undefined, {}, { interface: 'mount' }])],
};
const propagation: Parameter = { name: 'propagation', right: 'private', wrong: words };
const propagationOptions = options({ recursive: noBoolean, interface: words });
const { changes, mountOverlay, mountOverlaySync, scanLayer, syscalls } = overlayfs;
/** The iteration has the failures, the call has the wrong arguments. */
const iterated =
  (make: Call): Call =>
  (...args) =>
    (make(...args) as AsyncIterator<unknown>).next();

/** Both forms of a call take the same. */
const both = (
  calls: Readonly<Record<string, unknown>>,
  prefix: string,
  name: string,
  ...parameters: Parameter[]
): Subject[] =>
  [name, `${name}Sync`].map((form) => subject(`${prefix}${form}`, calls[form], ...parameters));
const raw = (name: string, ...parameters: Parameter[]): Subject[] =>
  both(syscalls, 'syscalls.', name, ...parameters);
const call = (name: string, ...parameters: Parameter[]): Subject[] =>
  both(overlayfs, '', name, ...parameters);

const [fs, key] = [descriptor('fs'), needed('key')];
const value: Parameter = { name: 'value', right: Buffer.from('\0'), wrong: types([null, '', 1]) };
const atPath = [directory('dirfd'), rawPath('path'), flags];
const move = ['fromDirfd', 'fromPath', 'toDirfd', 'toPath'].map((name) =>
  name.endsWith('fd') ? directory(name) : rawPath(name),
);
const rawCalls = [
  ...raw('fsopen', needed('filesystemType'), flags),
  ...raw('fsconfigSetFlag', fs, key),
  ...raw('fsconfigSetString', fs, key, needed('value')),
  ...raw('fsconfigSetBinary', fs, key, value),
  ...raw('fsconfigSetPath', fs, key, rawPath('path'), directory('dirfd')),
  ...raw('fsconfigSetPathEmpty', fs, key, rawPath('path'), directory('dirfd')),
  ...raw('fsconfigSetFd', fs, key, descriptor('fd')),
  ...raw('fsconfigCreate', fs),
  ...raw('fsconfigCreateExcl', fs),
  ...raw('fsconfigReconfigure', fs),
  ...raw('fsmount', fs, flags, { ...flags, name: 'attributes' }),
  ...raw('fspick', ...atPath),
  ...raw('openTree', ...atPath),
  ...raw('openTreeAttr', ...atPath, attr),
  ...raw('moveMount', ...move, flags),
  ...raw('mountSetattr', ...atPath, attr),
  ...raw('readFsLog', fs),
];
const mountCalls = [
  ...call('bindMount', path('source'), path('target'), bindOptions),
  ...call('mountTmpfs', path('target'), tmpfsOptions),
  ...call('moveMount', path('source'), path('target'), moveOptions),
  ...call('remount', path('target'), remountOptions),
  ...call('setPropagation', path('target'), propagation, propagationOptions),
];

const subjects: readonly Subject[] = [
  subject('mountOverlay', mountOverlay, mountOptions),
  subject('mountOverlaySync', mountOverlaySync, mountOptions),
  subject('diagnose', overlayfs.diagnose, mountOptions),
  subject('diagnoseSync', overlayfs.diagnoseSync, mountOptions),
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
  subject('changes', iterated(changes as Call), listSource, changesOptions),
  subject(
    'summarizeChanges',
    iterated(overlayfs.summarizeChanges as Call),
    listSource,
    options({ ...derived, depth: noNumber }),
  ),
  subject(
    'createPatch',
    iterated(overlayfs.createPatch as Call),
    listSource,
    options({ ...derived, maxSize: noNumber }),
  ),
  subject('checkRules', overlayfs.checkRules, listSource, rules, options(derived)),
  subject(
    'Overlay.changes',
    iterated((given) => unmounted.changes(given as object)),
    changesOptions,
  ),
  subject(
    'Overlay.attach',
    (target: unknown, given: unknown) => unmounted.attach(target as string, given as object),
    path('target'),
    attachOptions,
  ),
  subject(
    'Overlay.attachSync',
    (target: unknown, given: unknown) => unmounted.attachSync(target as string, given as object),
    path('target'),
    attachOptions,
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
  subject('applyChanges', overlayfs.applyChanges, listSource, options(applying)),
  subject('resumeApply', overlayfs.resumeApply, path('destination'), options(finishing)),
  subject('abortApply', overlayfs.abortApply, path('destination'), options(finishing)),
  subject('findPendingApply', overlayfs.findPendingApply, path('destination')),
  subject('findMount', overlayfs.findMount, path('path')),
  subject('findMountSync', overlayfs.findMountSync, path('path')),
  subject(
    'watchMounts',
    iterated(overlayfs.watchMounts as Call),
    options({ initial: noBoolean, signal: noSignal }),
  ),
  subject('syscalls.statmount', syscalls.statmount, ...rawStatmount),
  subject('syscalls.statmountSync', syscalls.statmountSync, ...rawStatmount),
  subject('syscalls.listmount', syscalls.listmount, ...rawListmount),
  subject('syscalls.listmountSync', syscalls.listmountSync, ...rawListmount),
  subject('syscalls.mount', syscalls.mount, ...rawMount),
  subject('syscalls.mountSync', syscalls.mountSync, ...rawMount),
  subject('syscalls.umount', syscalls.umount, path('target'), flags),
  subject('syscalls.umountSync', syscalls.umountSync, path('target'), flags),
  ...rawCalls,
  ...mountCalls,
];

const noName: readonly Wrong[] = [
  ...types([1, null, {}, Buffer.from('a')]),
  ...values(['', '.a', '-a', 'a/b', 'a b', 'a\0', 'a'.repeat(101), 'é']),
];
const sessionsIn: OptionTable = { directory: noPath };
const session: Parameter = { name: 'name', right: 'none', wrong: [...noName, ...missing] };
const noWhole: readonly Wrong[] = [
  ...types([null, '1', 1n, {}]),
  ...[-1, 1.5, Number.NaN].map((value) => [value, 'ERR_OUT_OF_RANGE'] as const),
];
const sandboxes: readonly Subject[] = [
  subject(
    'createSandbox',
    overlayfs.createSandbox,
    options(
      {
        lower: lowers.filter(([value]) => value !== undefined),
        overlays: [
          ...types([null, 1, 'a', {}]),
          [[1], 'ERR_INVALID_ARG_TYPE', '[0]'],
          [[{ lower: '/a' }], 'ERR_INVALID_ARG_TYPE', '[0].target'],
          [[{ target: '/a', lower: 1 }], 'ERR_INVALID_ARG_TYPE', '[0].lower'],
          [[{ target: '/a', lower: '/b', upper: '/c' }], 'ERR_INVALID_ARG_VALUE', '[0].upper'],
        ],
        session: noName,
        base: [...noName, ['other', 'ERR_INVALID_ARG_VALUE']],
        directory: noPath,
        grace: noWhole,
      },
      { lower: at('lower'), directory: at('target') },
    ),
  ),
  ...[
    subject('listSessions', overlayfs.listSessions, options(sessionsIn)),
    subject('findSession', overlayfs.findSession, session, options(sessionsIn)),
    subject('discardSession', overlayfs.discardSession, session, options(sessionsIn)),
    subject(
      'cloneSession',
      overlayfs.cloneSession,
      session,
      { ...session, name: 'newName' },
      options({ ...sessionsIn, signal: noSignal, onProgress: noFunction }),
    ),
    subject(
      'applySession',
      overlayfs.applySession,
      session,
      options({ ...sessionsIn, ...applying, of: noPath, keep: noBoolean }),
    ),
    subject('sessionSize', overlayfs.sessionSize, {
      name: 'session',
      right: { path: at('target') },
      wrong: types([undefined, null, 1, 'a', {}, { path: 1 }]),
    }),
    subject(
      'pruneSessions',
      overlayfs.pruneSessions,
      options(
        { ...sessionsIn, unusedFor: noWhole, broken: noBoolean, dryRun: noBoolean },
        { directory: at('target') },
      ),
    ),
  ].map((each) => ({ ...each, withoutAddon: true })),
];
const subjectsOfAll: readonly Subject[] = [...subjects, ...sandboxes];

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

for (const tested of subjectsOfAll) {
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
  const tested = subjectsOfAll
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('Overlay.'));
  t.deepEqual(functions.sort(), tested.sort());
});
