/** What all users together have sent and got, counted where it happens. */
import type { Socket } from "node:net";
import type { LabTraffic } from "./report/index.js";

const keptErrors = 5;

export class Tally {
  requests = 0;
  answers = 0;
  emptyAnswers = 0;
  connections = 0;
  frames = 0;
  deliveries = 0;
  cuts = 0;
  reconnects = 0;
  errors = 0;
  readonly firstErrors: string[] = [];
  readonly #sockets = new Set<Socket>();
  /** Of sockets that are closed. */
  #bytesUp = 0;
  #bytesDown = 0;

  /** Counts the bytes of a connection from now on. */
  watch(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#bytesUp += socket.bytesWritten;
      this.#bytesDown += socket.bytesRead;
    });
  }

  noteError(message: string): void {
    this.errors++;
    if (this.firstErrors.length < keptErrors && !this.firstErrors.includes(message))
      this.firstErrors.push(message);
  }

  /** Everything since the start. */
  snapshot(): LabTraffic {
    let bytesUp = this.#bytesUp;
    let bytesDown = this.#bytesDown;
    for (const socket of this.#sockets) {
      bytesUp += socket.bytesWritten;
      bytesDown += socket.bytesRead;
    }
    const { requests, answers, emptyAnswers, connections, frames, deliveries, cuts, reconnects } = this;
    return {
      requests,
      answers,
      emptyAnswers,
      bytesUp,
      bytesDown,
      connections,
      frames,
      deliveries,
      cuts,
      reconnects,
    };
  }
}

/** What has come between two snapshots. */
export function trafficSince(before: LabTraffic, after: LabTraffic): LabTraffic {
  return {
    requests: after.requests - before.requests,
    answers: after.answers - before.answers,
    emptyAnswers: after.emptyAnswers - before.emptyAnswers,
    bytesUp: after.bytesUp - before.bytesUp,
    bytesDown: after.bytesDown - before.bytesDown,
    connections: after.connections - before.connections,
    frames: after.frames - before.frames,
    deliveries: after.deliveries - before.deliveries,
    cuts: after.cuts - before.cuts,
    reconnects: after.reconnects - before.reconnects,
  };
}
