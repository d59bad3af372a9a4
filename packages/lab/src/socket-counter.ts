/** Counts what goes over the sockets that this process's servers accept: every byte of HTTP, WebSocket and HTTP/2 framing. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

export interface SocketTraffic {
  /** TCP connections accepted so far. */
  readonly connections: number;
  /** From clients to the server. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

const channel = "net.server.socket";

export class SocketCounter {
  readonly #open = new Set<Socket>();
  #connections = 0;
  #bytesUp = 0;
  #bytesDown = 0;

  /** From now on, for all servers of this process. */
  start(): void {
    subscribe(channel, this.#add);
  }

  stop(): void {
    unsubscribe(channel, this.#add);
  }

  read(): SocketTraffic {
    let bytesUp = this.#bytesUp;
    let bytesDown = this.#bytesDown;
    for (const { bytesRead, bytesWritten } of this.#open) {
      bytesUp += bytesRead;
      bytesDown += bytesWritten;
    }
    return { connections: this.#connections, bytesUp, bytesDown };
  }

  readonly #add = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    this.#connections++;
    this.#open.add(socket);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#bytesUp += socket.bytesRead;
      this.#bytesDown += socket.bytesWritten;
    });
  };
}
