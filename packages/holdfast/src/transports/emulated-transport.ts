/**
 * A session whose two directions are separate requests: messages go out on a streaming response, and commands come in
 * requests of their own, which name the session by an id that nobody can guess. Also how messages of the client protocol are
 * framed in such responses: as lines, or as events.
 */
import type { ServerResponse } from "node:http";
import type { Encoding } from "../channels/batches.js";
import type { HeaderFields } from "../requests/origins.js";
import type { Emulation } from "../sessions/transport.js";
import type { Codec, Encoded, Encoder } from "../wire/codec.js";
import type { AdmittedConnection, Peer } from "./admission.js";
import {
  type StreamFormat,
  type StreamSession,
  type StreamTimes,
  StreamTransport,
} from "./stream-transport.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: everything beyond ASCII
const beyondAscii = /[^\x00-\x7f]/g;

/**
 * One message a line; binary codecs delimit messages themselves. In JSON, characters beyond ASCII occur only in strings, where
 * they are escaped: some clients decode each chunk by itself, and networks split chunks anywhere.
 */
export function createLineEncoding<E extends Encoder>(codec: E): Encoding<E> {
  const frame = (message: Encoded) =>
    typeof message === "string" ? Buffer.from(`${message.replace(beyondAscii, escapeCharacter)}\n`) : message;
  return Object.freeze({ codec, frame });
}

/** One message an event, in the format `text/event-stream` (WHATWG HTML §9.2.5). JSON has no raw line breaks. */
export function createEventEncoding<E extends Encoder>(codec: E): Encoding<E> {
  const frame = (message: Encoded) =>
    Buffer.from(`data: ${(message as string).replaceAll("\n", "\n\ndata: ")}\n\n`);
  return Object.freeze({ codec, frame });
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Requests with commands that may wait while the session's input is paused. */
const maxWaitingRequests = 256;

export class EmulatedTransport extends StreamTransport {
  readonly codec: Codec;
  readonly emulation: Emulation;
  readonly #format: StreamFormat<Codec>;
  #isPaused = false;
  #waiting: { readonly commands: Encoded; readonly onTaken: () => void }[] = [];

  /** @param onGone called once the response has ended */
  constructor(
    response: ServerResponse,
    format: StreamFormat<Codec>,
    opening: { readonly peer: Peer; readonly emulation: Emulation },
    times: StreamTimes,
    onGone: (transport: AdmittedConnection) => void,
  ) {
    super(response, format, opening.peer, times, onGone);
    this.codec = format.encoding.codec;
    this.emulation = opening.emulation;
    this.#format = format;
  }

  /** Sends the head at once: clients wait only a few seconds for it, and authentication may take longer. */
  start(session: StreamSession, commands: Encoded, headers: HeaderFields): void {
    const { contentType, prologue } = this.#format;
    this.session = session;
    this.begin({ "Content-Type": contentType, ...headers });
    if (prologue !== undefined) this.write([Buffer.from(prologue)]);
    session.receive(commands);
  }

  /**
   * Hands over commands of another request, in the order of calls.
   * @returns resolves when the session has taken them, or is over; "full" if too many wait
   */
  deliver(commands: Encoded): Promise<void> | "full" {
    if (this.session === undefined) return Promise.resolve();
    if (this.#waiting.length >= maxWaitingRequests) return "full";
    return new Promise((onTaken) => {
      this.#waiting.push({ commands, onTaken });
      this.#deliverWaiting();
    });
  }

  pauseReading(): void {
    this.#isPaused = true;
  }

  resumeReading(): void {
    this.#isPaused = false;
    this.#deliverWaiting();
  }

  /** Requests whose commands still wait are answered: their client learns the end of the session by its response. */
  protected override release(): void {
    super.release();
    for (const { onTaken } of this.#waiting.splice(0)) onTaken();
  }

  #deliverWaiting(): void {
    while (!this.#isPaused && this.session !== undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.session.receive(next.commands);
      next.onTaken();
    }
  }
}
