/** The system clock. Its timers let the process read its sockets first. */
import { type Clock, readingFirst } from "../time/clock.js";

const plainClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(() => callback(performance.now()), delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/**
 * In the event loop timers come first, then sockets are read, then immediates run. So an immediate set by a timer runs
 * when all sockets were looked at that had something (libuv: up to 48 × 1024 of them in one turn).
 */
function afterReading(run: () => void): () => void {
  const immediate = setImmediate(run);
  return () => clearImmediate(immediate);
}

export const systemClock: Clock = Object.freeze(readingFirst(plainClock, afterReading));
