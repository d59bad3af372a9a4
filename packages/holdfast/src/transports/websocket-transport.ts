/** A session over a WebSocket: messages of the connection go to the session, and what the session writes goes out. */
import type { Encoding } from "../channels/reader.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import type { Transport, TransportEvents } from "../sessions/transport.js";
import type { AcceptedSocket } from "../sockets/acceptor.js";
import type { DriverContext } from "../sockets/driver-context.js";
import { SocketDriver, type SocketOwner } from "../sockets/socket-driver.js";
import { type MessageData, maxCloseReasonBytes } from "../websocket/index.js";
import type { Codec } from "../wire/codec.js";
import type { Disconnect } from "../wire/codes.js";
import type { AddressPlace } from "./address-limits.js";
import type { Peer } from "./admission.js";

export class WebSocketTransport implements Transport, SocketOwner {
  readonly name = "websocket";
  readonly encoding: Encoding<Codec>;
  readonly place: AddressPlace | undefined;
  readonly hasOwnPings: boolean;
  readonly #driver: SocketDriver;
  readonly #onGone: (transport: WebSocketTransport) => void;
  #events: TransportEvents | undefined;
  #request: ConnectionRequest | undefined;

  /** @param onGone called once the socket is gone */
  constructor(
    { stream, deflate }: AcceptedSocket,
    { request, place }: Peer,
    encoding: Encoding<Codec>,
    context: DriverContext,
    onGone: (transport: WebSocketTransport) => void,
  ) {
    this.encoding = encoding;
    this.place = place;
    this.hasOwnPings = asksForPingFrames(request.url);
    this.#onGone = onGone;
    this.#request = request;
    this.#driver = new SocketDriver("server", stream, deflate, context, this);
  }

  /** Starts reading. @param head bytes that came with the handshake */
  start(events: TransportEvents, head: Uint8Array): void {
    this.#events = events;
    this.#driver.start(head);
  }

  /** Lets go of it, so that what many connections keep is small. */
  takeRequest(): ConnectionRequest {
    const request = this.#request ?? { headers: {}, url: "/", address: "" };
    this.#request = undefined;
    return request;
  }

  get codec(): Codec {
    return this.encoding.codec;
  }

  get unsentBytes(): number {
    return this.#driver.unsentBytes;
  }

  write(frames: readonly Uint8Array[]): void {
    this.#driver.write(frames);
  }

  /** RFC 6455 §5.5.2. */
  sendPing(): void {
    if (!this.#driver.isOpen) return;
    const { connection } = this.#driver;
    connection.sendPing();
    // At once, since what waits for the turn's end would look as if the peer did not take it.
    this.#driver.write(connection.takeOutput());
  }

  pauseReading(): void {
    this.#driver.pauseReading();
  }

  resumeReading(): void {
    this.#driver.resumeReading();
  }

  consumeThrottled(): boolean {
    return this.#driver.takeHasBeenSlowed();
  }

  close({ code, reason }: Disconnect): void {
    this.#events = undefined;
    this.#driver.close(code, clipReason(reason));
  }

  /** Ends the connection without another word. */
  destroy(): void {
    this.#events = undefined;
    this.#driver.destroy();
  }

  receive(data: MessageData): void {
    this.#events?.receive(data);
  }

  receivePong(): void {
    if (this.hasOwnPings) this.#events?.receivePong();
  }

  drained(): void {
    this.#events?.drained();
  }

  ended(): void {
    const events = this.#events;
    this.#events = undefined;
    events?.closed();
  }

  closed(): void {
    this.#onGone(this);
  }
}

/** For clients that answer Ping frames by themselves and know nothing of the protocol's pings, such as wscat. */
function asksForPingFrames(url: string): boolean {
  const query = url.indexOf("?");
  return query >= 0 && new URLSearchParams(url.slice(query)).get("cf_ws_frame_ping_pong") === "true";
}

function clipReason(reason: string): string {
  if (Buffer.byteLength(reason) <= maxCloseReasonBytes) return reason;
  let clipped = reason.slice(0, maxCloseReasonBytes - 3);
  while (Buffer.byteLength(clipped) > maxCloseReasonBytes - 3) clipped = clipped.slice(0, -1);
  return `${clipped}…`;
}
