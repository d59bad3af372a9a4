/**
 * Timers that come due after what has arrived was read. A process that was stopped or busy for a while finds its timers
 * due before it has looked at its sockets, and would cut peers whose answers lie there. So every timer, also one that is
 * in time, waits until the sockets were read once more; one that is late waits a little longer, since something that
 * was to be sent before the pause may only have gone out now. Once for each timer, so that a process which is always
 * late still gets to its deadlines.
 */
import type { Clock } from "./clock.js";

/** Later than that, a timer is late. */
const toleratedMs = 200;
/** Time that a late timer leaves: a round trip, and many turns of reading. */
const graceMs = 500;

/** @param afterReading runs something once all that lies in the sockets now was read; returns what cancels it */
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
        else cancel = clock.setTimer(readThenMeet, graceMs);
      }, delayMs);
      return () => cancel();
    },
  };
}
