/** Time as the layers without a platform see it, and timers that let sockets be read before they are met. */

/** Tests pass a clock that they move by hand. */
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

/** Later than that, a timer is late. */
const toleratedMs = 200;
/**
 * Time that a late timer leaves: a round trip, and many turns of reading. Whatever looks at its deadlines before the sockets
 * were read, as Node.js does, may take something for late that has come long ago or is on its way, and waits so long.
 */
export const lateGraceMs = 500;

/**
 * A clock whose timers come due after what has arrived was read. A process that was stopped or busy for a while finds its
 * timers due before it has looked at its sockets, and would terminate peers whose answers lie there. So every timer, also one
 * that is in time, waits until the sockets were read once more; one that is late waits a little longer, since something that
 * was to be sent before the pause may only have gone out now. Once for each timer, so that a process which is always late
 * still gets to its deadlines.
 * @param afterReading runs something once all that lies in the sockets now was read; returns what cancels it
 */
export function readingFirst(clock: Clock, afterReading: (run: () => void) => () => void): Clock {
  return {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    setTimer(callback, delayMs) {
      const dueAt = clock.elapsed() + delayMs;
      let cancel = clock.setTimer(() => {
        const seenAt = clock.elapsed();
        const readThenMeet = () => {
          cancel = afterReading(() => callback(seenAt));
        };
        if (seenAt - dueAt <= toleratedMs) readThenMeet();
        else cancel = clock.setTimer(readThenMeet, lateGraceMs);
      }, delayMs);
      return () => cancel();
    },
  };
}
