/** What the functions that list, show, check and apply changes take. */
import * as overlayfs from 'overlayfs';
import type { Call, OptionTable, Parameter, Subject } from './argument-table.ts';
import { iterated, layers, options, path, subject } from './argument-table.ts';
import { unmounted } from './no-addon.ts';
import type { Wrong } from './wrong-values.ts';
import {
  lowers,
  missing,
  noBoolean,
  noFunction,
  noNumber,
  noPath,
  noSignal,
  types,
  values,
} from './wrong-values.ts';

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

export const applying: OptionTable = {
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

export const changeSubjects: readonly Subject[] = [
  subject('changes', iterated(overlayfs.changes as Call), listSource, changesOptions),
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
    'scanLayer',
    iterated(overlayfs.scanLayer as Call),
    path('directory'),
    options({ ...reading, xattrs: space }),
  ),
  subject('applyChanges', overlayfs.applyChanges, listSource, options(applying)),
  subject('resumeApply', overlayfs.resumeApply, path('destination'), options(finishing)),
  subject('abortApply', overlayfs.abortApply, path('destination'), options(finishing)),
  subject('findPendingApply', overlayfs.findPendingApply, path('destination')),
];
