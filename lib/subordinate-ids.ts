/** User namespaces with an ordinary user's subordinate ids: subuid(5), subgid(5). */
import type { Failure } from './errors.ts';
import { errorFromFailure } from './errors.ts';
import { native, unwrap } from './native.ts';
import type { NamespaceHandle } from './native-namespaces.ts';
import type { Outcome } from './native-outcome.ts';

export const idMaps = ['auto', 'own', 'subordinate'] as const;
/** Which ids an ordinary user's sandbox knows. */
export type SandboxIdMap = (typeof idMaps)[number];

/** Milliseconds that newuidmap and newgidmap get; where accounts are asked for over a network they may take seconds. */
const helperTime = 10_000;

/** Reasons that say no more than that this system, or this user, has no such ids. */
const ordinary: ReadonlySet<string> = new Set([
  ...['no-id-helper', 'no-subordinate-ids', 'no-new-privileges'],
]);

export function subordinateNamespace(): Promise<Outcome<NamespaceHandle>> {
  return native().makeMappedNamespace(Buffer.from(process.env.PATH ?? ''), helperTime);
}

/** Why there are no subordinate ids, with the way out. */
function sentenceOf(failure: Failure): string {
  const { hint, message } = errorFromFailure(failure);
  return hint ?? message;
}

/** What the overlays of one sandbox are mounted in. */
export interface SandboxIds {
  /** Undefined: the kernel is given the user's own ids only, or there is no need for a namespace. */
  readonly namespace: NamespaceHandle | undefined;
  /** Why there is none, where there could have been one. */
  readonly missing: string | undefined;
  /** It ought to have worked. */
  readonly failed: boolean;
}

const none: SandboxIds = { namespace: undefined, missing: undefined, failed: false };

/**
 * Who may mount needs none.
 *
 * @throws OverlayError where they were asked for by name, and cannot be had.
 */
export async function sandboxIds(wanted: SandboxIdMap): Promise<SandboxIds> {
  if (wanted === 'own' || native().mayMount() || process.geteuid?.() === 0) {
    return none;
  }
  const made = await subordinateNamespace();
  if (!('failure' in made)) {
    return { ...none, namespace: made.value };
  }
  if (wanted === 'subordinate') {
    throw errorFromFailure(made.failure);
  }
  const failed = !ordinary.has(made.failure.reason);
  return { ...none, missing: sentenceOf(made.failure), failed };
}

/** What is made of the namespace keeps it. */
export function releaseIds({ namespace }: SandboxIds): void {
  if (namespace !== undefined) {
    unwrap(native().releaseNamespace(namespace));
  }
}

/**
 * Does something with the rights over files of the subordinate ids.
 *
 * @returns undefined where there are none, after `missing` was told why.
 */
export async function withSubordinateIds<T>(
  work: (namespace: NamespaceHandle) => Promise<T>,
  missing: (why: string) => void,
): Promise<T | undefined> {
  const made = await subordinateNamespace();
  if ('failure' in made) {
    missing(sentenceOf(made.failure));
    return undefined;
  }
  try {
    return await work(made.value);
  } finally {
    unwrap(native().releaseNamespace(made.value));
  }
}
