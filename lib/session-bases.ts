/** Which sessions are stacked on which: by what is written, be they whole or not. */
import { isSessionName, looseRecord } from './session-kind.ts';
import { storedEntries } from './session-store.ts';
import { someAtOnce } from './some-at-once.ts';

/** The base of each that has one, by name. */
export type Bases = ReadonlyMap<string, string>;

/** Nothing but the records is looked at: one that is damaged, or of a newer version, has a base as well. */
export async function recordedBases(directory: Buffer | undefined): Promise<Bases> {
  const entries = (await storedEntries(directory)).filter(({ name }) => isSessionName(name));
  const bases = await someAtOnce(entries, async ({ path, name }) => {
    const base = (await looseRecord(path))?.base;
    return typeof base === 'string' ? ([[name, base]] as const) : [];
  });
  return new Map(bases.flat());
}

/** The sessions that are stacked on one. */
export async function dependentsOf(name: string, directory: Buffer | undefined): Promise<string[]> {
  const bases = await recordedBases(directory);
  return [...bases].filter(([, base]) => base === name).map(([above]) => above);
}

/** How many sessions it is stacked on, one on the other. */
function height(name: string, bases: Bases): number {
  let count = 0;
  for (let base = bases.get(name); base !== undefined && count <= bases.size; count++) {
    base = bases.get(base);
  }
  return count;
}

/** Those that are stacked on others come first, since nothing can be removed beneath them. */
export function stackedFirst<T>(
  some: readonly T[],
  nameOf: (item: T) => string,
  bases: Bases,
): T[] {
  return [...some].sort((a, b) => height(nameOf(b), bases) - height(nameOf(a), bases));
}
