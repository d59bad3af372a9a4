/** How far the server's clock is ahead of this browser's: by the round trip that took least, since that is the surest. */

export interface ClockParts {
  /** Unix milliseconds of the server. */
  readonly ask: () => Promise<number>;
  /** Unix milliseconds of this browser, with fractions. */
  readonly now: () => number;
}

const rounds = 6;

/** @returns milliseconds, at most half the quickest round trip off */
export async function clockAheadMs({ ask, now }: ClockParts): Promise<number> {
  let best = { tripMs: Infinity, aheadMs: 0 };
  for (let round = 0; round < rounds; round++) {
    const sentAt = now();
    const serverNow = await ask();
    const tripMs = now() - sentAt;
    if (tripMs < best.tripMs) best = { tripMs, aheadMs: serverNow - (sentAt + tripMs / 2) };
  }
  return best.aheadMs;
}
