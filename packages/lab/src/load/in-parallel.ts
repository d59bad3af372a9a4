/** Opens many connections without flooding the server's queue of those that it has not accepted yet. */

const width = 64;

/** Runs `task` for 0 to `count` - 1, some at a time. @returns the results in that order */
export async function inParallel<T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = new Array(count);
  let next = 0;
  const work = async () => {
    while (next < count) {
      const index = next++;
      results[index] = await task(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, work));
  return results;
}
