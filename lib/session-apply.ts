/** Applying what a session holds to what it was made from. */
import { accessSync, constants } from 'node:fs';
import type { ApplyResult } from './apply.ts';
import { applyChanges } from './apply.ts';
import type { ApplyOptions } from './apply-options.ts';
import { applyKeys, checkedApply } from './apply-options.ts';
import type { PathLike } from './arguments.ts';
import { absolutePath, optionalBoolean, optionsObject } from './arguments.ts';
import { argumentValue, OverlayError } from './errors.ts';
import { parentOf } from './path-bytes.ts';
import { sessionDirectory } from './sandbox-options.ts';
import { dependentsOf } from './session-bases.ts';
import { checkDirectories, checkNotUsedSince, isPendingOn } from './session-directories.ts';
import {
  readOnlyTarget,
  sessionHasDependents,
  sessionOnSeveral,
  undiscardable,
} from './session-errors.ts';
import type { Session, SessionOverlay } from './session-list.ts';
import { described } from './session-list.ts';
import { SessionLock } from './session-lock.ts';
import { discardLocked } from './session-removal.ts';
import type { StoredSession } from './session-store.ts';
import { lastUsedExactly, pathOfSession, readSession, sessionName } from './session-store.ts';
import { overlaysAt, targetsOf } from './session-target.ts';

/** `since` is by default when the session was made, `to` goes with one overlay. */
export interface SessionApplyOptions extends ApplyOptions {
  /** As of `createSandbox`. */
  readonly directory?: PathLike;
  /** Of a session that covers several directories, this target only. Default: all of them. */
  readonly of?: PathLike;
  /** Keep the session also when everything in it was applied. Default: then it is discarded. */
  readonly keep?: boolean;
}

/** What came of one overlay of a session. */
export interface AppliedOverlay extends ApplyResult {
  readonly target: string;
  readonly targetBytes: Buffer;
}

export interface AppliedSession {
  /** Every one of the overlays is complete. */
  readonly complete: boolean;
  /** The session is gone. */
  readonly discarded: boolean;
  /**
   * Why it is not, where it was to be: all of it was applied, and removing it has failed. `discardSession` does that
   * again, or, where it has lost its name by then, `pruneSessions`.
   */
  readonly notDiscarded: OverlayError | undefined;
  /** Outer ones first. */
  readonly overlays: readonly AppliedOverlay[];
}

function chosenOverlays(session: Session, wanted: Buffer | undefined): readonly SessionOverlay[] {
  const found = overlaysAt(session, wanted);
  if (found.length === 0) {
    throw argumentValue('options.of', `must be one that the session covers: ${targetsOf(session)}`);
  }
  return found;
}

/** What is to be done with one overlay. */
interface Step {
  readonly overlay: SessionOverlay;
  readonly options: ApplyOptions;
  /** As far as the options go. */
  readonly all: boolean;
}

type Entering = (overlay: SessionOverlay) => void;

async function applyAll(
  steps: readonly Step[],
  more: ApplyOptions,
  entering: Entering = () => undefined,
): Promise<AppliedOverlay[]> {
  const results: AppliedOverlay[] = [];
  for (const { overlay, options } of steps) {
    const { target, targetBytes, layers } = overlay;
    entering(overlay);
    const result = await applyChanges(layers, { ...options, ...more });
    results.push({ ...result, target, targetBytes });
  }
  return results;
}

/** What is known to fail in one of several is to change none of them; one that was interrupted is to be finished. */
async function failsIn(
  stored: StoredSession,
  steps: readonly Step[],
  { dryRun, keepGoing }: ApplyOptions,
): Promise<AppliedOverlay[] | undefined> {
  if (steps.length < 2 || dryRun || keepGoing) {
    return undefined;
  }
  const untouched: Step[] = [];
  for (const step of steps) {
    if (!(await isPendingOn(stored, step.overlay.targetBytes))) {
      untouched.push(step);
    }
  }
  const unheard = { onChange: () => undefined, onProgress: () => undefined };
  const tried = await applyAll(untouched, { ...unheard, dryRun: true });
  return tried.some(({ failed }) => failed.length > 0)
    ? tried.map((result) => ({ ...result, applied: 0 }))
    : undefined;
}

