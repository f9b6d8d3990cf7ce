/** Something to be kept from, and what a program makes of it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { SandboxOptions } from 'overlayfs';
import { SandboxPlace } from './sandbox-place.ts';

/** With a file beside the lower, and one in it. */
export function furnished(): SandboxPlace {
  const place = new SandboxPlace();
  mkdirSync(place.at('beside/sub'), { recursive: true });
  writeFileSync(place.at('beside/secret'), 'secret');
  writeFileSync(join(place.lower, 'file'), 'below');
  return place;
}

/** What a script prints, on both. */
export async function said(
  place: SandboxPlace,
  options: SandboxOptions,
  script: string,
  cwd: string = place.lower,
): Promise<string> {
  await using sandbox = await place.sandbox(options);
  const { stdout } = await sandbox.run('sh', ['-c', `exec 2>&1; ${script}`], { cwd });
  return stdout.toString();
}

export const writes = (...paths: readonly string[]): string =>
  paths.map((path) => `(: > ${path}) 2>/dev/null && echo wrote || echo no`).join('; ');

export async function refusal(
  t: ExecutionContext,
  place: SandboxPlace,
  options: SandboxOptions,
  code: string,
  message: RegExp,
): Promise<void> {
  await t.throwsAsync(place.sandbox(options), { code, message }, JSON.stringify(options));
  t.deepEqual(place.sessions(), []);
}
