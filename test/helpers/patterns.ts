// The obvious meaning of `include` and `exclude`, for comparison with the walk's.
import type { ChangesOptions } from 'overlayfs';

/** One component; names and patterns are latin1. */
function expression(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^$(){}|]/g, '\\$&')
    .replaceAll('*', '[^]*')
    .replaceAll('?', '[^]');
  return new RegExp(`^${source}$`);
}

function matches(names: readonly string[], parts: readonly string[]): boolean {
  const [part, ...rest] = parts;
  if (part === undefined) return names.length === 0;
  if (part === '**')
    return names.some((_, i) => matches(names.slice(i), rest)) || matches([], rest);
  const [name, ...below] = names;
  return name !== undefined && expression(part).test(name) && matches(below, rest);
}

/** Whether a path, or a directory above it, matches one of the patterns. */
function covered(names: readonly string[], patterns: readonly string[]): boolean {
  const above = [[], ...names.map((_, i) => names.slice(0, i + 1))];
  return patterns.some((pattern) => above.some((path) => matches(path, pattern.split('/'))));
}

/** Whether the filter lets a path of the list through. */
export function matching(
  path: string,
  { include, exclude }: Pick<ChangesOptions, 'include' | 'exclude'>,
): boolean {
  const names = path === '.' ? [] : path.split('/');
  if (covered(names, exclude?.map(String) ?? [])) return false;
  return include === undefined || covered(names, include.map(String));
}
