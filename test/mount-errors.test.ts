// Every mistake has its own error: code, the path it is about, the cause and the way out. And after a
// failure nothing is mounted, created or removed.
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import test from 'ava';
import type { MountOptions, OverlayError } from 'overlayfs';
import { mountOverlay, mountOverlaySync, syscalls } from 'overlayfs';
import { asRoot, Place } from './helpers/place.ts';

interface Mistake {
  readonly title: string;
  readonly rootOnly?: true;
  prepare(place: Place): MountOptions;
  readonly code: string;
  readonly syscall: string;
  readonly hint: RegExp;
}

const standard = (place: Place): MountOptions => ({
  lower: place.at('lower'),
  upper: place.at('upper'),
  target: place.at('target'),
});

const mistakes: readonly Mistake[] = [
  {
    title: 'a lower is missing',
    prepare: (place) => ({ ...standard(place), lower: [place.at('lower'), place.at('absent')] }),
    code: 'ENOENT',
    syscall: 'open',
    hint: /lower directory does not exist/,
  },
  {
    title: 'a lower is a file',
    prepare(place) {
      writeFileSync(place.at('file'), '');
      return { ...standard(place), lower: place.at('file') };
    },
    code: 'ENOTDIR',
    syscall: 'open',
    hint: /has to be a directory/,
  },
  {
    title: 'the upper is a file',
    prepare(place) {
      writeFileSync(place.at('upper'), 'kept');
      return standard(place);
    },
    code: 'ENOTDIR',
    syscall: 'open',
    hint: /upper has to be a directory/,
  },
  {
    title: 'the work directory is a file',
    prepare(place) {
      writeFileSync(place.at('upper.work'), 'kept');
      return standard(place);
    },
    code: 'ENOTDIR',
    syscall: 'open',
    hint: /work directory has to be a directory/,
  },
  {
    title: 'the target is missing',
    prepare: (place) => ({ ...standard(place), target: place.at('absent') }),
    code: 'ENOENT',
    syscall: 'open',
    hint: /mount point does not exist/,
  },
  {
    title: 'the target is a file',
    prepare(place) {
      writeFileSync(place.at('file'), '');
      return { ...standard(place), target: place.at('file') };
    },
    code: 'ENOTDIR',
    syscall: 'mount',
    hint: /mount point has to be a directory/,
  },
  {
    title: 'the parent of the upper is missing',
    prepare: (place) => ({ ...standard(place), upper: place.at('absent/upper') }),
    code: 'ENOENT',
    syscall: 'mkdir',
    hint: /^$/,
  },
  {
    title: 'work lies on another filesystem',
    prepare: (place) => ({ ...standard(place), work: `${place.tmpfs('other')}/work` }),
    code: 'EXDEV',
    syscall: 'mount',
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
    syscall: 'mount',
    hint: /two bind mounts of one filesystem/,
  },
  {
    title: 'the upper is a mount point and no work is named',
    prepare(place) {
      place.tmpfs('upper');
      return standard(place);
    },
    code: 'EXDEV',
    syscall: 'mount',
    hint: /upper\/upper and .*upper\/work/,
  },
  {
    title: 'work lies inside the upper',
    prepare: (place) => ({ ...standard(place), work: place.at('upper/work') }),
    code: 'EINVAL',
    syscall: 'mount',
    hint: /put it beside the upper/,
  },
  {
    title: 'the upper lies inside work',
    prepare(place) {
      mkdirSync(place.at('work'));
      return { ...standard(place), upper: place.at('work/upper'), work: place.at('work') };
    },
    code: 'EINVAL',
    syscall: 'mount',
    hint: /put them beside each other/,
  },
  {
    title: 'work and upper are the same',
    prepare: (place) => ({ ...standard(place), work: place.at('upper') }),
    code: 'EINVAL',
    syscall: 'mount',
    hint: /is or lies inside the upper/,
  },
  {
    title: 'a lower lies inside another lower',
    prepare(place) {
      mkdirSync(place.at('lower/inner'));
      return { ...standard(place), lower: [place.at('lower'), place.at('lower/inner')] };
    },
    code: 'ELOOP',
    syscall: 'mount',
    hint: /lower .*inner is or lies inside the lower .*lower;/,
  },
  {
    title: 'the same lower twice',
    prepare: (place) => ({ ...standard(place), lower: [place.at('lower'), place.at('lower')] }),
    code: 'ELOOP',
    syscall: 'mount',
    hint: /separate trees/,
  },
  {
    title: 'the lower is the upper',
    prepare(place) {
      mkdirSync(place.at('upper'));
      return { ...standard(place), lower: place.at('upper') };
    },
    code: 'ELOOP',
    syscall: 'mount',
    hint: /is or lies inside the upper/,
  },
  {
    title: 'the lower lies inside the work directory',
    prepare(place) {
      mkdirSync(place.at('work/lower'), { recursive: true });
      return { ...standard(place), lower: place.at('work/lower'), work: place.at('work') };
    },
    code: 'ELOOP',
    syscall: 'mount',
    hint: /is or lies inside the work directory/,
  },
  {
    title: 'one lower and no upper',
    prepare: (place) => ({ lower: place.at('lower'), target: place.at('target') }),
    code: 'EINVAL',
    syscall: 'mount',
    hint: /at least two lowers/,
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
    syscall: 'mount',
    hint: /upper lies on an overlay itself.*volume, a tmpfs/,
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
    syscall: 'mount',
    hint: /stacks two/,
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
    syscall: 'mount',
    hint: /read-only filesystem; choose a writable one/,
  },
  {
    title: 'the filesystem of the upper has no extended attributes',
    rootOnly: true,
    prepare(place) {
      mkdirSync(place.at('ram'));
      syscalls.mountSync('ramfs', place.at('ram'), 'ramfs');
      place.mounted(place.at('ram'));
      return { ...standard(place), upper: place.at('ram/upper') };
    },
    code: 'ENOTSUP',
    syscall: 'fsetxattr',
    hint: /cannot store the extended attributes/,
  },
  {
    title: 'a file called work lies in the work directory',
    prepare(place) {
      mkdirSync(place.at('work'));
      writeFileSync(place.at('work/work'), 'precious');
      return { ...standard(place), work: place.at('work') };
    },
    code: 'EEXIST',
    syscall: 'mount',
    hint: /the kernel would delete it/,
  },
  {
    title: 'a volatile mount was not cleaned up',
    prepare(place) {
      mkdirSync(place.at('work/work/incompat/volatile/dirty'), { recursive: true });
      return { ...standard(place), work: place.at('work') };
    },
    code: 'EINVAL',
    syscall: 'mount',
    hint: /volatile and not cleaned up/,
  },
  {
    title: 'the work directory holds what the kernel cannot remove',
    prepare(place) {
      mkdirSync(place.at('work/work/a/b/c/d'), { recursive: true });
      return { ...standard(place), work: place.at('work') };
    },
    code: 'EROFS',
    syscall: 'mount',
    hint: /read-only only, which was undone/,
  },
  {
    title: 'the options are longer than mount(2) takes',
    prepare(place) {
      const long = Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(240, 'x'));
      for (const name of long) {
        mkdirSync(place.at(name));
      }
      return { ...standard(place), lower: long.map((name) => place.at(name)) };
    },
    code: 'E2BIG',
    syscall: 'mount',
    hint: /4095 bytes/,
  },
];

