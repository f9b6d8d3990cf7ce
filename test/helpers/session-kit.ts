/** Sessions to be looked at, and to be damaged. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxPlace } from './sandbox-place.ts';

/** A session that is kept, with what a script wrote. */
export async function kept(
  place: SandboxPlace,
  name: string,
  script = 'echo > new',
): Promise<string> {
  const sandbox = await place.sandbox({ session: name });
  try {
    const { code, stderr } = await sandbox.run('sh', ['-c', script], { cwd: place.lower });
    if (code !== 0) {
      throw new Error(stderr.toString());
    }
  } finally {
    await sandbox.close();
  }
  return sandbox.path;
}

export const record = (path: string): string => join(path, 'session.json');

export function tree(path: string): string[] {
  return execFileSync('find', [path, '-path', '*/work/work', '-prune', '-o', '-print'])
    .toString()
    .split('\n')
    .sort();
}

export function edit(path: string, change: Record<string, unknown>): void {
  const value = JSON.parse(readFileSync(record(path), 'utf8'));
  writeFileSync(record(path), JSON.stringify({ ...value, ...change }));
}
