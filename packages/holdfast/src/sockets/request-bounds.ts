/**
 * Limits of requests, the same for HTTP/1.1 and HTTP/2: how many are open, how much of their bodies is held, how much of
 * their responses is unsent, and how long both may take. Every request is checked here first. Excess requests are refused
 * if the peer reads, and terminated if it does not.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants } from "node:http2";
import type { LimitSettings } from "../options/limits.js";
import type { Clock } from "../time/clock.js";
import { Ticks, tickFor } from "../time/deadlines.js";
import { type Rejection, reject } from "../websocket/opening-handshake.js";
import {
  type AddressUsage,
  type ConnectionUsage,
  connectionOf,
  emptyUsage,
  headBytesOf,
  isBeyond,
  meterBody,
  OpenRequest,
} from "./open-request.js";

/** The limits; `null` for no limit. */
export type RequestBoundsSettings = LimitSettings["requests"];

/** Whom a request is counted for. */
export interface RequestPeer {
  /** Key of its address; undefined if it is not counted. */
  readonly key: string | undefined;
  /** Whether its connection carries requests of many clients, such as a trusted proxy's. */
  readonly isShared: boolean;
}

export interface RequestBoundsOptions {
  readonly clock: Clock;
  readonly settings: RequestBoundsSettings;
  readonly peerOf: (request: IncomingMessage) => RequestPeer;
  /** Answers in the error format of the request's path. */
  readonly refuse: (request: IncomingMessage, response: ServerResponse, rejection: Rejection) => void;
}

interface Handles {
  handOver(): void;
  share(): void;
  pause(): () => void;
}

/** Open requests by response, for the writers of responses. */
const handlesOf = new WeakMap<ServerResponse, Handles>();

/**
 * Hands the response's limits over to its writer, such as a session, which bounds their number and bytes itself. It still
 * counts as one of its connection's, and is terminated when its peer takes nothing.
 */
export function handOver(response: ServerResponse): void {
  handlesOf.get(response)?.handOver();
}

/** The bytes of this response are in memory once, shared by all receivers. */
export function shareBytes(response: ServerResponse): void {
  handlesOf.get(response)?.share();
}

/** The request waits, and its handler bounds how many do. @returns a function to call once when it continues */
export function pauseCounting(response: ServerResponse): () => void {
  return handlesOf.get(response)?.pause() ?? (() => {});
}

/**
 * What a request holds besides its bytes while its body is incomplete or its response unread: measured with node:http2, where
 * it is most.
 */
const overheadBytes = 12 * 1024;

/** Heads up to this size are not counted. */
const freeHeadBytes = 2048;
/** A peer that leaves more unread than this is terminated without a response. */
const maxUnreadRefusalBytes = 64 * 1024;
const retryAfterSeconds = "5";

/** Counts the open requests of one server, and ends those beyond its limits. */
export class RequestBounds {
  readonly #options: RequestBoundsOptions;
  readonly #total = emptyUsage();
  /** Includes those handed over. */
  #openCount = 0;
  readonly #connections = new WeakMap<object, ConnectionUsage>();
  readonly #addresses = new Map<string, AddressUsage>();
  /** Requests with incomplete bodies, oldest first. */
  readonly #receiving = new Set<OpenRequest>();
  /** Requests with unsent bytes, oldest first. */
  readonly #unsent = new Set<OpenRequest>();
  readonly #ticks: Ticks;
  readonly #tickMs: number;

