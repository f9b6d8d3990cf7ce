/** Mistakes with the upper and the work directory. */
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { mountOverlaySync, syscalls } from 'overlayfs';
import type { Mistake } from './mistakes.ts';
import type { Place } from './place.ts';
import { standard } from './place.ts';

/** Of an own tmpfs, so that nobody else's removal meets it. */
function immutable(place: Place, name: string): string {
  const directory = `${place.tmpfs('volume')}/${name}`;
  mkdirSync(directory);
  execFileSync('chattr', ['+i', directory]);
  return directory;
}

/** A filesystem as mke2fs made them twenty years ago. */
function withoutTypes(place: Place): string {
  const file = openSync(place.at('image'), 'w');
  ftruncateSync(file, 8 << 20);
  closeSync(file);
  execFileSync('mkfs.ext4', ['-q', '-O', '^filetype', place.at('image')]);
  mkdirSync(place.at('old'));
  execFileSync('mount', ['-o', 'loop', place.at('image'), place.at('old')]);
  place.mounted(place.at('old'));
  return place.at('old/upper');
}

const loopDevices = { as: 'root', why: 'a user namespace has no loop devices' } as const;
const attributes = { as: 'root', why: 'CAP_LINUX_IMMUTABLE is for the initial namespace' } as const;
const ordinary = { as: 'user', why: 'root may write everywhere' } as const;
const indexes = { as: 'root', why: 'a user namespace has no index' } as const;

/** Mounts with an index and unmounts, so that upper and work belong together. */
function usedWithIndex(place: Place): void {
  mountOverlaySync({ ...standard(place), work: place.at('work'), index: true }).closeSync();
}