/** Undefined: it may be written to. */
function whyUnwritable(path: Buffer): string | undefined {
  try {
    accessSync(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

async function hasChanges(
  { layers }: SessionOverlay,
  { include, exclude, paths }: ApplyOptions,
): Promise<boolean> {
  const { changes } = await import('./changes.ts');
  const selected = { ...(include && { include }), ...(exclude && { exclude }) };
  for await (const _ of changes(layers, selected)) {
    return paths?.length !== 0;
  }
  return false;
}

/**
 * Those of which something may be to be applied: where nothing has changed, as in most of what is mounted below a
 * directory that a session covers, nothing has to be writable.
 */
async function withChanges(
  overlays: readonly SessionOverlay[],
  { path, record }: StoredSession,
  options: ApplyOptions,
): Promise<readonly SessionOverlay[]> {
  const wanted: SessionOverlay[] = [];
  let readOnly: Buffer | undefined;
  for (const overlay of overlays) {
    const why = whyUnwritable(overlay.targetBytes);
    if (why !== undefined && !(await hasChanges(overlay, options))) {
      continue;
    }
    // Where it is only forbidden (EACCES) what is in its directories may be allowed.
    if (why === 'EROFS') {
      readOnly ??= overlay.targetBytes;
    } else {
      wanted.push(overlay);
    }
  }
  if (readOnly !== undefined) {
    const others = wanted.map(({ targetBytes }) => targetBytes);
    throw readOnlyTarget(record.name, path, readOnly, others);
  }
  return wanted;
}

/** Found out before anything is applied: afterwards the session would mean something else. */
function checkDiscardable({ path, record }: StoredSession): void {
  try {
    accessSync(parentOf(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw undiscardable(record.name, path, error);
  }
}

/**
 * Carries out what the programs of a session have changed, on the directories that it was made from:
 * `applyChanges` with each of its overlays. A file there that was changed since the session was made is a
 * conflict. What is left of a session that was applied means something else from then on, so it is discarded
 * once all of it was; it is kept where something was left alone or chosen (`include`, `exclude`, `paths`,
 * `of`), with `to`, and with `keep`.
 *
 * One overlay after another: interrupted, the same call finishes the one that it was at.
 *
 * @throws OverlayError what `applyChanges` and `discardSession` throw: `EBUSY` where somebody works with the
 * session or others are stacked on it; `EINVAL` where it is stacked itself, without `to`.
 */
export function applySession(name: string, options?: SessionApplyOptions): Promise<AppliedSession> {
  return applyChosen(name, options);
}

async function whyNotDiscarded(
  ...session: Parameters<typeof discardLocked>
): Promise<OverlayError | undefined> {
  try {
    await discardLocked(...session);
    return undefined;
  } catch (error) {
    if (error instanceof OverlayError) {
      return error; // that of the apply is more than this
    }
    throw error;
  }
}

/** What of the changes of one overlay is to be carried out. */
export interface Choice {
  readonly paths: readonly Buffer[];
  /** That is all of them. */
  readonly all: boolean;
}
export type Chooser = (overlay: SessionOverlay, options: ApplyOptions) => Promise<Choice>;

async function stepOf(
  overlay: SessionOverlay,
  options: ApplyOptions,
  choose: Chooser | undefined,
): Promise<Step> {
  if (choose === undefined) {
    return { overlay, options, all: true };
  }
  const { paths, all } = await choose(overlay, options);
  const { include: _, ...rest } = options;
  return { overlay, options: { ...rest, paths }, all };
}

interface Applying {
  /** Asked about each overlay, while the session is locked. */
  readonly choose?: Chooser | undefined;
  /** What is told from then on is about this one. */
  readonly entering?: Entering;
}

export async function applyChosen(
  name: string,
  options: SessionApplyOptions | undefined,
  { choose, entering }: Applying = {},
): Promise<AppliedSession> {
  const keys = [...applyKeys, 'directory', 'of', 'keep'];
  const given = optionsObject(options, 'options', keys);
  const { directory, of, keep, ...rest } = given;
  checkedApply(rest);
  const chosen: ApplyOptions = rest;
  const target = of === undefined ? undefined : absolutePath(of, 'options.of');
  const keeps = optionalBoolean(keep, 'options.keep') ?? false;
  const root = sessionDirectory(directory, 'options.directory');
  const wanted = sessionName(name, 'name');
  const path = await pathOfSession(wanted, root);
  const lock = await SessionLock.take(path, wanted);
  try {
    const stored = await readSession(path, wanted);
    const session = await described(stored);
    let overlays = chosenOverlays(session, target);
    if (chosen.to !== undefined && overlays.length > 1) {
      throw argumentValue('options.to', 'goes with one overlay; say which with `of`');
    }
    if (chosen.to !== undefined) {
      await checkNotUsedSince(
        stored,
        absolutePath(chosen.to, 'options.to'),
        await lastUsedExactly(path),
      );
    } else if (overlays.some(({ layers }) => [layers.lower].flat().length > 1)) {
      throw sessionOnSeveral(wanted, session.base);
    } else {
      checkDirectories(
        stored,
        overlays.map(({ targetBytes }) => targetBytes),
      );
    }
    const inPlace = chosen.to === undefined && !chosen.dryRun;
    const dependents = inPlace ? await dependentsOf(wanted, root) : [];
    if (dependents.length > 0) {
      throw sessionHasDependents(wanted, stored.path, dependents);
    }
    const part = chosen.include ?? chosen.exclude ?? chosen.paths ?? of;
    const discards = inPlace && part === undefined && !keeps;
    if (discards) {
      checkDiscardable(stored);
    }
    const how = { ...chosen, since: chosen.since ?? session.created };
    if (chosen.to === undefined) {
      overlays = await withChanges(overlays, stored, how);
    }
    const steps: Step[] = [];
    for (const overlay of overlays) {
      steps.push(await stepOf(overlay, how, choose));
    }
    const results = (await failsIn(stored, steps, how)) ?? (await applyAll(steps, {}, entering));
    const complete = results.every((result) => result.complete);
    const all = steps.every((step) => step.all);
    const discarding = discards && complete && all;
    const notDiscarded = discarding ? await whyNotDiscarded(lock, path, wanted, root) : undefined;
    const discarded = discarding && notDiscarded === undefined;
    return { complete, discarded, notDiscarded, overlays: results };
  } finally {
    await lock.release();
  }
}
