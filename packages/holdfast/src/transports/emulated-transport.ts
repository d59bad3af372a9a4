/**
 * A session whose two directions are separate requests: what the server says is a response that goes on, and commands come
 * in requests of their own, which name the session by an id that nobody can guess.
 */
import type { ServerResponse } from "node:http";
import type { Encoding } from "../channels/reader.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import type { Emulation, Transport, TransportEvents } from "../sessions/transport.js";
import type { Codec, Encoder } from "../wire/codec.js";
import type { Disconnect } from "../wire/codes.js";
import type { AddressPlace } from "./address-limits.js";
import type { Admitted, Peer } from "./admission.js";
import { type StreamOwner, StreamResponse, type StreamTimes } from "./stream-response.js";

/** How the response looks. */
export interface StreamFormat<E extends Encoder = Encoder> {
  readonly name: string;
  readonly encoding: Encoding<E>;
  readonly contentType: string;
  /** Written before everything else, so that those who wait for bytes see some. */
  readonly prologue?: string;
}

/** Requests with commands that may wait for a session which reads no more at the moment. */
const maxWaitingRequests = 256;

export class EmulatedTransport implements Transport, StreamOwner, Admitted {
  readonly name: string;
  readonly encoding: Encoding<Codec>;
  readonly emulation: Emulation;
  readonly place: AddressPlace | undefined;
  readonly #format: StreamFormat<Codec>;
  readonly #stream: StreamResponse;
  readonly #onGone: (transport: EmulatedTransport) => void;
  #events: TransportEvents | undefined;
  #request: ConnectionRequest | undefined;
  #isPaused = false;
  #waiting: { readonly commands: string; readonly taken: () => void }[] = [];

  /** @param onGone called once the response has ended */
  constructor(
    response: ServerResponse,
    format: StreamFormat<Codec>,
    opening: { readonly peer: Peer; readonly emulation: Emulation },
    times: StreamTimes,
    onGone: (transport: EmulatedTransport) => void,
  ) {
    this.name = format.name;
    this.encoding = format.encoding;
    this.emulation = opening.emulation;
    this.place = opening.peer.place;
    this.#format = format;
    this.#request = opening.peer.request;
    this.#onGone = onGone;
    this.#stream = new StreamResponse(response, times, this);
  }

  /** Sends the head at once: clients wait for it a few seconds only, and finding out who it is may take longer. */
  start(events: TransportEvents, commands: string, cors: Readonly<Record<string, string>>): void {
    const { contentType, prologue } = this.#format;
    this.#events = events;
    this.#stream.begin({ "Content-Type": contentType, ...cors });
    if (prologue !== undefined) this.#stream.write([Buffer.from(prologue)]);
    events.receive(commands);
  }

  /**
   * Hands over commands that came in a request of their own, in the order of calls.
   * @returns a promise for when the session has taken them, or is over; "full" where too much waits already
   */
  deliver(commands: string): Promise<void> | "full" {
    if (this.#events === undefined) return Promise.resolve();
    if (this.#waiting.length >= maxWaitingRequests) return "full";
    return new Promise((taken) => {
      this.#waiting.push({ commands, taken });
      this.#giveWaiting();
    });
  }

  takeRequest(): ConnectionRequest {
    const request = this.#request ?? { headers: {}, url: "/", address: "" };
    this.#request = undefined;
    return request;
  }

  get codec(): Codec {
    return this.encoding.codec;
  }

  get unsentBytes(): number {
    return this.#stream.unsentBytes;
  }

  write(parts: readonly Uint8Array[]): void {
    this.#stream.write(parts);
  }

  pauseReading(): void {
    this.#isPaused = true;
  }

  resumeReading(): void {
    this.#isPaused = false;
    this.#giveWaiting();
  }

  close({ code, reason }: Disconnect): void {
    const { codec, frame } = this.encoding;
    this.#leave();
    this.#stream.write([frame(codec.encodePush({ kind: "disconnect", code, reason }))]);
    this.#stream.end();
  }

  destroy(): void {
    this.#leave();
    this.#stream.destroy();
  }

  /** StreamOwner. */
  drained(): void {
    this.#events?.drained();
  }

  /** StreamOwner. */
  gone(): void {
    const events = this.#events;
    this.#leave();
    events?.closed();
    this.#onGone(this);
  }

  #giveWaiting(): void {
    while (!this.#isPaused && this.#events !== undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#events.receive(next.commands);
      next.taken();
    }
  }

  /** Those whose commands still wait hear nothing else than that these came: the session is over. */
  #leave(): void {
    this.#events = undefined;
    for (const { taken } of this.#waiting.splice(0)) taken();
  }
}
