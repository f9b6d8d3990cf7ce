// Makes a failing history as small as can be, by leaving out what it does not need.
import type { History, Layer } from './history.ts';
import type { Operation } from './operations.ts';

/** Whether a history still fails. */
export type Fails = (history: History) => Promise<boolean>;

/** Delta debugging: ever smaller chunks are left out, as long as that keeps the failure. */
async function without<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let kept = items;
  for (let size = kept.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < kept.length; ) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (await fails(fewer)) kept = fewer;
      else from += size;
    }
  }
  return kept;
}

/** Ends with the deadline (milliseconds since 1970) at the latest. */
export async function shrink(history: History, fails: Fails, deadline: number): Promise<History> {
  let best = history;
  const attempt = async (candidate: History): Promise<boolean> => {
    if (Date.now() > deadline || !(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  const withLayer = (i: number, operations: readonly Operation[]): History => ({
    ...best,
    lowers: best.lowers.map((layer, j): Layer => (j === i ? { ...layer, operations } : layer)),
  });
  let size: number;
  do {
    size = JSON.stringify(best).length;
    await without(best.operations, (operations) => attempt({ ...best, operations }));
    // Whole lowers first, then what is in them. A layer stays, even an empty one: without it the cell
    // would be another.
    for (const [i, layer] of best.lowers.entries()) {
      if (layer.operations.length === 0) continue;
      if (!(await attempt(withLayer(i, [])))) {
        await without(layer.operations, (operations) => attempt(withLayer(i, operations)));
      }
    }
    await without(best.data, (data) => attempt({ ...best, data }));
  } while (JSON.stringify(best).length < size && Date.now() < deadline);
  return best;
}
