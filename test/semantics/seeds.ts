// Histories that have failed once, kept as files.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { History } from './history.ts';

// From dist/test/semantics: the files are not compiled.
const kept: string = fileURLToPath(new URL('../../../test/semantics/seeds', import.meta.url));

export async function readHistory(file: string): Promise<History> {
  return JSON.parse(await readFile(file, 'utf8')) as History;
}

export async function keptHistories(): Promise<History[]> {
  const names = (await readdir(kept)).filter((name) => name.endsWith('.json')).sort();
  return await Promise.all(names.map((name) => readHistory(join(kept, name))));
}

/** Returns the name of the file. */
export async function writeHistory(directory: string, history: History): Promise<string> {
  await mkdir(directory, { recursive: true });
  const name = `${history.cell}-${history.seed}.json`.replaceAll(/[/+]/g, '_');
  const file = join(directory, name);
  await writeFile(file, `${JSON.stringify(history, undefined, 1)}\n`);
  return file;
}
