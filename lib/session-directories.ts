/** The directories that a session was made from: whether they are still those, and whole. */

import type { Stats } from 'node:fs';
import { statSync } from 'node:fs';
import { constants } from 'node:os';
import { errorFromFailure } from './errors.ts';
import { native, unwrap } from './native.ts';
import type { NativePendingApply } from './native-apply.ts';
import type { NativeDirectory } from './native-sessions.ts';
import { joined, parentOf } from './path-bytes.ts';
import {
  applyInterrupted,
  directoryGone,
  otherDirectory,
  pendingOfOther,
  usedSinceApply,
} from './session-errors.ts';
import type { RecordedIdentity, RecordedOverlay, SessionRecord } from './session-record.ts';

/** A session on disk; as of session-store.ts. */
interface Stored {
  readonly path: Buffer;
  readonly record: SessionRecord;
}

export interface LookedAt {
  /** With what their directories are known again by, as they are now. */
  readonly overlays: readonly RecordedOverlay[];
  /** Where an apply seems to have been interrupted. */
  readonly suspects: readonly Buffer[];
}

function identityOf(found: NativeDirectory): RecordedIdentity {
  const { pending: _, ...fields } = found;
  const known = Object.entries(fields).filter(([, value]) => value !== '');
  return Object.fromEntries(known) as unknown as RecordedIdentity;
}

function lookAt(path: Buffer): NativeDirectory {
  return unwrap(native().lookAtDirectory(path, true));
}

/** Of directories that are there. It takes four calls to the kernel for each. */
export function lookedAt(overlays: readonly RecordedOverlay[]): LookedAt {
  const suspects: Buffer[] = [];
  const known = overlays.map(({ target, lower }) => {
    const identities = lower.map((path) => {
      const found = lookAt(path);
      suspects.push(...(found.pending ? [path] : []));
      return identityOf(found);
    });
    return { target, lower, identities };
  });
  return { overlays: known, suspects };
}

/** After another start of the system only the type of a filesystem in memory says anything. */
function isSame(recorded: RecordedIdentity, found: RecordedIdentity): boolean {
  const passed = recorded.boot !== undefined && recorded.boot !== found.boot;
  const keys = ['type', ...(passed ? [] : (['filesystem', 'inode', 'born'] as const))] as const;
  return keys.every(
    (key) => recorded[key] === found[key] || (key !== 'type' && !(key in recorded && key in found)),
  );
}

/** `identities`: those of the record, which older versions have not written. */
function checkOverlay(
  name: string,
  root: Buffer,
  { lower, identities = [] }: RecordedOverlay,
): void {
  for (const [i, path] of lower.entries()) {
    const outcome = native().lookAtDirectory(path, true);
    if ('failure' in outcome) {
      const { errno } = outcome.failure;
      const gone = errno === constants.errno.ENOENT || errno === constants.errno.ENOTDIR;
      throw gone ? directoryGone(name, root, path) : unwrap(outcome);
    }
    const [recorded, found] = [identities[i], identityOf(outcome.value)];
    if (recorded !== undefined && !isSame(recorded, found)) {
      throw otherDirectory(name, root, path, recorded, found);
    }
  }
}

/**
 * @throws OverlayError `ENOENT` where one of them is not there any more, `ESTALE` where it is another one than when
 * the session was made.
 */
export function checkDirectories(
  { path, record: { name, overlays } }: Stored,
  targets: readonly Buffer[] = overlays.map(({ target }) => target),
): void {
  for (const overlay of overlays) {
    if (targets.some((target) => target.equals(overlay.target))) {
      checkOverlay(name, parentOf(path), overlay);
    }
  }
}

const states = ['preparing', 'ready', 'done', 'undone'] as const;

interface Pending {
  readonly on: Buffer;
  readonly source: Buffer;
  readonly state: (typeof states)[number];
  /** Nanoseconds since 1970; of what an older version has written only between which ones is known. */
  readonly began: { readonly first: bigint; readonly last: bigint };
}

/** Of which it cannot be told how far they are: they are somebody else's, or at work. */
const others: ReadonlySet<string> = new Set(['apply-running', 'stage-foreign']);

