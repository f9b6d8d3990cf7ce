// Cells in which nothing can be played: they have to fail in the way that is known.
import { changes } from 'overlayfs';
import type { Lab } from '../helpers/lab.ts';
import { LabError } from '../helpers/lab-process.ts';
import type { Cell, Impossible } from './cells.ts';
import type { Grounds } from './stage.ts';
import { Stage } from './stage.ts';

async function codeOf(stage: Stage, { fails }: Impossible): Promise<string> {
  try {
    await stage.mountMerged();
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return fails === 'mount' ? error.code : `mounting fails with ${error.code}`;
  }
  if (fails === 'mount') return 'mounting succeeds';
  try {
    for await (const change of changes(stage.target)) return `${change.path} is reported`;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code);
    throw error;
  }
  return 'nothing fails';
}

/** What is wrong, or undefined. */
export async function tryImpossible(
  lab: Lab,
  cell: Cell,
  expected: Impossible,
  grounds: Grounds,
): Promise<string | undefined> {
  await using stage = await Stage.make(lab, cell, grounds, 'impossible');
  if (cell.shape === 'data-only') stage.data.push(await stage.makeLower('data'));
  stage.lowers.push(await stage.makeLower('lower'));
  await stage.newUpper();
  const code = await codeOf(stage, expected);
  return code === expected.code ? undefined : `${expected.code} is expected, but: ${code}`;
}
