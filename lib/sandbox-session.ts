/** From what a sandbox was asked for to a session that is locked and whose overlays are mounted. */

import { OverlayError } from './errors.ts';
import { freshDigits } from './fresh-name.ts';
import { mountOfSession } from './mount-overlay.ts';
import { native } from './native.ts';
import type { Overlay } from './overlay.ts';
import { joined } from './path-bytes.ts';
import type { Isolation } from './sandbox-isolation.ts';
import type { SandboxPlan } from './sandbox-options.ts';
import { here } from './sandbox-options.ts';
import type { SandboxPlaces } from './sandbox-places.ts';
import { findMountsBelow, inOrder, placesOf, resolvedPlaces } from './sandbox-places.ts';
import { dependentsOf } from './session-bases.ts';
import {
  checkDirectories,
  checkNotPending,
  lookedAt,
  pendingWarnings,
} from './session-directories.ts';
import { brokenSession, fileFailure, otherLayers, sessionHasDependents } from './session-errors.ts';
import { SessionLock } from './session-lock.ts';
import type { RecordedOverlay, SessionRecord } from './session-record.ts';
import { removeLocked } from './session-removal.ts';
import { chooseRoot } from './session-roots.ts';
import type { StoredSession } from './session-store.ts';
import {
  clearNew,
  createStored,
  findStored,
  makePlaces,
  markUsed,
  pathOfSession,
  readSession,
  writeRecord,
} from './session-store.ts';
import type { SandboxIds } from './subordinate-ids.ts';
import { releaseIds, sandboxIds } from './subordinate-ids.ts';

/** An overlay of a sandbox, mounted. */
export interface MountedPlace {
  readonly target: Buffer;
  readonly overlay: Overlay;
}

export interface OpenedSession {
  readonly path: Buffer;
  readonly record: SessionRecord;
  /** Its own, and that of the session it is stacked on. */
  readonly locks: readonly [SessionLock, ...SessionLock[]];
  /** Outer ones first. */
  readonly places: readonly MountedPlace[];
  readonly carried: readonly string[];
  readonly emptied: readonly string[];
  readonly warnings: readonly string[];
  /** It did not exist before. */
  readonly fresh: boolean;
  /** Undefined: none was asked for. */
  readonly isolation: Isolation | undefined;
}

interface Base {
  readonly name: string;
  readonly overlays: readonly RecordedOverlay[];
  readonly lock: SessionLock;
}

interface Locked {
  readonly stored: StoredSession;
  readonly lock: SessionLock;
  readonly places: SandboxPlaces;
  /** It did not exist before. */
  readonly fresh: boolean;
  /** There are overlays that it had no need of before. */
  readonly more: boolean;
  /** Directories in which an apply may have been interrupted. */
  readonly suspects: readonly Buffer[];
  readonly isolation: Isolation | undefined;
}

const covering = ({ target, lower }: RecordedOverlay): string =>
  `${target}${lower.length === 1 && lower[0]?.equals(target) ? '' : ` of ${lower.join(':')}`}`;

function sameOverlay(a: RecordedOverlay, b: RecordedOverlay): boolean {
  const lowers =
    a.lower.length === b.lower.length && a.lower.every((l, i) => b.lower[i]?.equals(l));
  return lowers && a.target.equals(b.target);
}

