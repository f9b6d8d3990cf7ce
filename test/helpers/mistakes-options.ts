/** Mistakes with the options of overlayfs. */
import { mkdirSync } from 'node:fs';
import type { MountOptions } from 'overlayfs';
import { syscalls } from 'overlayfs';
import type { Mistake } from './mistakes.ts';
import type { Place } from './place.ts';
import { standard } from './place.ts';

type Options = Omit<MountOptions, 'lower' | 'upper' | 'target'>;

const withOptions =
  (options: Options) =>
  (place: Place): MountOptions => ({ ...standard(place), ...options });

const handles = { as: 'root', why: 'a user namespace has no index to keep' } as const;
const trusted = { as: 'root', why: 'a user namespace has userxattr always' } as const;
const untrusted = { as: 'user', why: 'root may write trusted attributes' } as const;

export const optionMistakes: readonly Mistake[] = [
  {
    title: 'userxattr with metacopy',
    prepare: withOptions({ userxattr: true, metacopy: true, redirectDir: 'nofollow' }),
    code: 'EINVAL',
    reason: 'options-exclude',
    hint: /userxattr and metacopy=on exclude each other/,
  },
  {
    title: 'userxattr with redirects that are made',
    prepare: withOptions({ userxattr: true, redirectDir: 'on' }),
    code: 'EINVAL',
    reason: 'options-exclude',
    hint: /userxattr and redirect_dir=on exclude each other/,
  },
  {
    title: 'userxattr with redirects that are followed',
    prepare: withOptions({ userxattr: true, redirectDir: 'follow' }),
    code: 'EINVAL',
    reason: 'options-exclude',
    hint: /userxattr and redirect_dir=follow exclude each other/,
  },
  {
    title: 'metacopy where userxattr was not asked for',
    only: untrusted,
    prepare: withOptions({ metacopy: true }),
    code: 'EINVAL',
    reason: 'option-needs-trusted',
    hint: /metacopy=on is not to be had without CAP_SYS_ADMIN/,
  },
  {
    title: 'redirects where userxattr was not asked for',
    only: untrusted,
    prepare: withOptions({ redirectDir: 'on' }),
    code: 'EINVAL',
    reason: 'option-needs-trusted',
    hint: /redirect_dir=on is not to be had without CAP_SYS_ADMIN/,
  },
  {
    title: 'metacopy without redirects',
    only: trusted,
    prepare: withOptions({ metacopy: true, redirectDir: 'nofollow' }),
    code: 'EINVAL',
    reason: 'options-exclude',
    hint: /metacopy=on and redirect_dir=nofollow exclude each other/,
  },
  {
    title: 'metacopy with redirects that are only followed',
    only: trusted,
    prepare: withOptions({ metacopy: true, redirectDir: 'follow' }),
    code: 'EINVAL',
    reason: 'options-exclude',
    hint: /metacopy=on and redirect_dir=follow exclude each other/,
  },
  {
    title: 'metacopy with an export',
    only: trusted,
    prepare: withOptions({ metacopy: true, nfsExport: true }),
    code: 'EINVAL',
    reason: 'options-exclude',
    hint: /metacopy=on and nfs_export=on exclude each other/,
  },
  {
    title: 'an export without an index',
    only: trusted,
    prepare: withOptions({ nfsExport: true, index: false }),
    code: 'EINVAL',
    reason: 'options-exclude',
    hint: /nfs_export=on and index=off exclude each other/,
  },
  {
    title: 'an option that the kernel does not know',
    prepare: withOptions({ extraOptions: ['timetravel=on'] }),
    code: 'EINVAL',
    reason: 'option-unknown',
    hint: /does not know the option timetravel; leave it out/,
  },
  {
    title: 'a value that the kernel does not take',
    prepare: withOptions({ extraOptions: ['fsync=perhaps'] }),
    code: 'EINVAL',
    reason: 'option-bad-value',
    hint: /does not take the option fsync=perhaps; correct/,
  },
  {
    title: 'a layer among the raw options',
    prepare: withOptions({ extraOptions: ['upperdir=/etc'] }),
    code: 'EINVAL',
    reason: 'option-is-layer',
    hint: /upperdir=\/etc names a layer/,
  },
  {
    title: 'a raw option that says the same again',
    prepare: withOptions({ index: false, extraOptions: ['index=on'] }),
    code: 'EINVAL',
    reason: 'option-repeated',
    hint: /index=on is among the raw options.*use that one/,
  },
  {
    title: 'an index without an upper',
    prepare(place) {
      mkdirSync(place.at('second'));
      const lower = [place.at('lower'), place.at('second')];
      return { lower, target: place.at('target'), index: true };
    },
    code: 'EINVAL',
    reason: 'option-needs-upper',
    hint: /index=on has no meaning without an upper/,
  },
  {
    title: 'volatile without an upper',
    prepare(place) {
      mkdirSync(place.at('second'));
      const lower = [place.at('lower'), place.at('second')];
      return { lower, target: place.at('target'), volatile: true };
    },
    code: 'EINVAL',
    reason: 'option-needs-upper',
    hint: /volatile has no meaning without an upper/,
  },
  {
    title: 'an index where the kernel cannot keep one',
    only: { as: 'user', why: 'root may open files by handle' },
    prepare: withOptions({ index: true }),
    code: 'ENOTSUP',
    reason: 'option-would-be-dropped',
    hint: /without index=on: file handles are for CAP_DAC_READ_SEARCH/,
  },
  {
    title: 'an index with a lower that has no file handles',
    only: handles,
    prepare(place) {
      mkdirSync(place.at('ram'));
      syscalls.mountSync('ramfs', place.at('ram'), 'ramfs');
      place.mounted(place.at('ram'));
      return { ...standard(place), lower: place.at('ram'), index: true };
    },
    code: 'ENOTSUP',
    reason: 'option-would-be-dropped',
    hint: /index=on: the filesystem has no file handles/,
  },
];
