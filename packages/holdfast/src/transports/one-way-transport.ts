/**
 * What transports have in common whose clients only read: a response that goes on, and commands that are given in the
 * client's place. Nobody answers pings, so what the operating system takes counts as read.
 */
import type { ServerResponse } from "node:http";
import type { Encoding } from "../channels/reader.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import type { Transport, TransportEvents } from "../sessions/transport.js";
import type { Encoded } from "../wire/codec.js";
import { defaultCodec } from "../wire/codecs.js";
import type { Disconnect } from "../wire/codes.js";
import type { Push, Reply } from "../wire/messages.js";
import type { AddressPlace } from "./address-limits.js";
import type { Admitted, Peer } from "./admission.js";
import { type StreamOwner, StreamResponse, type StreamTimes } from "./stream-response.js";

/** Who asks for a response that goes on. */
export interface StreamOpening {
  readonly peer: Peer;
  /** Fields for pages of other origins. */
  readonly cors: Readonly<Record<string, string>>;
}

/** What the transport needs of its session. */
export interface OneWaySession extends TransportEvents {
  close(reason: Disconnect): void;
}

export abstract class OneWayTransport implements Transport, StreamOwner, Admitted {
  abstract readonly name: string;
  readonly encoding: Encoding;
  readonly place: AddressPlace | undefined;
  readonly hasOwnPings = true;
  /** Commands are given in the client's place, as texts. */
  readonly codec = defaultCodec;
  protected readonly stream: StreamResponse;
  /** Undefined before the start and after the end. */
  protected session: OneWaySession | undefined;
  readonly #onGone: (transport: Admitted) => void;
  #request: ConnectionRequest | undefined;
  #awaitsPong = false;

  /** @param onGone called once the response has ended */
  constructor(
    response: ServerResponse,
    encoding: Encoding,
    { peer }: StreamOpening,
    times: StreamTimes,
    onGone: (transport: Admitted) => void,
  ) {
    this.encoding = encoding;
    this.place = peer.place;
    this.#request = peer.request;
    this.#onGone = onGone;
    this.stream = new StreamResponse(response, times, this);
  }

  abstract translate(message: Reply | Push): Encoded | undefined;
  abstract close(reason: Disconnect): void;

  takeRequest(): ConnectionRequest {
    const request = this.#request ?? { headers: {}, url: "/", address: "" };
    this.#request = undefined;
    return request;
  }

  get unsentBytes(): number {
    return this.stream.unsentBytes;
  }

  write(parts: readonly Uint8Array[]): void {
    this.stream.write(parts);
  }

  sendPing(): void {
    if (!this.stream.isBegun) return;
    const { codec, frame } = this.encoding;
    this.#awaitsPong = true;
    this.stream.write([frame(codec.encodePing())]);
    // The wait for the answer begins once this has returned.
    setImmediate(() => this.#answerPing());
  }

  /** The client says nothing that could be held up. */
  pauseReading(): void {}

  resumeReading(): void {}

  destroy(): void {
    this.session = undefined;
    this.stream.destroy();
  }

  /** StreamOwner. */
  drained(): void {
    this.#answerPing();
    this.session?.drained();
  }

  /** StreamOwner. */
  gone(): void {
    const { session } = this;
    this.session = undefined;
    session?.closed();
    this.#onGone(this);
  }

  #answerPing(): void {
    if (!this.#awaitsPong || this.stream.unsentBytes > 0) return;
    this.#awaitsPong = false;
    this.session?.receivePong();
  }
}
