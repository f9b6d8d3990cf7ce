/**
 * System calls one to one, for people who want exactly what the kernel does: nothing is checked
 * beforehand, resolved or undone. Errors are `OverlayError`s.
 */
import type { PathLike } from './arguments.ts';
import { flagBits, pathBytes } from './arguments.ts';
import type { MountApiFlags } from './mount-api-flags.ts';
import { mountApiFlags } from './mount-api-flags.ts';
import { mountFlags, umountFlags } from './mount-flags.ts';
import { native, unwrap } from './native.ts';
import { textOrNull } from './syscall-arguments.ts';
import type { MountApiCalls } from './syscalls-mount-api.ts';
import { mountApiCalls } from './syscalls-mount-api.ts';
import type { StatmountCalls } from './syscalls-statmount.ts';
import { statmountCalls } from './syscalls-statmount.ts';

type MountArguments = [
  source: PathLike | null,
  target: PathLike,
  filesystemType: string | Buffer | null,
  flags?: number,
  data?: string | Buffer | null,
];

function mountArguments(
  ...[source, target, type, flags = 0, data = null]: MountArguments
): [Buffer | null, Buffer, Buffer | null, number, Buffer | null] {
  return [
    source instanceof URL ? pathBytes(source, 'source') : textOrNull(source, 'source'),
    pathBytes(target, 'target'),
    textOrNull(type, 'filesystemType'),
    flagBits(flags, 'flags'),
    textOrNull(data, 'data'),
  ];
}

/**
 * mount(2). A `null` is passed as a null pointer, as a bind mount or a remount wants it.
 *
 * The one addition: data longer than 4095 bytes is refused (`E2BIG`), because the kernel would cut it
 * in silence and go by the rest.
 */
async function mount(...args: MountArguments): Promise<void> {
  const given = mountArguments(...args);
  unwrap(await native().mount(...given, false));
}

/** mount(2), blocking. */
function mountSync(...args: MountArguments): void {
  const given = mountArguments(...args);
  unwrap(native().mount(...given, true));
}

/** umount2(2). */
async function umount(target: PathLike, flags = 0): Promise<void> {
  const given = [pathBytes(target, 'target'), flagBits(flags, 'flags')] as const;
  unwrap(await native().umount(...given, false));
}

/** umount2(2), blocking. */
function umountSync(target: PathLike, flags = 0): void {
  const given = [pathBytes(target, 'target'), flagBits(flags, 'flags')] as const;
  unwrap(native().umount(...given, true));
}

export type Syscalls = {
  readonly mount: typeof mount;
  readonly mountSync: typeof mountSync;
  readonly umount: typeof umount;
  readonly umountSync: typeof umountSync;
} & MountApiCalls &
  StatmountCalls &
  typeof mountFlags &
  typeof umountFlags &
  MountApiFlags;

export const syscalls: Syscalls = Object.freeze({
  mount,
  mountSync,
  umount,
  umountSync,
  ...mountApiCalls,
  ...statmountCalls,
  ...mountFlags,
  ...umountFlags,
  ...mountApiFlags,
});
