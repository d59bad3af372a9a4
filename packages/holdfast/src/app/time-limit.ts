/** A bound on how long the application's code may take. */
import type { Clock } from "../time/clock.js";

export type TimeLimit = <T>(what: string, run: () => T | Promise<T>) => Promise<T>;

/** @returns a function that waits for what it runs, and rejects when that takes too long; what comes later is dropped */
export function createTimeLimit(clock: Clock, timeoutMs: number): TimeLimit {
  return <T>(what: string, run: () => T | Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      const cancel = clock.setTimer(
        () => reject(new Error(`${what} has not ended within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const settle = <V>(how: (value: V) => void) => {
        return (value: V) => {
          cancel();
          how(value);
        };
      };
      Promise.resolve().then(run).then(settle(resolve), settle(reject));
    });
}
