/** Traffic counted where it happens: what all users together send and receive, and what this process's servers see. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { LabTraffic } from "./report/index.js";

/** Bytes over sockets, those that are closed included. */
class SocketBytes {
  readonly #open = new Set<Socket>();
  #closedRead = 0;
  #closedWritten = 0;

  add(socket: Socket): void {
    this.#open.add(socket);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#closedRead += socket.bytesRead;
      this.#closedWritten += socket.bytesWritten;
    });
  }

  total(): { readonly read: number; readonly written: number } {
    let read = this.#closedRead;
    let written = this.#closedWritten;
    for (const { bytesRead, bytesWritten } of this.#open) {
      read += bytesRead;
      written += bytesWritten;
    }
    return { read, written };
  }
}

const maxErrors = 5;

/** What all users together send and receive. */
export class Tally {
  requests = 0;
  responses = 0;
  emptyResponses = 0;
  connections = 0;
  frames = 0;
  deliveries = 0;
  cuts = 0;
  reconnects = 0;
  errors = 0;
  /** Each once. */
  readonly firstErrors: string[] = [];
  readonly #bytes = new SocketBytes();

  /** Counts the bytes of a user's connection. */
  watch(socket: Socket): void {
    this.connections++;
    this.#bytes.add(socket);
  }

  recordError(message: string): void {
    this.errors++;
    if (this.firstErrors.length < maxErrors && !this.firstErrors.includes(message))
      this.firstErrors.push(message);
  }

  /** Totals since the start. */
  snapshot(): LabTraffic {
    const { requests, responses, emptyResponses, connections, frames, deliveries, cuts, reconnects } = this;
    const { read, written } = this.#bytes.total();
    return {
      requests,
      responses,
      emptyResponses,
      bytesUp: written,
      bytesDown: read,
      connections,
      frames,
      deliveries,
      cuts,
      reconnects,
    };
  }
}

/** The traffic between two snapshots. */
export function trafficSince(before: LabTraffic, after: LabTraffic): LabTraffic {
  return {
    requests: after.requests - before.requests,
    responses: after.responses - before.responses,
    emptyResponses: after.emptyResponses - before.emptyResponses,
    bytesUp: after.bytesUp - before.bytesUp,
    bytesDown: after.bytesDown - before.bytesDown,
    connections: after.connections - before.connections,
    frames: after.frames - before.frames,
    deliveries: after.deliveries - before.deliveries,
    cuts: after.cuts - before.cuts,
    reconnects: after.reconnects - before.reconnects,
  };
}

export interface SocketTraffic {
  /** TCP connections accepted so far. */
  readonly connections: number;
  /** From clients to the server. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

const channel = "net.server.socket";

/** Counts what goes over the sockets that this process's servers accept: every byte of HTTP, WebSocket and HTTP/2 framing. */
export class SocketCounter {
  readonly #bytes = new SocketBytes();
  #connections = 0;

  /** From now on, for all servers of this process. */
  start(): void {
    subscribe(channel, this.#add);
  }

  stop(): void {
    unsubscribe(channel, this.#add);
  }

  read(): SocketTraffic {
    const { read, written } = this.#bytes.total();
    return { connections: this.#connections, bytesUp: read, bytesDown: written };
  }

  readonly #add = (message: unknown): void => {
    this.#connections++;
    this.#bytes.add((message as { readonly socket: Socket }).socket);
  };
}