/** Everything below a place, with what would change if somebody touched it. */
function inventory(place: Place): string[] {
  return readdirSync(place.base, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { mode, size, uid } = statSync(place.at(name));
      return `${name} ${mode} ${size} ${uid}`;
    });
}

for (const mistake of mistakes) {
  const title = `refused with a reason: ${mistake.title}`;
  if (mistake.rootOnly && !asRoot) {
    test.skip(`${title} [root only]: a user namespace may not mount ramfs`, () => undefined);
    continue;
  }
  test(title, async (t) => {
    using place = new Place('lower', 'target');
    const options = mistake.prepare(place);
    const before = inventory(place);
    const mounts = place.overlays();
    const error = (await t.throwsAsync(mountOverlay(options), {
      name: 'OverlayError',
      code: mistake.code,
    })) as OverlayError;
    t.is(error.syscall, mistake.syscall);
    t.regex(error.hint ?? '', mistake.hint);
    t.regex(error.message, new RegExp(`^${mistake.code}: .*, ${mistake.syscall} '`));
    t.true(error.message.endsWith(error.hint ?? ''));
    t.true((error.errno ?? 0) < 0);
    t.truthy(error.path);
    t.deepEqual(place.overlays(), mounts);
    t.deepEqual(inventory(place), before);
    const sync = t.throws(() => mountOverlaySync(options), { name: 'OverlayError' });
    t.is(sync?.message, error.message);
    t.deepEqual(inventory(place), before);
  });
}

test('a target that is busy with another overlay is stacked upon, not replaced', async (t) => {
  using place = new Place('lower', 'target');
  await using first = await mountOverlay(standard(place));
  await using second = await mountOverlay({ ...standard(place), upper: place.at('second') });
  t.deepEqual(place.overlays(), [first.path, second.path]);
  await second.close();
  t.deepEqual(place.overlays(), [first.path]);
});

test('userxattr must be on where trusted attributes cannot be written', async (t) => {
  using place = new Place('lower', 'target');
  const options = { ...standard(place), userxattr: false };
  if (asRoot) {
    await using overlay = await mountOverlay(options);
    t.false(overlay.userxattr);
  } else {
    await t.throwsAsync(mountOverlay(options), {
      code: 'EPERM',
      message: /initial user namespace/,
    });
    t.deepEqual(readdirSync(place.base).sort(), ['lower', 'target']);
  }
});

test('a work directory without permission for us is named', async (t) => {
  using place = new Place('lower', 'target', 'work');
  chmodSync(place.at('work'), 0);
  await using overlay = await mountOverlay({ ...standard(place), work: place.at('work') });
  // Root may write it all the same, also in a user namespace that owns it.
  t.is(overlay.work, place.at('work'));
  await overlay.close();
  chmodSync(place.at('work'), 0o700);
});
