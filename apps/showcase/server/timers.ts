/** Timers as feeds are given them. */

/** Runs a task again and again. @returns what ends that */
export type Repeat = (everyMs: number, task: () => void) => () => void;

/** The process may end meanwhile. */
export const repeat: Repeat = (everyMs, task) => {
  const timer = setInterval(task, everyMs);
  timer.unref();
  return () => clearInterval(timer);
};
