/** Time as the layers without a platform see it. Tests pass a clock that they move by hand. */
export interface Clock {
  /** Unix milliseconds. Only differences of readings within one process are relied on, but for publication times. */
  now(): number;
  /** Calls back once after the delay; returns what cancels it. A waiting timer does not keep the process alive. */
  setTimer(callback: () => void, delayMs: number): () => void;
}
