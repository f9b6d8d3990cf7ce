/** What the system calls take. */
import * as overlayfs from 'overlayfs';
import type { Parameter, Subject } from './argument-table.ts';
import { both, path, subject } from './argument-table.ts';
import type { Wrong } from './wrong-values.ts';
import {
  missing,
  noBytes,
  noDescriptors,
  noFlags,
  noOptions,
  noText,
  noUrl,
  types,
  values,
} from './wrong-values.ts';

const { syscalls } = overlayfs;

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

const raw = (name: string, ...parameters: Parameter[]): Subject[] =>
  both(syscalls, 'syscalls.', name, ...parameters);

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

export const syscallSubjects: readonly Subject[] = [
  subject('syscalls.statmount', syscalls.statmount, ...rawStatmount),
  subject('syscalls.statmountSync', syscalls.statmountSync, ...rawStatmount),
  subject('syscalls.listmount', syscalls.listmount, ...rawListmount),
  subject('syscalls.listmountSync', syscalls.listmountSync, ...rawListmount),
  subject('syscalls.mount', syscalls.mount, ...rawMount),
  subject('syscalls.mountSync', syscalls.mountSync, ...rawMount),
  subject('syscalls.umount', syscalls.umount, path('target'), flags),
  subject('syscalls.umountSync', syscalls.umountSync, path('target'), flags),
  ...rawCalls,
];
