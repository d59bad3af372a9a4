/**
 * What the server says of this page's own traffic, as it comes over an event stream beside it. The page can see neither its
 * headers nor its frames; what it counts here, the server has counted.
 */
import type {
  FrameSeen,
  HttpAnswerSeen,
  HttpRequestSeen,
  SocketCounts,
  SocketOpenSeen,
  TraceEvent,
} from "../trace-types.js";

export interface Tally {
  requests: number;
  answers: number;
  /** Bytes that the server received and sent, heads included. */
  received: number;
  sent: number;
}

/** A WebSocket, as the server sees it. */
export interface SeenSocket {
  readonly opened: SocketOpenSeen;
  counts: SocketCounts;
  isGone: boolean;
}

const maxFrames = 80;
const maxSockets = 20;

export class Tap {
  readonly #tallies = new Map<string, Tally>();
  readonly #requests = new Map<string, HttpRequestSeen>();
  readonly #answers = new Map<string, HttpAnswerSeen>();
  readonly #sockets = new Map<number, SeenSocket>();
  readonly #frames: (FrameSeen & { readonly id: number })[] = [];
  readonly #listeners = new Set<() => void>();
  #nextId = 1;
  #isOpen = false;

  /** Whether the server tells anything. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  set isOpen(isOpen: boolean) {
    this.#isOpen = isOpen;
    this.#changed();
  }

  /** Of all that is for one thing: its requests, and its WebSockets with their opening handshakes. */
  tallyOf(label: string): Tally {
    const tally = { ...(this.#tallies.get(label) ?? emptyTally()) };
    for (const { opened, counts } of this.#sockets.values()) {
      if (opened.label !== label) continue;
      tally.requests++;
      tally.answers++;
      tally.received += counts.received;
      tally.sent += counts.sent;
    }
    return tally;
  }

  tallySince(label: string, before: Tally): Tally {
    const { requests, answers, received, sent } = this.tallyOf(label);
    return {
      requests: requests - before.requests,
      answers: answers - before.answers,
      received: received - before.received,
      sent: sent - before.sent,
    };
  }

  lastRequest(label: string): HttpRequestSeen | undefined {
    return this.#requests.get(label);
  }

  lastAnswer(label: string): HttpAnswerSeen | undefined {
    return this.#answers.get(label);
  }

  /** The newest of a label. */
  socketOf(label: string): SeenSocket | undefined {
    return [...this.#sockets.values()].reverse().find(({ opened }) => opened.label === label);
  }

  /** Newest last. */
  framesOf(label: string): readonly (FrameSeen & { readonly id: number })[] {
    return this.#frames.filter((frame) => frame.label === label);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  receive(event: TraceEvent): void {
    if (event.type === "asked") {
      const tally = this.#tally(event.label);
      tally.requests++;
      tally.received += event.received;
      this.#requests.set(event.label, event);
    } else if (event.type === "answered") {
      const tally = this.#tally(event.label);
      tally.answers++;
      tally.sent += event.sent;
      this.#answers.set(event.label, event);
    } else if (event.type === "opened") {
      this.#sockets.set(event.socket, { opened: event, counts: event, isGone: false });
      this.#forgetOldSockets();
    } else {
      const seen = this.#sockets.get(event.socket);
      if (seen) seen.counts = event;
      if (seen && event.type === "gone") seen.isGone = true;
      if (event.type === "frame") this.#frames.push({ ...event, id: this.#nextId++ });
      if (this.#frames.length > maxFrames) this.#frames.shift();
    }
    this.#changed();
  }

  /** Their figures stay. */
  #forgetOldSockets(): void {
    for (const [socket, { opened, counts, isGone }] of this.#sockets) {
      if (this.#sockets.size <= maxSockets) return;
      if (!isGone) continue;
      this.#sockets.delete(socket);
      const tally = this.#tally(opened.label);
      tally.requests++;
      tally.answers++;
      tally.received += counts.received;
      tally.sent += counts.sent;
    }
  }

  #tally(label: string): Tally {
    let tally = this.#tallies.get(label);
    if (tally === undefined) {
      tally = emptyTally();
      this.#tallies.set(label, tally);
    }
    return tally;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function emptyTally(): Tally {
  return { requests: 0, answers: 0, received: 0, sent: 0 };
}