async function lockBase(name: string, directory: Buffer | undefined): Promise<Base> {
  const path = await pathOfSession(name, directory);
  const lock = await SessionLock.take(path, name);
  try {
    const { record } = await readSession(path, name);
    if (record.state === 'new') {
      throw brokenSession(
        name,
        path,
        'nothing was ever mounted of it, so nothing can be stacked on it',
      );
    }
    checkDirectories({ path, record });
    await checkNotPending({ path, record });
    const overlays = record.overlays.map(({ target, lower }, i) => ({
      target,
      lower: [joined(path, `${i}`, 'upper'), ...lower],
    }));
    return { name, overlays, lock };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Before anything is made: it may be refused. */
async function isolated(
  { isolation }: SandboxPlan,
  overlays: readonly RecordedOverlay[],
  fresh: boolean,
): Promise<Isolation | undefined> {
  if (isolation === undefined) {
    return undefined;
  }
  const { isolationOf } = await import('./sandbox-isolation.ts');
  return isolationOf(isolation, overlays, fresh);
}

async function create(plan: SandboxPlan, base: Base | undefined): Promise<Locked> {
  const asked = base?.overlays ?? resolvedPlaces(plan.asked ?? here());
  const chosen = chooseRoot(
    plan.directory,
    asked.map(({ target }) => target),
  );
  chosen.catch(() => undefined); // it is waited for after the other, whose failure comes first
  const below = await findMountsBelow(asked, () => native().mayMount());
  const root = await chosen;
  const places = await placesOf(asked, below, root);
  const { overlays, suspects } = lookedAt(places.overlays);
  const isolation = await isolated(plan, places.overlays, true);
  const record: SessionRecord = {
    name: plan.session ?? `tmp-${freshDigits()}`,
    state: 'new',
    ephemeral: plan.session === undefined,
    created: new Date(),
    userxattr: !native().canReadTrusted(),
    subordinateIds: false,
    overlays,
    base: base?.name,
    last: undefined,
  };
  const stored = await createStored(root, record);
  return { ...stored, places, fresh: true, more: false, suspects, isolation };
}

async function checkReuse(plan: SandboxPlan, { path, record }: StoredSession): Promise<void> {
  const { name, overlays } = record;
  const asked = plan.asked && resolvedPlaces(plan.asked);
  const known = asked?.every((each) => overlays.some((other) => sameOverlay(each, other))) ?? true;
  if (!known || (plan.base !== undefined && plan.base !== record.base)) {
    throw otherLayers(name, path, overlays.map(covering).join(', '));
  }
  const dependents = await dependentsOf(name, plan.directory);
  if (dependents.length > 0) {
    throw sessionHasDependents(name, path, dependents);
  }
  if (record.userxattr === native().canReadTrusted()) {
    const by = record.userxattr ? 'an ordinary user' : 'root';
    throw otherLayers(
      name,
      path,
      `${overlays.map(covering).join(', ')} by ${by}, with other marks`,
    );
  }
}

async function reuse(plan: SandboxPlan, found: StoredSession): Promise<Locked> {
  const { path } = found;
  const { name } = found.record;
  const lock = await SessionLock.take(path, name);
  try {
    let stored = await readSession(path, name); // as it is now that nobody else changes it
    await checkReuse(plan, stored);
    checkDirectories(stored);
    await checkNotPending(stored);
    if (stored.record.state === 'new') {
      await clearNew(stored);
    }
    const { overlays } = stored.record;
    const below = await findMountsBelow(overlays, () => native().mayMount());
    const places = await placesOf(overlays, below, path);
    const isolation = await isolated(plan, places.overlays, false);
    const more = places.overlays.filter(
      ({ target }) => !stored.record.overlays.some((each) => each.target.equals(target)),
    );
    if (more.length > 0) {
      stored = await makePlaces(stored, more);
    }
    // Older versions have not written what the directories are known by, nor those started before.
    const { overlays: known, suspects } = lookedAt(stored.record.overlays);
    stored = { ...stored, record: { ...stored.record, overlays: known } };
    return { stored, lock, places, fresh: false, more: more.length > 0, suspects, isolation };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function mountAll(
  { path, record }: StoredSession,
  { namespace }: SandboxIds,
): Promise<MountedPlace[]> {
  const mounted: MountedPlace[] = [];
  try {
    const numbered = record.overlays.map((each, number) => ({ ...each, number }));
    for (const { target, lower, number } of inOrder(numbered)) {
      const overlay = await mountOfSession({
        lower,
        upper: joined(path, `${number}`, 'upper'),
        work: joined(path, `${number}`, 'work'),
        volatile: record.ephemeral,
        seenOn: target,
        beside: mounted[0]?.overlay,
        namespace,
      });
      mounted.push({ target, overlay });
    }
  } catch (error) {
    await closeAll(mounted, false);
    throw error;
  }
  return mounted;
}

/** @param sync Whether an upper that was mounted `volatile` is to be used again. */
export async function closeAll(places: readonly MountedPlace[], sync: boolean): Promise<void> {
  const outcomes = await Promise.allSettled(places.map(({ overlay }) => overlay.close({ sync })));
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') {
      throw outcome.reason;
    }
  }
}

async function mountSession(
  locked: Locked,
  ids: SandboxIds,
): Promise<Pick<OpenedSession, 'record' | 'places'>> {
  const { stored } = locked;
  const places = await mountAll(stored, ids);
  const subordinateIds = stored.record.subordinateIds || ids.namespace !== undefined;
  const record: SessionRecord = { ...stored.record, state: 'ready', subordinateIds };
  const failing = 'the session could not be entered';
  try {
    const first = stored.record.state === 'new';
    if (
      (first && !record.ephemeral) ||
      locked.more ||
      subordinateIds !== stored.record.subordinateIds
    ) {
      await writeRecord(stored.path, record, failing);
    } else if (!first) {
      await markUsed(stored.path).catch((error: unknown) => {
        throw fileFailure(error, failing);
      });
    }
  } catch (error) {
    await closeAll(places, true);
    throw error;
  }
  return { record, places };
}

/** Of one that is to be made, others may make it at the same time: then it is theirs, and can be entered. */
async function lockSession(plan: SandboxPlan, base: Base | undefined): Promise<Locked> {
  const { session, directory } = plan;
  const find = async (): Promise<StoredSession | undefined> =>
    session === undefined ? undefined : findStored(session, directory);
  const found = await find();
  if (found !== undefined) {
    return reuse(plan, found);
  }
  try {
    return await create(plan, base);
  } catch (error) {
    const quicker =
      error instanceof OverlayError && error.code === 'EEXIST' ? await find() : undefined;
    if (quicker === undefined || quicker.record.base !== base?.name) {
      throw error;
    }
    return reuse(plan, quicker);
  }
}

/** Of a session that is there already its own record says on which one it is stacked. */
async function baseOf(plan: SandboxPlan): Promise<string | undefined> {
  const { session, directory } = plan;
  const found = session === undefined ? undefined : await findStored(session, directory);
  return found === undefined ? plan.base : found.record.base;
}

/** What programs cannot do though one may expect it. */
function idWarnings({ record }: StoredSession, { missing, failed }: SandboxIds): string[] {
  if (missing === undefined || !(failed || record.subordinateIds)) {
    return [];
  }
  const before = record.subordinateIds
    ? 'the session may hold files of subordinate ids, of which this run knows none'
    : 'subordinate ids could not be mapped';
  return [
    `${before}: what belongs to others seems to be nobody’s, and cannot be changed (EOVERFLOW); ${missing}`,
  ];
}

export async function openSession(plan: SandboxPlan): Promise<OpenedSession> {
  // Others do the most of it meanwhile.
  const ids = sandboxIds(plan.idMap);
  ids.catch(() => undefined); // it is waited for later, unless something else fails before
  try {
    return await openWith(plan, ids);
  } finally {
    await ids.then(releaseIds, () => undefined); // a failure is that of `openWith`, or came second
  }
}

async function openWith(plan: SandboxPlan, given: Promise<SandboxIds>): Promise<OpenedSession> {
  const baseName = await baseOf(plan);
  const base = baseName === undefined ? undefined : await lockBase(baseName, plan.directory);
  try {
    const locked = await lockSession(plan, base);
    try {
      const locks = [locked.lock, ...(base ? [base.lock] : [])] as const;
      const { path } = locked.stored;
      const { isolation, fresh } = locked;
      const { carried, emptied } = locked.places;
      const ids = await given;
      const warnings = [
        ...locked.places.warnings,
        ...(await pendingWarnings(locked.suspects)),
        ...idWarnings(locked.stored, ids),
      ];
      const known = { path, locks, carried, emptied, warnings, fresh, isolation };
      return { ...known, ...(await mountSession(locked, ids)) };
    } catch (error) {
      try {
        if (locked.fresh) {
          await removeLocked(locked.stored.path, locked.lock);
        }
      } finally {
        await locked.lock.release();
      }
      throw error;
    }
  } catch (error) {
    await base?.lock.release();
    throw error;
  }
}