  constructor(options: RequestBoundsOptions) {
    this.#options = options;
    const { bodyTimeoutMs, responseTimeoutMs } = options.settings;
    this.#tickMs = tickFor(bodyTimeoutMs, responseTimeoutMs);
    this.#ticks = new Ticks({
      clock: options.clock,
      tickMs: this.#tickMs,
      onTick: () => this.#tick(),
    });
  }

  stats(): { readonly openRequests: number; readonly bodyBytes: number; readonly responseBytes: number } {
    const { bodyBytes, responseBytes } = this.#total;
    return { openRequests: this.#openCount, bodyBytes, responseBytes };
  }

  /** Addresses with open requests. */
  get addresses(): number {
    return this.#addresses.size;
  }

  /** Counts a request. @returns whether it may be handled; otherwise it was refused */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const { key, isShared } = this.#options.peerOf(request);
    const open = new OpenRequest(request, response, {
      connection: this.#connectionUsageOf(connectionOf(request)),
      address: key === undefined ? undefined : this.#addressUsageOf(key),
      isShared,
      total: this.#total,
    });
    const refusal = this.#findRefusal(open);
    this.#enter(open);
    if (refusal === undefined) return true;
    if (refusal === "reset") this.#terminate(open, constants.NGHTTP2_REFUSED_STREAM);
    else this.#refuse(open, refusal, constants.NGHTTP2_REFUSED_STREAM);
    return false;
  }

  #connectionUsageOf(connection: NodeJS.EventEmitter): ConnectionUsage {
    const known = this.#connections.get(connection);
    if (known) return known;
    const usage = { ...emptyUsage(), open: new Set<OpenRequest>() };
    this.#connections.set(connection, usage);
    connection.once("close", () => this.#leaveAll(usage));
    return usage;
  }

  #addressUsageOf(key: string): AddressUsage {
    const known = this.#addresses.get(key);
    if (known) return known;
    const usage = { ...emptyUsage(), key, open: 0 };
    this.#addresses.set(key, usage);
    return usage;
  }

  #findRefusal(open: OpenRequest): Rejection | "reset" | undefined {
    const { settings } = this.#options;
    const { connectionUsage: connection, addressUsage: address, isShared } = open;
    const { maxPerConnection, maxPerAddress, maxTotal } = settings;
    if (connection.requests >= maxPerConnection) return "reset";
    if (!isShared && connection.responseBytes > settings.maxConnectionResponseBytes) return "reset";
    if (maxTotal !== null && this.#total.requests >= maxTotal)
      return busy(`The server has reached its limit of ${maxTotal} requests.`);
    if (address === undefined) return undefined;
    if (maxPerAddress !== null && address.requests >= maxPerAddress)
      return busy(`At most ${maxPerAddress} requests from one address may be open.`);
    if (address.responseBytes > settings.maxAddressResponseBytes)
      return busy("Too many unread responses to this address: read those first.");
    return undefined;
  }

  #enter(open: OpenRequest): void {
    const { request, response } = open;
    open.connectionUsage.open.add(open);
    this.#openCount++;
    if (open.addressUsage) open.addressUsage.open++;
    for (const usage of open.usages) usage.requests++;
    handlesOf.set(response, {
      handOver: () => this.#handOver(open),
      share: () => {
        open.isSharing = true;
      },
      pause: () => this.#pause(open),
    });
    this.#watchAnswer(open);
    const headBytes = headBytesOf(request);
    if (headBytes > freeHeadBytes) this.#setBodyBytes(open, headBytes);
    if (!open.hasBody) return;
    meterBody(request, (bytes) => this.#keepBody(open, bytes));
    this.#receiving.add(open);
    this.#ticks.start();
    this.#setBodyBytes(open, open.bodyBytes + overheadBytes);
  }

  /** Measures unsent bytes around each write, since no event reports them. */
  #watchAnswer(open: OpenRequest): void {
    const { response } = open;
    const watched = response as unknown as Record<"write" | "end", (...parts: unknown[]) => unknown>;
    for (const name of ["write", "end"] as const) {
      const write = watched[name].bind(response);
      watched[name] = (...parts) => {
        this.#measure(open);
        const result = write(...parts);
        if (this.#measure(open)) this.#checkAnswer(open);
        return result;
      };
    }
    open.writer.once("finish", () => this.#finish(open));
    response.once("close", () => this.#leave(open));
  }

  /** The response has been sent. */
  #finish(open: OpenRequest): void {
    this.#measure(open);
    if (open.stream === undefined || open.isBodyComplete) return;
    // RFC 9113 §8.1: a body still arriving is asked to stop. Over HTTP/1.1 it is read, for a time. Some versions of
    // Node.js report a response without a body as finished before its headers were sent, which a reset would discard.
    this.#options.clock.setTimer(() => {
      if (!open.isBodyComplete) open.reset(constants.NGHTTP2_NO_ERROR);
    }, 1);
  }

  /** @returns whether the request continues */
  #keepBody(open: OpenRequest, bytes: number): boolean {
    open.readBytes += bytes;
    if (bytes > 0) this.#setBodyBytes(open, open.bodyBytes + bytes);
    return !open.isRefused;
  }

  #setBodyBytes(open: OpenRequest, bytes: number): void {
    if (open.isHandedOver || open.isRefused) return;
    const more = bytes - open.bodyBytes;
    open.bodyBytes = bytes;
    for (const usage of open.usages) usage.bodyBytes += more;
    if (more > 0) this.#checkBody(open);
  }

  #checkBody(open: OpenRequest): void {
    const { maxConnectionBodyBytes, maxAddressBodyBytes, maxBodyBytes } = this.#options.settings;
    if (isBeyond(open, "bodyBytes", maxConnectionBodyBytes, maxAddressBodyBytes))
      this.#refuse(open, busy("Too many request body bytes from this address or connection."));
    while (this.#total.bodyBytes > Math.max(maxBodyBytes, open.bodyBytes)) {
      const victim = this.#findSlowestBody() ?? open;
      this.#refuse(victim, busy("Too many request body bytes at the server."));
      if (victim === open) return;
    }
  }

  /** Complete bodies are being handled. */
  #findSlowestBody(): OpenRequest | undefined {
    for (const open of this.#receiving) if (open.bodyBytes > 0 && !open.isBodyComplete) return open;
    return undefined;
  }

  /** @returns whether the unsent bytes have grown */
  #measure(open: OpenRequest): boolean {
    const bytes = open.connectionUsage.open.has(open) ? open.unsentBytes : 0;
    const more = bytes - open.unsentBefore;
    if (more === 0) return false;
    if (more < 0) open.takenBytes -= more;
    if (open.unsentBefore === 0) {
      open.takenBytes = 0;
      open.answerTicks = 0;
      this.#ticks.start();
    }
    open.unsentBefore = bytes;
    this.#countAnswer(open, bytes);
    if (bytes === 0) this.#unsent.delete(open);
    else this.#unsent.add(open);
    return more > 0;
  }

  #countAnswer(open: OpenRequest, unsentBytes: number): void {
    const counts = unsentBytes > 0 && !open.isHandedOver;
    const bytes = counts ? overheadBytes + (open.isSharing ? 0 : unsentBytes) : 0;
    const more = bytes - open.responseBytes;
    open.responseBytes = bytes;
    for (const usage of open.usages) usage.responseBytes += more;
  }

  #checkAnswer(open: OpenRequest): void {
    const { maxConnectionResponseBytes, maxAddressResponseBytes, maxResponseBytes } = this.#options.settings;
    if (isBeyond(open, "responseBytes", maxConnectionResponseBytes, maxAddressResponseBytes))
      this.#terminate(open);
    for (const oldest of this.#unsent) {
      if (this.#total.responseBytes <= Math.max(maxResponseBytes, open.responseBytes)) return;
      if (oldest.responseBytes > 0) this.#terminate(oldest);
    }
  }

  #tick(): boolean {
    const { settings } = this.#options;
    const hasTimeLeft = (ticks: number, timeoutMs: number, movedBytes: number) =>
      ticks * this.#tickMs <= timeoutMs + (movedBytes / settings.minBytesPerSecond) * 1000;
    for (const open of this.#receiving) {
      const { response, readBytes } = open;
      if (open.isBodyComplete) {
        this.#receiving.delete(open);
        this.#setBodyBytes(open, Math.max(0, open.bodyBytes - overheadBytes));
        continue;
      }
      this.#setBodyBytes(open, Math.max(open.bodyBytes, overheadBytes + readBytes + open.unreadBytes));
      // A body that is read and dropped after its response gets no extension.
      const progressBytes = response.writableEnded ? 0 : readBytes;
      if (hasTimeLeft(++open.bodyTicks, settings.bodyTimeoutMs, progressBytes)) continue;
      this.#receiving.delete(open);
      this.#refuse(open, reject(408, "The request body did not arrive in time."));
    }
    for (const open of this.#unsent) {
      this.#measure(open);
      if (
        open.unsentBefore > 0 &&
        !hasTimeLeft(++open.answerTicks, settings.responseTimeoutMs, open.takenBytes)
      )
        this.#terminate(open);
    }
    return this.#receiving.size > 0 || this.#unsent.size > 0;
  }

  /** Answers with the rejection if the peer reads, else terminates. @param code of HTTP/2 for the latter */
  #refuse(open: OpenRequest, rejection: Rejection, code?: number): void {
    const { request, response } = open;
    this.#setBodyBytes(open, 0);
    open.isRefused = true;
    if (!open.canBeAnswered || open.connectionUsage.responseBytes > maxUnreadRefusalBytes) {
      this.#terminate(open, code);
      return;
    }
    // The rest of a body would have to be read first. RFC 9113 §8.2.2: HTTP/2 has no Connection.
    const isLast = open.stream === undefined && open.hasBody && !open.isBodyComplete;
    const headers = isLast ? { ...rejection.headers, Connection: "close" } : rejection.headers;
    request.resume();
    this.#options.refuse(request, response, { ...rejection, headers });
  }

  #terminate(open: OpenRequest, code?: number): void {
    this.#leave(open);
    this.#receiving.delete(open);
    open.reset(code);
  }

  #handOver(open: OpenRequest): void {
    if (open.isHandedOver || !open.connectionUsage.open.has(open)) return;
    this.#setBodyBytes(open, 0);
    this.#countAnswer(open, 0);
    this.#pause(open);
    open.isHandedOver = true;
  }

  #pause(open: OpenRequest): () => void {
    if (open.isPaused || !open.connectionUsage.open.has(open)) return () => {};
    open.isPaused = true;
    for (const usage of open.usages.slice(1)) usage.requests--;
    return () => {
      if (!open.isPaused || open.isHandedOver || !open.connectionUsage.open.has(open)) return;
      open.isPaused = false;
      for (const usage of open.usages.slice(1)) usage.requests++;
    };
  }

  /** Over HTTP/1.1 a body may still arrive after its response, and is watched until it ends. */
  #leave(open: OpenRequest): void {
    const { open: all } = open.connectionUsage;
    if (!all.has(open)) return;
    this.#setBodyBytes(open, 0);
    this.#countAnswer(open, 0);
    all.delete(open);
    this.#openCount--;
    this.#unsent.delete(open);
    if (open.stream !== undefined || open.isBodyComplete) this.#receiving.delete(open);
    for (const usage of open.isPaused ? [open.connectionUsage] : open.usages) usage.requests--;
    const { addressUsage } = open;
    if (addressUsage && --addressUsage.open === 0) this.#addresses.delete(addressUsage.key);
  }

  /** The connection is gone. Node.js reports this for the response being written, not for those queued after it. */
  #leaveAll({ open: all }: ConnectionUsage): void {
    for (const open of all) {
      const { response } = open;
      this.#leave(open);
      this.#receiving.delete(open);
      if (open.stream || response.closed) continue;
      response.destroy();
      response.emit("close");
    }
  }
}

function busy(message: string): Rejection {
  // RFC 9110 §10.2.3.
  return reject(503, message, { "Retry-After": retryAfterSeconds });
}
