/** The public names; each is described where it is defined. */
export type { ApplyResult, PendingApply } from './apply.ts';
export { abortApply, applyChanges, findPendingApply, resumeApply } from './apply.ts';
export type {
  ApplyOptions,
  ApplyProgress,
  ConflictPolicy,
  PendingApplyOptions,
} from './apply-options.ts';
export type { PathLike } from './arguments.ts';
export type { ChangesMethod, ChangesSource, Directories, Layers } from './change-source.ts';
export type { ChangeTotals } from './change-totals.ts';
export type { ChangeCounts, Changes, ChangesOptions } from './changes.ts';
export { changes } from './changes.ts';
export type { Finding } from './diagnose.ts';
export { diagnose, diagnoseSync } from './diagnose.ts';
export type {
  Aspect,
  Change,
  ChangeKind,
  FileStat,
  FileType,
  LayerEntry,
  Mark,
} from './entries.ts';
export type { EphemeralUpper } from './ephemeral-upper.ts';
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
export type { Mount, MountPropagation, OverlayMount } from './mount-entry.ts';
export type { IdMap, IdRange, Layer, LayerOptions, MountOptions } from './mount-options.ts';
export { mountOverlay, mountOverlaySync } from './mount-overlay.ts';
export {
  findMount,
  findMountSync,
  listMounts,
  listMountsSync,
  listOverlays,
  listOverlaysSync,
} from './mount-table.ts';
export type { MountChange, MountWatch, WatchMountsOptions } from './mount-watch.ts';
export { watchMounts } from './mount-watch.ts';
export type { AttachedOverlay } from './overlay.ts';
export { Overlay } from './overlay.ts';
export type { AttachOptions, CloseOptions } from './overlay-options.ts';
export type { AppliedChange, ApplyOutcome } from './packed-apply.ts';
export type { PatchOptions, PatchPart } from './patch.ts';
export { createPatch } from './patch.ts';
export type { OverlayProbe, ProbedPrivileges } from './probe.ts';
export { probe, probeSync } from './probe.ts';
export type { RunResult } from './program-result.ts';
export type { PulledEntries } from './pull.ts';
export { refreshOverlay, refreshOverlaySync } from './refresh.ts';
export type { CheckRulesOptions, RuleFailure, RuleOffender, Rules } from './rules.ts';
export { checkRules, RuleChecker } from './rules.ts';
export type { RunOptions, RunStdio } from './run-options.ts';
export type { SandboxCloseOptions, SandboxOverlay } from './sandbox.ts';
export { createSandbox, Sandbox } from './sandbox.ts';
export type {
  SandboxOptions,
  SandboxOverlayOptions,
  SandboxRunOptions,
  SpawnOptions,
} from './sandbox-options.ts';
export type { SandboxProcessEvents } from './sandbox-process.ts';
export { SandboxProcess } from './sandbox-process.ts';
export type { LayerEntries, ScanOptions } from './scan.ts';
export { scanLayer } from './scan.ts';
export type { AppliedOverlay, AppliedSession, SessionApplyOptions } from './session-apply.ts';
export { applySession } from './session-apply.ts';
export type { CloneProgress, CloneSessionOptions } from './session-clone.ts';
export { cloneSession } from './session-clone.ts';
export type {
  Session,
  SessionOverlay,
  SessionRest,
  SessionSize,
  SessionsOptions,
} from './session-list.ts';
export {
  findSession,
  isSession,
  listSessions,
  sessionSize,
  verifySession,
} from './session-list.ts';
export type { Pruned, PruneOptions } from './session-prune.ts';
export { pruneSessions } from './session-prune.ts';
export type { RecordedEnd } from './session-record.ts';
export type { DiscardOptions } from './session-removal.ts';
export { discardSession } from './session-removal.ts';
export type { SandboxIdMap } from './subordinate-ids.ts';
export type { DirectoryTotals, SummarizeOptions } from './summarize.ts';
export { summarizeChanges } from './summarize.ts';
export type { MountAttr } from './syscall-arguments.ts';
export type { Syscalls } from './syscalls.ts';
export { syscalls } from './syscalls.ts';
export type { MountStat } from './syscalls-statmount.ts';
export type {
  MountReference,
  UnmountOptions,
  UnmountRetry,
  UnmountSyncOptions,
} from './unmount.ts';
export { unmount, unmountSync } from './unmount.ts';
