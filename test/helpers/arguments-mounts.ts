/** What the functions that mount, unmount and look at mounts take. */
import * as overlayfs from 'overlayfs';
import type { Call, OptionTable, Parameter, Subject } from './argument-table.ts';
import { both, iterated, layers, options, path, subject } from './argument-table.ts';
import { at, unmounted } from './no-addon.ts';
import type { Wrong } from './wrong-values.ts';
import {
  lowers,
  missing,
  noBoolean,
  noOptions,
  noPath,
  noSignal,
  noWord,
  types,
  values,
} from './wrong-values.ts';

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

const call = (name: string, ...parameters: Parameter[]): Subject[] =>
  both(overlayfs, '', name, ...parameters);

const mountCalls = [
  ...call('bindMount', path('source'), path('target'), bindOptions),
  ...call('mountTmpfs', path('target'), tmpfsOptions),
  ...call('moveMount', path('source'), path('target'), moveOptions),
  ...call('remount', path('target'), remountOptions),
  ...call('setPropagation', path('target'), propagation, propagationOptions),
];

export const mountSubjects: readonly Subject[] = [
  subject('mountOverlay', overlayfs.mountOverlay, mountOptions),
  subject('mountOverlaySync', overlayfs.mountOverlaySync, mountOptions),
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
  subject('findMount', overlayfs.findMount, path('path')),
  subject('findMountSync', overlayfs.findMountSync, path('path')),
  subject(
    'watchMounts',
    iterated(overlayfs.watchMounts as Call),
    options({ initial: noBoolean, signal: noSignal }),
  ),
  ...mountCalls,
];
