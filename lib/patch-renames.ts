/** Which files a patch can call renamed: what has to be known before its first line. */
import type { ChangesSource } from './change-source.ts';
import type { ChangesOptions } from './changes.ts';
import { changes } from './changes.ts';
import type { Change } from './entries.ts';

/** A path with one character for every byte. */
export function latin1(text: string, bytes: Buffer | undefined): string {
  return (bytes ?? Buffer.from(text)).toString('latin1');
}

export interface Renames {
  /** What was renamed, by its new path: the deletion of the old one. */
  readonly to: ReadonlyMap<string, Change>;
  /** The old paths: their deletion is told with the new one. */
  readonly from: ReadonlySet<string>;
}

const movable = ({ type }: Change): boolean => type === 'file' || type === 'symlink';

/** Old path and new path of everything that may have been renamed. */
async function candidates(
  source: ChangesSource,
  options: ChangesOptions,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const directories: { readonly path: string; readonly from: string }[] = [];
  for await (const change of changes(source, { ...options, content: 'never' })) {
    const path = latin1(change.path, change.pathBytes);
    while (directories.length > 0 && !path.startsWith(`${directories.at(-1)?.path}/`)) {
      directories.pop();
    }
    const above = directories.at(-1);
    const own =
      change.renamedFrom === undefined
        ? undefined
        : latin1(change.renamedFrom, change.renamedFromBytes);
    const from = own ?? (above && `${above.from}${path.slice(above.path.length)}`);
    if (from === undefined || change.kind !== 'added') {
      continue;
    }
    if (change.type === 'directory' && own !== undefined) {
      directories.push({ path, from });
    } else if (movable(change) && !found.has(from)) {
      found.set(from, path);
    }
  }
  return found;
}

/** Costs a reading of the upper without contents, and a second one if anything was renamed. */
export async function findRenames(
  source: ChangesSource,
  options: ChangesOptions,
): Promise<Renames> {
  const found = await candidates(source, options);
  const to = new Map<string, Change>();
  const from = new Set<string>();
  if (found.size > 0) {
    const whole = { ...options, content: 'never', expand: true, stat: true } as const;
    for await (const change of changes(source, whole)) {
      const path = latin1(change.path, change.pathBytes);
      const target = change.kind === 'deleted' && movable(change) ? found.get(path) : undefined;
      if (target !== undefined) {
        to.set(target, change);
        from.add(path);
      }
    }
  }
  return { to, from };
}