export const upperMistakes: readonly Mistake[] = [
  {
    title: 'the upper is a file',
    prepare(place) {
      writeFileSync(place.at('upper'), 'kept');
      return standard(place);
    },
    code: 'ENOTDIR',
    reason: 'upper-not-directory',
    hint: /upper has to be a directory/,
  },
  {
    title: 'the work directory is a file',
    prepare(place) {
      writeFileSync(place.at('upper.work'), 'kept');
      return standard(place);
    },
    code: 'ENOTDIR',
    reason: 'work-not-directory',
    hint: /work directory has to be a directory/,
  },
  {
    title: 'the parent of the upper is missing',
    prepare: (place) => ({ ...standard(place), upper: place.at('absent/upper') }),
    code: 'ENOENT',
    reason: 'parent-missing',
    hint: /create that first/,
  },
  {
    title: 'the parent of the work directory is missing',
    prepare: (place) => ({ ...standard(place), work: place.at('absent/work') }),
    code: 'ENOENT',
    reason: 'parent-missing',
    hint: /create that first/,
  },
  {
    title: 'the upper cannot be created',
    only: ordinary,
    prepare: (place) => ({ ...standard(place), upper: '/overlayfs-test-upper' }),
    code: 'EACCES',
    reason: 'upper-not-creatable',
    hint: /may not create the upper there; choose another place/,
  },
  {
    title: 'work lies on another filesystem',
    prepare: (place) => ({ ...standard(place), work: `${place.tmpfs('other')}/work` }),
    code: 'EXDEV',
    reason: 'work-other-mount',
    hint: /different mounts/,
  },
  {
    title: 'work lies on another mount of the same filesystem',
    prepare(place) {
      mkdirSync(place.at('volume'));
      place.bind(place.at('volume'), place.at('bound'));
      return { ...standard(place), work: place.at('bound/work') };
    },
    code: 'EXDEV',
    reason: 'work-other-mount',
    hint: /two bind mounts of one filesystem/,
  },
  {
    title: 'the upper is a mount point and no work is named',
    prepare(place) {
      place.tmpfs('upper');
      return standard(place);
    },
    code: 'EXDEV',
    reason: 'upper-is-mount',
    hint: /upper\/upper and .*upper\/work/,
  },
  {
    title: 'work lies inside the upper',
    prepare: (place) => ({ ...standard(place), work: place.at('upper/work') }),
    code: 'EINVAL',
    reason: 'work-inside-upper',
    hint: /put it beside the upper/,
  },
  {
    title: 'the upper lies inside work',
    prepare(place) {
      mkdirSync(place.at('work'));
      return { ...standard(place), upper: place.at('work/upper'), work: place.at('work') };
    },
    code: 'EINVAL',
    reason: 'upper-inside-work',
    hint: /put them beside each other/,
  },
  {
    title: 'work and upper are the same',
    prepare: (place) => ({ ...standard(place), work: place.at('upper') }),
    code: 'EINVAL',
    reason: 'work-inside-upper',
    hint: /is or lies inside the upper/,
  },
  {
    title: 'the upper lies on an overlay',
    prepare(place) {
      mkdirSync(place.at('outer'));
      mountOverlaySync({
        lower: place.at('lower'),
        upper: place.at('outer-upper'),
        target: place.at('outer'),
      });
      return { ...standard(place), upper: place.at('outer/upper') };
    },
    code: 'EINVAL',
    reason: 'upper-on-overlay',
    hint: /upper lies on an overlay itself.*volume, a tmpfs/,
  },
  {
    title: 'the upper is on a read-only filesystem',
    prepare(place) {
      place.tmpfs('ro');
      mkdirSync(place.at('ro/upper'));
      syscalls.mountSync(null, place.at('ro'), null, syscalls.MS_REMOUNT | syscalls.MS_RDONLY);
      return { ...standard(place), upper: place.at('ro/upper') };
    },
    code: 'EROFS',
    reason: 'upper-read-only',
    hint: /read-only filesystem; choose a writable one/,
  },
  {
    title: 'the upper is to be created on a read-only filesystem',
    prepare(place) {
      place.tmpfs('ro');
      syscalls.mountSync(null, place.at('ro'), null, syscalls.MS_REMOUNT | syscalls.MS_RDONLY);
      return { ...standard(place), upper: place.at('ro/upper') };
    },
    code: 'EROFS',
    reason: 'upper-read-only',
    hint: /read-only filesystem; choose a writable one/,
  },
  {
    title: 'the upper is on a read-only mount of a writable filesystem',
    prepare(place) {
      mkdirSync(place.at('volume/upper'), { recursive: true });
      place.bind(place.at('volume'), place.at('ro'));
      const flags = syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY;
      syscalls.mountSync(null, place.at('ro'), null, flags);
      return { ...standard(place), upper: place.at('ro/upper') };
    },
    code: 'EROFS',
    reason: 'upper-read-only',
    hint: /read-only filesystem; choose a writable one/,
  },
  {
    title: 'the filesystem of the upper has no extended attributes',
    only: { as: 'root', why: 'a user namespace may not mount ramfs' },
    prepare(place) {
      mkdirSync(place.at('ram'));
      syscalls.mountSync('ramfs', place.at('ram'), 'ramfs');
      place.mounted(place.at('ram'));
      return { ...standard(place), upper: place.at('ram/upper') };
    },
    code: 'ENOTSUP',
    reason: 'upper-no-xattr',
    hint: /cannot store the extended attributes/,
  },
  {
    title: 'the filesystem of the upper does not tell types',
    only: loopDevices,
    prepare: (place) => ({ ...standard(place), upper: withoutTypes(place) }),
    code: 'ENOTSUP',
    reason: 'upper-no-dtype',
    hint: /d_type.*filetype/,
  },
  {
    title: 'the upper is immutable',
    only: attributes,
    prepare: (place) => ({ ...standard(place), upper: immutable(place, 'upper') }),
    code: 'EPERM',
    reason: 'upper-immutable',
    hint: /every change would fail.*chattr -i/,
  },
  {
    title: 'the work directory is immutable',
    only: attributes,
    prepare(place) {
      const work = immutable(place, 'work');
      return { ...standard(place), upper: place.at('volume/upper'), work };
    },
    code: 'EPERM',
    reason: 'work-immutable',
    hint: /read-only; remove the attribute/,
  },
  {
    title: 'a file called work lies in the work directory',
    prepare(place) {
      mkdirSync(place.at('work'));
      writeFileSync(place.at('work/work'), 'precious');
      return { ...standard(place), work: place.at('work') };
    },
    code: 'EEXIST',
    reason: 'work-is-file',
    hint: /the kernel would delete it/,
  },
  {
    title: "somebody's directory lies where the kernel cleans up",
    prepare(place) {
      mkdirSync(place.at('work/work/precious'), { recursive: true });
      return { ...standard(place), work: place.at('work') };
    },
    code: 'ENOTEMPTY',
    reason: 'work-foreign',
    hint: /precious is nothing that overlayfs has left.*move it away/,
  },
  {
    title: 'the work directory holds more than the kernel removes',
    prepare(place) {
      mkdirSync(place.at('work/work/#1/second/third'), { recursive: true });
      return { ...standard(place), work: place.at('work') };
    },
    code: 'ENOTEMPTY',
    reason: 'work-nested',
    hint: /#1\/second is deeper than it removes.*read-only/,
  },
  {
    title: 'a volatile mount was not cleaned up',
    prepare(place) {
      mkdirSync(place.at('work/work/incompat/volatile/dirty'), { recursive: true });
      return { ...standard(place), work: place.at('work') };
    },
    code: 'EINVAL',
    reason: 'work-volatile',
    hint: /volatile and not closed properly.*acceptUnclean/,
  },
  {
    title: 'a feature of another kernel was used',
    prepare(place) {
      mkdirSync(place.at('work/work/incompat/timetravel'), { recursive: true });
      return { ...standard(place), work: place.at('work') };
    },
    code: 'EINVAL',
    reason: 'work-incompat',
    hint: /feature timetravel .*new upper and work/,
  },
  {
    title: 'an index ties the upper to another lower',
    only: indexes,
    prepare(place) {
      usedWithIndex(place);
      mkdirSync(place.at('another'));
      const options = { ...standard(place), work: place.at('work'), index: true };
      return { ...options, lower: place.at('another') };
    },
    code: 'ESTALE',
    reason: 'stale-origin',
    hint: /another lower before.*another is not that one/,
  },
  {
    title: 'an index ties the work directory to another upper',
    only: indexes,
    prepare(place) {
      usedWithIndex(place);
      const options = { ...standard(place), work: place.at('work'), index: true };
      return { ...options, upper: place.at('another-upper') };
    },
    code: 'ESTALE',
    reason: 'stale-index',
    hint: /work directory was used with another upper/,
  },
];
