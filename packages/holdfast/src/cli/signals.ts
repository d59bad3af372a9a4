/**
 * Signals that end a command: INT (Ctrl+C), TERM, and HUP. HUP says that the terminal is gone; daemons have none, and are told
 * by it to read their files anew, where there is something to read.
 */
import { isatty } from "node:tty";

const standardStreams = [0, 1, 2];

/**
 * @param end called for each signal to end
 * @param reload what HUP means while the terminal that the command was started from is there, or where it was started from none;
 * without it, HUP ends, too
 * @returns what takes it back
 */
export function onEndSignal(end: () => void, reload?: () => void): () => void {
  const terminals = standardStreams.filter((stream) => isatty(stream));
  const hangUp = () => {
    const isGone = terminals.length > 0 && !terminals.some((stream) => isatty(stream));
    if (isGone) process.once("exit", endByHangUp);
    if (reload === undefined || isGone) end();
    else reload();
  };
  const handlers = { SIGINT: end, SIGTERM: end, SIGHUP: hangUp } as const;
  const takeBack = () => {
    for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
  };
  // Node.js would set its terminals back when it exits, and abort where they are gone.
  const endByHangUp = () => {
    takeBack();
    process.kill(process.pid, "SIGHUP");
  };
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  return takeBack;
}
