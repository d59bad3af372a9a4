/** One connection through the fault proxy: a client's socket, the server's, and the bytes between them both ways. */
import type { Socket } from "node:net";
import { Flow } from "./flow.js";
import type { LinkFault } from "./plan.js";

export class Link {
  /** Resolves when nothing is left of it. */
  readonly closed: Promise<unknown>;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #up: Flow;
  readonly #down: Flow;

  constructor(client: Socket, server: Socket) {
    this.#client = client;
    this.#server = server;
    this.#up = new Flow(client, server, () => this.cut());
    this.#down = new Flow(server, client, () => this.cut());
    client.on("error", () => {});
    server.on("error", () => {});
    client.once("close", (hadError) => this.#clientClosed(hadError));
    server.once("close", (hadError) => this.#serverClosed(hadError));
    this.closed = Promise.all(
      [client, server].map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    );
  }

  apply(fault: LinkFault): void {
    switch (fault.kind) {
      case "cut":
        this.cut();
        break;
      case "reset":
        this.reset();
        break;
      case "cutInFrame":
        (fault.direction === "up" ? this.#up : this.#down).cutInNext(fault.keptPart);
        break;
      case "stall":
        if (fault.direction !== "down") this.#up.slow(0, fault.ms);
        if (fault.direction !== "up") this.#down.slow(0, fault.ms);
        break;
      case "slow":
        this.#up.slow(fault.bytesPerSecond, fault.ms);
        this.#down.slow(fault.bytesPerSecond, fault.ms);
        break;
      case "halfOpen":
        this.#up.swallow();
        this.#down.swallow();
    }
  }

  /** What was passed on still arrives, and then both sides see an end. */
  cut(): void {
    this.#stop();
    this.#client.destroySoon();
    this.#server.destroySoon();
  }

  reset(): void {
    this.#stop();
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  /** No more faults: what was held back moves on. A half-open line can't be healed, and is reset. */
  heal(): void {
    if (this.#down.isSwallowing) {
      this.reset();
      return;
    }
    this.#up.heal();
    this.#down.heal();
  }

  #clientClosed(hadError: boolean): void {
    this.#down.stop();
    // What the client had sent before it went away may still be on its way, and ends the server's side when it is there.
    if (hadError || this.#up.isSwallowing) {
      this.#up.stop();
      this.#server.resetAndDestroy();
    }
  }

  #serverClosed(hadError: boolean): void {
    this.#up.stop();
    if (this.#down.isSwallowing || this.#client.destroyed) return;
    if (hadError) this.#client.resetAndDestroy();
  }

  #stop(): void {
    this.#up.stop();
    this.#down.stop();
  }
}
