import type { Change } from 'overlayfs';

/** `A path`, `M path`, `D path`, in the order of the list. */
export async function listed(changes: AsyncIterable<Change>): Promise<string[]> {
  const lines: string[] = [];
  for await (const { kind, path } of changes) {
    lines.push(`${kind[0]?.toUpperCase()} ${path}`);
  }
  return lines;
}
