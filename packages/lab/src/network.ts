/** A network between users and server: delay, jitter, and connections that are cut. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { joinLine } from "./line.js";
import { createRandom, exponential } from "./random.js";

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
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (user) => this.#take(user));
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

  /** Whether connections are cut, each after its own random time from now. */
  cutting(isOn: boolean): void {
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

  #take(user: Socket): void {
    const { targetPort, delayMs, jitterMs } = this.#options;
    const server = connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const pair: Pair = { user, server };
    this.#pairs.add(pair);
    const now = () => performance.now();
    const delay = () => delayMs + (2 * this.#random() - 1) * jitterMs;
    // TCP's handshake takes a round trip before the first byte.
    joinLine({ from: user, to: server, delayMs: delay, notBeforeMs: now() + 3 * delayMs, now });
    joinLine({ from: server, to: user, delayMs: delay, notBeforeMs: 0, now });
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
