/** The public names; each is described where it is defined. */
export type { PathLike } from './arguments.ts';
export type { ChangesMethod, ChangesSource, Directories, Layers } from './change-source.ts';
export type { Changes, ChangesOptions } from './changes.ts';
export { changes } from './changes.ts';
export type { Aspect, Change, ChangeKind, FileType, LayerEntry, Mark } from './entries.ts';
export { AbortError, OverlayError } from './errors.ts';
export type {
  Atime,
  MountAttributes,
  MountInterface,
  Propagation,
} from './mount-attributes.ts';
export type {
  BindMountOptions,
  MadeMount,
  MoveMountOptions,
  RemountOptions,
  SetPropagationOptions,
  TmpfsOptions,
} from './mount-calls.ts';
export {
  bindMount,
  bindMountSync,
  mountTmpfs,
  mountTmpfsSync,
  moveMount,
  moveMountSync,
  remount,
  remountSync,
  setPropagation,
  setPropagationSync,
} from './mount-calls.ts';
export type { OverlayMount, UnmountOptions } from './mounts.ts';
export { listOverlays, listOverlaysSync, unmount, unmountSync } from './mounts.ts';
export type { CloseOptions, MountOptions } from './overlay.ts';
export { mountOverlay, mountOverlaySync, Overlay } from './overlay.ts';
export type { PulledEntries } from './pull.ts';
export type { LayerEntries, ScanOptions } from './scan.ts';
export { scanLayer } from './scan.ts';
export type { MountAttr } from './syscall-arguments.ts';
export type { Syscalls } from './syscalls.ts';
export { syscalls } from './syscalls.ts';
