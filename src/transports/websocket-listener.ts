/** Turns upgrade requests into sessions over WebSocket, or refuses them with a sentence. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Handler } from "../sessions/handler.js";
import type { Clock } from "../time/clock.js";
import {
  acceptUpgrade,
  type ConnectionOptions,
  type Rejection,
  reject,
  rejectionResponse,
} from "../websocket/index.js";
import { jsonCodec } from "../wire/json-codec.js";
import { type AllowedOrigins, isOriginAllowed } from "./origins.js";
import { createWebSocketEncoding, WebSocketTransport } from "./websocket-transport.js";

export interface WebSocketListenerOptions {
  readonly handler: Handler;
  readonly clock: Clock;
  readonly connection: ConnectionOptions;
  readonly closeTimeoutMs: number;
  readonly allowedOrigins: AllowedOrigins;
  /** Whether the server listens on a loopback address only. */
  readonly isLocalOnly: boolean;
  /** Most sockets, those that are closing included; `null` for no bound. */
  readonly maxConnections: number | null;
}

/** How long a refused client may take to read the answer. */
const refusalTimeoutMs = 2000;

const jsonEncoding = createWebSocketEncoding(jsonCodec);

export class WebSocketListener {
  readonly #options: WebSocketListenerOptions;
  readonly #transports = new Set<WebSocketTransport>();
  #isDraining = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: WebSocketListenerOptions) {
    this.#options = options;
  }

  /** Sockets that are open, those that are closing included. */
  get sockets(): number {
    return this.#transports.size;
  }

  /** For the `upgrade` event of an HTTP server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const refusal = this.#findRefusal(request);
    if (refusal) {
      this.#refuse(socket, refusal);
      return;
    }
    const handshake = acceptUpgrade(toUpgradeRequest(request), { chooseProtocol });
    if (!handshake.isAccepted) {
      this.#refuse(socket, handshake);
      return;
    }
    if (socket instanceof Socket) {
      socket.setTimeout(0);
      // Messages are small and written once a turn; waiting for more would only delay them.
      socket.setNoDelay(true);
    }
    socket.write(handshake.responseHead);
    const { handler, clock, connection, closeTimeoutMs } = this.#options;
    const onGone = (gone: WebSocketTransport) => this.#forget(gone);
    const transport = new WebSocketTransport(socket, jsonEncoding, {
      clock,
      connection,
      closeTimeoutMs,
      onGone,
    });
    this.#transports.add(transport);
    transport.start(handler.open(transport), head);
  }

  /** What an ordinary request to the WebSocket's address is answered. */
  explain(request: IncomingMessage): Rejection {
    const result = acceptUpgrade(toUpgradeRequest(request));
    return result.isAccepted
      ? reject(426, "Send this as an upgrade request.", { Upgrade: "websocket" })
      : result;
  }

  /** Takes no more, and resolves when all sockets are gone; cuts those that are left after the time. Called once. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true;
    if (this.#transports.size === 0) return;
    const cancel = this.#options.clock.setTimer(() => {
      for (const transport of this.#transports) transport.destroy();
    }, timeoutMs);
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    cancel();
  }

  #findRefusal(request: IncomingMessage): Rejection | undefined {
    const { allowedOrigins, isLocalOnly, maxConnections } = this.#options;
    const { origin, host } = request.headers;
    if (this.#isDraining) return reject(503, "The server is being ended.", { "Retry-After": "1" });
    if (!isOriginAllowed({ origin, host, allowed: allowedOrigins, isLocalOnly }))
      return reject(
        403,
        `Pages from ${origin} may not connect here. Add that origin to allowedOrigins to admit them.`,
      );
    if (maxConnections !== null && this.#transports.size >= maxConnections)
      return reject(503, `The server has its limit of ${maxConnections} connections.`, {
        "Retry-After": "5",
      });
    return undefined;
  }

  /** Answers an upgrade request that is not for this listener, too. */
  refuse(socket: Duplex, status: number, message: string): void {
    this.#refuse(socket, reject(status, message));
  }

  #refuse(socket: Duplex, rejection: Rejection): void {
    const cancel = this.#options.clock.setTimer(() => socket.destroy(), refusalTimeoutMs);
    socket.on("error", () => {});
    socket.on("close", cancel);
    socket.resume();
    socket.end(rejectionResponse(rejection, STATUS_CODES[rejection.status] ?? "Error"));
  }

  #forget(transport: WebSocketTransport): void {
    this.#transports.delete(transport);
    if (this.#transports.size === 0) this.#onEmpty?.();
  }
}

/** Clients of the protocol may ask for JSON by name; one that asks for nothing gets JSON and no field. */
function chooseProtocol(offered: readonly string[]): string | undefined {
  return offered.includes("centrifuge-json") ? "centrifuge-json" : undefined;
}

function toUpgradeRequest(request: IncomingMessage) {
  return { method: request.method ?? "", httpVersion: request.httpVersion, rawHeaders: request.rawHeaders };
}
