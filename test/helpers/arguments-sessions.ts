/** What the functions of sandboxes and sessions take. */
import * as overlayfs from 'overlayfs';
import type { OptionTable, Parameter, Subject } from './argument-table.ts';
import { options, subject } from './argument-table.ts';
import { applying } from './arguments-changes.ts';
import { at } from './no-addon.ts';
import type { Wrong } from './wrong-values.ts';
import {
  lowers,
  missing,
  noBoolean,
  noFunction,
  noPath,
  noSignal,
  types,
  values,
} from './wrong-values.ts';

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

export const sessionSubjects: readonly Subject[] = [
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
        network: noBoolean,
        hide: lowers.filter(([value]) => value !== undefined),
        readOnly: lowers.filter(([value]) => value !== undefined),
        emptyTmp: noBoolean,
        pidNamespace: noBoolean,
      },
      { lower: at('lower'), directory: at('target') },
    ),
  ),
  ...[
    subject('listSessions', overlayfs.listSessions, options(sessionsIn)),
    subject('findSession', overlayfs.findSession, session, options(sessionsIn)),
    subject('verifySession', overlayfs.verifySession, session, options(sessionsIn)),
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
