/** Applying what a session holds to what it was made from. */
import type { ApplyResult } from './apply.ts';
import { applyChanges } from './apply.ts';
import type { ApplyOptions } from './apply-options.ts';
import { applyKeys, checkedApply } from './apply-options.ts';
import type { PathLike } from './arguments.ts';
import { absolutePath, optionalBoolean, optionsObject } from './arguments.ts';
import { argumentValue } from './errors.ts';
import { sessionDirectory } from './sandbox-options.ts';
import { dependentsOf } from './session-bases.ts';
import { checkDirectories, checkNotUsedSince } from './session-directories.ts';
import { sessionHasDependents, sessionOnSeveral } from './session-errors.ts';
import type { Session, SessionOverlay } from './session-list.ts';
import { described } from './session-list.ts';
import { discardLocked } from './session-removal.ts';
import { pathOfSession, readSession, SessionLock, sessionName } from './session-store.ts';
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

async function applyAll(
  steps: readonly Step[],
  more: ApplyOptions = {},
): Promise<AppliedOverlay[]> {
  const results: AppliedOverlay[] = [];
  for (const { overlay, options } of steps) {
    const { target, targetBytes, layers } = overlay;
    const result = await applyChanges(layers, { ...options, ...more });
    results.push({ ...result, target, targetBytes });
  }
  return results;
}

/** What is known to fail in one of several is to change none of them. */
async function failsIn(
  steps: readonly Step[],
  { dryRun, keepGoing }: ApplyOptions,
): Promise<AppliedOverlay[] | undefined> {
  if (steps.length < 2 || dryRun || keepGoing) {
    return undefined;
  }
  const unheard = { onChange: () => undefined, onProgress: () => undefined };
  const tried = await applyAll(steps, { ...unheard, dryRun: true });
  return tried.some(({ failed }) => failed.length > 0)
    ? tried.map((result) => ({ ...result, applied: 0 }))
    : undefined;
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
  return applyChosen(name, options, undefined);
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

/** The same; `choose` is asked about each overlay, while the session is locked. */
export async function applyChosen(
  name: string,
  options: SessionApplyOptions | undefined,
  choose: Chooser | undefined,
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
    const overlays = chosenOverlays(session, target);
    if (chosen.to !== undefined && overlays.length > 1) {
      throw argumentValue('options.to', 'goes with one overlay; say which with `of`');
    }
    if (chosen.to !== undefined) {
      await checkNotUsedSince(stored, absolutePath(chosen.to, 'options.to'), session.used);
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
    const how = { ...chosen, since: chosen.since ?? session.created };
    const steps: Step[] = [];
    for (const overlay of overlays) {
      steps.push(await stepOf(overlay, how, choose));
    }
    const results = (await failsIn(steps, how)) ?? (await applyAll(steps));
    const complete = results.every((result) => result.complete);
    const all = steps.every((step) => step.all);
    const part = chosen.include ?? chosen.exclude ?? chosen.paths ?? of;
    const discarded = complete && all && inPlace && part === undefined && !keeps;
    if (discarded) {
      await discardLocked(lock, path, wanted, root);
    }
    return { complete, discarded, overlays: results };
  } finally {
    await lock.release();
  }
}