const billion = 1_000_000_000n;

function beganOf({ seconds, nanoseconds }: NativePendingApply): Pending['began'] {
  const second = BigInt(seconds) * billion;
  const known = nanoseconds >= 0;
  return {
    first: second + BigInt(known ? nanoseconds : 0),
    last: second + (known ? BigInt(nanoseconds) : billion - 1n),
  };
}

/** @throws OverlayError where there is one and it cannot be read: it may be anybody's. */
async function pendingOn(on: Buffer): Promise<Pending | undefined> {
  const outcome = await native().findPendingApply(on);
  const unknown = 'failure' in outcome && others.has(outcome.failure.reason);
  const found: NativePendingApply | null = unknown ? null : unwrap(outcome);
  return found === null
    ? undefined
    : {
        on,
        source: found.source,
        state: states[found.state] ?? 'preparing',
        began: beganOf(found),
      };
}

function isSameFile(a: Buffer, b: Buffer): boolean {
  if (a.equals(b)) {
    return true;
  }
  const [one, other] = [a, b].map(looked);
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}

/** Undefined where it is gone, or cannot be reached: a session of ours can. */
function looked(path: Buffer): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Begun in the sense that something may have been changed; after that the upper means something else. */
function hasBegun({ state }: Pending): boolean {
  return state === 'ready' || state === 'done';
}

function isOf({ source, began }: Pending, { path, record }: Stored): boolean {
  const created = BigInt(record.created.getTime()) * 1_000_000n;
  const older = created <= began.last; // else it is another one of that name
  return older && record.overlays.some((_, i) => isSameFile(source, joined(path, `${i}`, 'upper')));
}

/** Missing directories have none; who needs them says so. */
function suspectsOf({ overlays }: SessionRecord): Buffer[] {
  return overlays
    .flatMap(({ lower }) => lower)
    .filter((path) => {
      const outcome = native().lookAtDirectory(path, true);
      return 'value' in outcome && outcome.value.pending;
    });
}

/** The apply of this session that was interrupted on one of its directories. */
export async function ownPending(stored: Stored): Promise<Pending | undefined> {
  for (const path of suspectsOf(stored.record)) {
    const found = await pendingOn(path);
    if (found !== undefined && hasBegun(found) && isOf(found, stored)) {
      return found;
    }
  }
  return undefined;
}

/** Whether an apply of it on that directory was interrupted, however far it had come. */
export async function isPendingOn(stored: Stored, on: Buffer): Promise<boolean> {
  const found = await pendingOn(on);
  return found !== undefined && isOf(found, stored);
}

/** @throws OverlayError `EBUSY` where an apply of it was interrupted after its first change. */
export async function checkNotPending(stored: Stored): Promise<void> {
  const found = await ownPending(stored);
  if (found !== undefined) {
    throw applyInterrupted(stored.record.name, stored.path, found.on, found.state === 'done');
  }
}

/**
 * To another directory an interrupted apply keeps nobody out of the session, and the same call would finish it without
 * what was written since.
 *
 * @param used In nanoseconds since 1970.
 * @throws OverlayError `EBUSY` where it was used since one on this directory began.
 */
export async function checkNotUsedSince(stored: Stored, on: Buffer, used: bigint): Promise<void> {
  const found = await pendingOn(on);
  const begun = found !== undefined && hasBegun(found) && isOf(found, stored);
  if (begun && used >= found.began.first) {
    throw usedSinceApply(stored.record.name, stored.path, on);
  }
}

/** Of whatever it was that was applied, sentences about directories of which only a part may have been changed. */
export async function pendingWarnings(suspects: readonly Buffer[]): Promise<string[]> {
  const warnings: string[] = [];
  for (const on of suspects) {
    const outcome = await native().findPendingApply(on);
    if ('failure' in outcome) {
      const { hint, message } = errorFromFailure(outcome.failure);
      warnings.push(others.has(outcome.failure.reason) ? `${on}: ${hint}` : message);
    } else if (outcome.value !== null && states[outcome.value.state] === 'ready') {
      warnings.push(pendingOfOther(on, outcome.value.source));
    }
  }
  return warnings;
}
