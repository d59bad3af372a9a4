/**
 * One direction of a simulated connection: what comes goes on after a delay, in its order. Bounded: beyond so many bytes
 * on the way, nothing more is read.
 */
import type { Socket } from "node:net";

export interface LineOptions {
  readonly from: Socket;
  readonly to: Socket;
  /** How long the next bytes take, in milliseconds. */
  readonly delayMs: () => number;
  /** Nothing arrives before. */
  readonly notBeforeMs: number;
  readonly now: () => number;
}

interface Held {
  readonly bytes: Buffer | undefined;
  readonly dueMs: number;
}

const mostBytes = 256 * 1024;

/** Joins two sockets for good. The end of one is passed on as well, at its time. */
export function joinLine({ from, to, delayMs, notBeforeMs, now }: LineOptions): void {
  const held: Held[] = [];
  let heldBytes = 0;
  let lastDueMs = notBeforeMs;
  let timer: NodeJS.Timeout | undefined;
  let isFull = false;
  const flush = () => {
    timer = undefined;
    while (!isFull && held[0] && held[0].dueMs <= now()) {
      const { bytes } = held.shift() as Held;
      if (bytes === undefined) {
        to.end();
        continue;
      }
      heldBytes -= bytes.length;
      isFull = !to.write(bytes);
    }
    if (heldBytes < mostBytes / 2) from.resume();
    const next = held[0];
    if (next && !isFull) timer = setTimeout(flush, Math.max(0, next.dueMs - now()));
  };
  const hold = (bytes: Buffer | undefined) => {
    // What was sent later arrives later, whatever the delay says.
    lastDueMs = Math.max(lastDueMs, now() + delayMs());
    held.push({ bytes, dueMs: lastDueMs });
    heldBytes += bytes?.length ?? 0;
    if (heldBytes >= mostBytes) from.pause();
    if (timer === undefined && !isFull) flush();
  };
  to.on("drain", () => {
    isFull = false;
    if (timer === undefined) flush();
  });
  from.on("data", hold);
  from.on("end", () => hold(undefined));
  // What is on its way still arrives where only the sender is gone.
  to.on("close", () => clearTimeout(timer));
}
