/** Ends a wait for what will not come. */

export const stallTimeoutMs = 10_000;

/**
 * Calls `onStall` when `progress` gives the same number twice with the timeout between.
 * @returns what to give to `clearInterval` when all has come
 */
export function watchForStall(progress: () => number, onStall: () => void): NodeJS.Timeout {
  let last = progress();
  return setInterval(() => {
    const now = progress();
    if (now === last) onStall();
    last = now;
  }, stallTimeoutMs);
}
