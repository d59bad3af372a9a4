/** Time as the layers without a platform see it. Tests pass a clock that they move by hand. */
export interface Clock {
  /** Unix milliseconds, as the machine's clock has it; it may be set back. */
  now(): number;
  /** Milliseconds since some moment, which only grow: for deadlines, leases and rates. */
  elapsed(): number;
  /**
   * Calls back once after the delay; returns what cancels it. A waiting timer does not keep the process alive. `asOf` is
   * the moment, as `elapsed` has it, up to which peers were certainly listened to: what was due by then is overdue.
   */
  setTimer(callback: (asOf: number) => void, delayMs: number): () => void;
}
