/** The list of changes in an editor: a line that is taken out of it is a change that is not applied. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppliedChange } from '../packed-apply.ts';
import { appliedLine } from './applied-text.ts';
import { complain } from './messages.ts';

const explanation = `
# Each line is a change: A added, M modified, D deleted. Delete a line, or put a #
# before it, and the change is not applied. A line is known by its number alone.
# If all are deleted nothing is applied.
`;

/** Lines that were said no to are there, behind a mark. */
function listText(
  changes: readonly AppliedChange[],
  chosen: readonly (boolean | undefined)[],
): string {
  const line = (change: AppliedChange, i: number): string =>
    `${chosen[i] === false ? '# ' : ''}${i + 1} ${appliedLine(change, (_, text) => text)}`;
  return `${changes.map(line).join('')}${explanation}`;
}

/** @throws Error with what is wrong. */
function chosenBy(text: string, count: number): boolean[] {
  const chosen = new Array<boolean>(count).fill(false);
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) {
      continue;
    }
    const [number = ''] = line.split(/\s/);
    if (!/^[1-9]\d*$/.test(number) || Number(number) > count) {
      throw new Error(`the line '${line}' does not begin with the number of a change`);
    }
    chosen[Number(number) - 1] = true;
  }
  return chosen;
}

/** As git runs one: by the shell, since the variable may have options in it. */
function runEditor(file: string): void {
  const editor = process.env.VISUAL || process.env.EDITOR || 'vi';
  const { error, status, signal } = spawnSync('sh', ['-c', `${editor} "$@"`, editor, file], {
    stdio: 'inherit',
  });
  if (error !== undefined || status !== 0) {
    const why = error?.message ?? (signal === null ? `status ${status}` : signal);
    throw new Error(`the editor '${editor}' has failed (${why}); $VISUAL or $EDITOR names another`);
  }
}

/** Which changes are left in the list; undefined, with what was wrong said, where that cannot be told. */
export async function editList(
  changes: readonly AppliedChange[],
  chosen: readonly (boolean | undefined)[],
): Promise<boolean[] | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'overlayfs-apply-'));
  try {
    const file = join(directory, 'changes');
    await writeFile(file, listText(changes, chosen), { mode: 0o600 });
    runEditor(file);
    return chosenBy(await readFile(file, 'utf8'), changes.length);
  } catch (error) {
    complain(`${(error as Error).message}; nothing was applied yet`);
    return undefined;
  } finally {
    await rm(directory, { recursive: true });
  }
}
