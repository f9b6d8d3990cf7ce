/** Mistakes with lowers and mount points. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mountOverlaySync, syscalls } from 'overlayfs';
import type { Mistake } from './mistakes.ts';
import { asRoot, standard } from './place.ts';

export const layerMistakes: readonly Mistake[] = [
  {
    title: 'a lower is missing',
    prepare: (place) => ({ ...standard(place), lower: [place.at('lower'), place.at('absent')] }),
    code: 'ENOENT',
    reason: 'lower-missing',
    hint: /lower directory does not exist/,
  },
  {
    title: 'a lower is a file',
    prepare(place) {
      writeFileSync(place.at('file'), '');
      return { ...standard(place), lower: place.at('file') };
    },
    code: 'ENOTDIR',
    reason: 'lower-not-directory',
    hint: /has to be a directory/,
  },
  {
    title: 'the target is missing',
    prepare: (place) => ({ ...standard(place), target: place.at('absent') }),
    code: 'ENOENT',
    reason: 'target-missing',
    hint: /mount point does not exist/,
  },
  {
    title: 'the target is a file',
    prepare(place) {
      writeFileSync(place.at('file'), '');
      return { ...standard(place), target: place.at('file') };
    },
    code: 'ENOTDIR',
    reason: 'target-not-directory',
    hint: /mount point has to be a directory/,
  },
  {
    title: 'a lower lies inside another lower',
    prepare(place) {
      mkdirSync(place.at('lower/inner'));
      return { ...standard(place), lower: [place.at('lower'), place.at('lower/inner')] };
    },
    code: 'ELOOP',
    reason: 'lowers-overlap',
    hint: /lower .*inner is or lies inside the lower .*lower;/,
  },
  {
    title: 'the same lower twice',
    prepare: (place) => ({ ...standard(place), lower: [place.at('lower'), place.at('lower')] }),
    code: 'ELOOP',
    reason: 'lowers-overlap',
    hint: /separate trees/,
  },
  {
    title: 'a lower shows a part of another one through a bind mount',
    prepare(place) {
      mkdirSync(place.at('lower/inner'));
      place.bind(place.at('lower/inner'), place.at('bound'));
      return { ...standard(place), lower: [place.at('bound'), place.at('lower')] };
    },
    code: 'ELOOP',
    reason: 'lowers-overlap',
    hint: /lower .*bound is or lies inside the lower .*lower;/,
  },
  {
    title: 'the lower is the upper',
    prepare(place) {
      mkdirSync(place.at('upper'));
      return { ...standard(place), lower: place.at('upper') };
    },
    code: 'ELOOP',
    reason: 'lower-inside-upper',
    hint: /is or lies inside the upper/,
  },
  {
    title: 'the lower lies inside the work directory',
    prepare(place) {
      mkdirSync(place.at('work/lower'), { recursive: true });
      return { ...standard(place), lower: place.at('work/lower'), work: place.at('work') };
    },
    code: 'ELOOP',
    reason: 'lower-inside-work',
    hint: /is or lies inside the work directory/,
  },
  {
    title: 'one lower and no upper',
    prepare: (place) => ({ lower: place.at('lower'), target: place.at('target') }),
    code: 'EINVAL',
    reason: 'single-lower',
    hint: /at least two lowers/,
  },
  {
    title: 'three overlays upon each other',
    prepare(place) {
      for (const name of ['one', 'two', 'empty']) {
        mkdirSync(place.at(name));
      }
      const stack = (lower: string, target: string): void => {
        mountOverlaySync({ lower: [place.at(lower), place.at('empty')], target: place.at(target) });
      };
      stack('lower', 'one');
      stack('one', 'two');
      return { ...standard(place), lower: place.at('two') };
    },
    code: 'EINVAL',
    reason: 'stacked-too-deep',
    hint: /stacks two/,
  },
  {
    title: 'a lower lies on procfs',
    prepare: (place) => ({ ...standard(place), lower: '/proc/sys' }),
    code: 'EINVAL',
    reason: 'lower-on-proc',
    hint: /procfs, which the kernel does not take/,
  },
  {
    title: 'a lower is on an unbindable mount',
    prepare(place) {
      place.bind(place.at('lower'), place.at('bound'));
      syscalls.mountSync(null, place.at('bound'), null, syscalls.MS_UNBINDABLE);
      return { ...standard(place), lower: place.at('bound') };
    },
    code: 'EINVAL',
    reason: 'lower-unbindable',
    hint: /unbindable.*make-private/,
  },
  {
    title: 'mounts of the system lie below a lower',
    only: { as: 'user', why: 'inherited mounts are locked in a user namespace only' },
    prepare: (place) => ({ ...standard(place), lower: '/' }),
    code: 'EINVAL',
    reason: 'lower-locked-mounts',
    hint: /another mount lies on .*run as root/,
  },
  {
    title: 'more layers than the kernel stacks',
    prepare(place) {
      const names = Array.from({ length: 501 }, (_, i) => place.at(`l/${i}`));
      for (const name of names) {
        mkdirSync(name, { recursive: true });
      }
      return { ...standard(place), lower: names };
    },
    code: 'EINVAL',
    reason: 'too-many-layers',
    hint: /500 that the kernel stacks|4095 bytes/,
  },
  {
    title: 'userxattr is off where trusted attributes cannot be written',
    only: { as: 'user', why: 'root may write them' },
    prepare: (place) => ({ ...standard(place), userxattr: asRoot }),
    code: 'EPERM',
    reason: 'needs-userxattr',
    hint: /initial user namespace/,
  },
];
