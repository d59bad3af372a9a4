/** A simulated network between users and server: delay, jitter, and connections that are cut. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createRandom, exponential } from "./load/random.js";

export interface NetworkOptions {
  readonly targetPort: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  /** 0 for never. */
  readonly cutEveryMs: number;
  readonly seed: number;
}

interface Pair {
  readonly user: Socket;
  readonly server: Socket;
  cutTimer?: NodeJS.Timeout;
}

export class Network {
  readonly #options: NetworkOptions;
  readonly #random: () => number;
  readonly #pairs = new Set<Pair>();
  readonly #listener: Server;
  #isCutting = false;
  cuts = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#random = createRandom(options.seed);
    // The end of one direction is passed on, and does not end the other.
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (user) => this.#accept(user));
  }

  /** @returns the port that users connect to */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#listener.once("error", reject);
      this.#listener.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
        resolve((this.#listener.address() as AddressInfo).port),
      );
    });
  }

  /** @param isOn whether connections are cut, each after a random time of its own from now */
  setCutting(isOn: boolean): void {
    this.#isCutting = isOn;
    for (const pair of this.#pairs) {
      clearTimeout(pair.cutTimer);
      if (isOn) this.#scheduleCut(pair);
    }
  }

  close(): void {
    this.#listener.close();
    for (const { user, server } of this.#pairs) {
      user.destroy();
      server.destroy();
    }
  }

  #accept(user: Socket): void {
    const { targetPort, delayMs, jitterMs } = this.#options;
    const server = connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const pair: Pair = { user, server };
    this.#pairs.add(pair);
    const now = () => performance.now();
    const delay = () => delayMs + (2 * this.#random() - 1) * jitterMs;
    // TCP's handshake takes a round trip before the first byte.
    pipeDelayed({ from: user, to: server, delayMs: delay, notBeforeMs: now() + 3 * delayMs, now });
    pipeDelayed({ from: server, to: user, delayMs: delay, notBeforeMs: 0, now });
    for (const [socket, other] of [
      [user, server],
      [server, user],
    ] as const) {
      socket.on("error", () => {});
      socket.on("close", (hadError) => {
        clearTimeout(pair.cutTimer);
        this.#pairs.delete(pair);
        if (hadError) other.destroy();
        // What is on its way still arrives; a peer that never ends its half is no longer waited for.
        else other.setTimeout(5000, () => other.destroy());
      });
    }
    if (this.#isCutting) this.#scheduleCut(pair);
  }

  #scheduleCut(pair: Pair): void {
    const { cutEveryMs } = this.#options;
    if (cutEveryMs === 0) return;
    pair.cutTimer = setTimeout(
      () => {
        this.cuts++;
        pair.user.resetAndDestroy();
        pair.server.resetAndDestroy();
      },
      exponential(this.#random, cutEveryMs),
    );
  }
}

interface PipeOptions {
  readonly from: Socket;
  readonly to: Socket;
  /** How long the next bytes take, in milliseconds. */
  readonly delayMs: () => number;
  /** Nothing arrives earlier. */
  readonly notBeforeMs: number;
  readonly now: () => number;
}

interface Held {
  readonly bytes: Buffer | undefined;
  readonly dueMs: number;
}

const maxHeldBytes = 256 * 1024;

/**
 * One direction of a simulated connection: bytes are passed on after a delay, in their order, and then the end. Bounded: while
 * too many bytes are on their way, nothing more is read.
 */
function pipeDelayed({ from, to, delayMs, notBeforeMs, now }: PipeOptions): void {
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
    if (heldBytes < maxHeldBytes / 2) from.resume();
    const next = held[0];
    if (next && !isFull) timer = setTimeout(flush, Math.max(0, next.dueMs - now()));
  };
  const hold = (bytes: Buffer | undefined) => {
    // Bytes stay in order, whatever the delay is.
    lastDueMs = Math.max(lastDueMs, now() + delayMs());
    held.push({ bytes, dueMs: lastDueMs });
    heldBytes += bytes?.length ?? 0;
    if (heldBytes >= maxHeldBytes) from.pause();
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
