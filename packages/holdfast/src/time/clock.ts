/** The clock contract for layers without a platform, and timers that come due only after sockets were read. */

/** Tests use a clock that they advance by hand. */
export interface Clock {
  /** Unix milliseconds by the system clock, which may be set back. */
  now(): number;
  /** Monotonic milliseconds: for deadlines, leases and rates. */
  elapsed(): number;
  /**
   * Calls back once after the delay; returns a function that cancels it. A pending timer does not keep the process alive. `asOf` is
   * the time, by `elapsed`, up to which all input has been read: what was due by then is overdue.
   */
  setTimer(callback: (asOf: number) => void, delayMs: number): () => void;
}

/** A timer that fires later than this is late. */
const toleratedMs = 200;
/**
 * How long a late timer waits for input: a round trip, and many turns of reading. Node.js runs timers before it reads sockets, so
 * input may seem late that has arrived long ago or is on its way.
 */
export const lateGraceMs = 500;

/**
 * A clock whose timers fire only after all arrived input was read. A process that was stopped or busy finds its timers due before
 * it has read its sockets, and would terminate peers whose answers wait there. So every timer, even if on time, waits until the
 * sockets have been read once more; a late one waits `lateGraceMs` longer, since what was to be sent before the pause may only have
 * gone out now. Once per timer, so that a process that is always late still meets its deadlines.
 * @param afterReading calls back once all input that has arrived was read; returns a function that cancels it
 */
export function readingFirst(clock: Clock, afterReading: (run: () => void) => () => void): Clock {
  return {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    setTimer(callback, delayMs) {
      const dueAt = clock.elapsed() + delayMs;
      let cancel = clock.setTimer(() => {
        const seenAt = clock.elapsed();
        const fireAfterReading = () => {
          cancel = afterReading(() => callback(seenAt));
        };
        if (seenAt - dueAt <= toleratedMs) fireAfterReading();
        else cancel = clock.setTimer(fireAfterReading, lateGraceMs);
      }, delayMs);
      return () => cancel();
    },
  };
}
