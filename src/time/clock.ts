/** Time as the layers without a platform see it. Tests pass a clock that they move by hand. */
export interface Clock {
  /** Unix milliseconds, as the machine's clock has it; it may be set back. */
  now(): number;
  /** Milliseconds since some moment, which only grow: for deadlines, leases and rates. */
  elapsed(): number;
  /** Calls back once after the delay; returns what cancels it. A waiting timer does not keep the process alive. */
  setTimer(callback: () => void, delayMs: number): () => void;
}
