/** The public names; each is described where it is defined. */
export type { PathLike } from './arguments.ts';
export type { ChangesMethod, ChangesSource, Directories, Layers } from './change-source.ts';
export type { Changes, ChangesOptions } from './changes.ts';
export { changes } from './changes.ts';
export type { Aspect, Change, ChangeKind, FileType, LayerEntry, Mark } from './entries.ts';
export { AbortError, OverlayError } from './errors.ts';
export type {
  Hold,
  HoldKind,
  MountCopy,
  MountHolder,
  MountHolders,
  Submount,
} from './holder.ts';
export type { FindHoldersOptions } from './holders.ts';
export { findHolders, findHoldersSync } from './holders.ts';
export type { OverlayMount } from './mounts.ts';
export { listOverlays, listOverlaysSync } from './mounts.ts';
export type { CloseOptions, MountOptions } from './overlay.ts';
export { mountOverlay, mountOverlaySync, Overlay } from './overlay.ts';
export type { PulledEntries } from './pull.ts';
export { refreshOverlay, refreshOverlaySync } from './refresh.ts';
export type { LayerEntries, ScanOptions } from './scan.ts';
export { scanLayer } from './scan.ts';
export type { Syscalls } from './syscalls.ts';
export { syscalls } from './syscalls.ts';
export type {
  MountReference,
  UnmountOptions,
  UnmountRetry,
  UnmountSyncOptions,
} from './unmount.ts';
export { unmount, unmountSync } from './unmount.ts';
