/** How many are worked on at a time: each has descriptors open, of which a process may have few. */
const most = 8;

/** The results in the order of the list. */
export async function someAtOnce<T, R>(
  list: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < list.length; i += most) {
    results.push(...(await Promise.all(list.slice(i, i + most).map(work))));
  }
  return results;
}
