/**
 * One connection to a server through the SDK, which reconnects by itself. Owns how it stands and who is told of that,
 * and what requests over it fail with.
 */
import { Centrifuge, type Options } from "centrifuge";
import { HoldfastError } from "../../holdfast/src/errors.js";
import { Listeners } from "./listeners.js";
import type { ResolvedOptions } from "./options.js";
import { overhearDelays } from "./reconnect-delays.js";
import { refusedForGood, toHoldfastError } from "./sdk-error.js";
import type { ClientStatus } from "./status.js";
import { toSdkToken } from "./token-source.js";

interface Waiter {
  resolve(): void;
  reject(error: HoldfastError): void;
}

/** Of its WebSocket, or why there is none. */
export type ServerAddress = string | HoldfastError;

export class Connection {
  readonly sdk: Centrifuge;
  readonly options: ResolvedOptions;
  readonly statusListeners: Listeners<[ClientStatus]>;
  #status: ClientStatus = { state: "connecting", code: 0, reason: "connect called" };
  readonly #address: ServerAddress;
  #hasStarted = false;
  #isClosed = false;
  #isReconnecting = false;
  readonly #waiters = new Set<Waiter>();

  constructor(address: ServerAddress, options: ResolvedOptions) {
    this.options = options;
    this.#address = address;
    this.statusListeners = new Listeners("a status listener", options.onError);
    this.sdk = new Centrifuge(
      typeof address === "string" ? address : "ws://localhost",
      toSdkOptions(options),
    );
    if (options.onReconnectDelay) overhearDelays(this.sdk, options.onReconnectDelay);
    this.sdk.on("connecting", ({ code, reason }) => this.#become({ state: "connecting", code, reason }));
    this.sdk.on("connected", ({ client, data }) =>
      this.#become({ state: "connected", client, ...(data !== undefined && { data: data as unknown }) }),
    );
    this.sdk.on("disconnected", ({ code, reason }) => {
      if (!this.#isReconnecting) this.#become({ state: "disconnected", code, reason });
    });
    this.sdk.on("error", ({ error }) => options.onError(error, { stage: "connecting" }));
  }

  get status(): ClientStatus {
    return this.#status;
  }

  /** Why nothing can be sent any more, if so. */
  get fault(): HoldfastError | undefined {
    if (this.#isClosed) return new HoldfastError("HF_CLIENT_CLOSED", "the client was closed");
    if (this.#status.state !== "disconnected") return undefined;
    return refusedForGood("the server ended the connection", this.#status.code, this.#status.reason);
  }

  /**
   * Something needs the connection: opens it, the first time. Where components are rendered on a server nothing does.
   * @throws HF_OPTION_INVALID where there is no address
   */
  start(): void {
    if (!this.#hasStarted && !this.#isClosed) this.connect();
  }

  /** Asks for a new token, where there is a function for it. @throws HF_CLIENT_CLOSED, HF_OPTION_INVALID */
  connect(): void {
    if (this.#isClosed) throw this.fault as HoldfastError;
    if (typeof this.#address !== "string") throw this.#address;
    this.#hasStarted = true;
    // The SDK would come back with the token that was refused.
    if (this.#status.state === "disconnected" && typeof this.options.token === "function")
      this.sdk.setToken("");
    this.sdk.connect();
  }

  /** Drops the connection, or the wait for one, and opens it at once. @throws HF_CLIENT_CLOSED */
  reconnect(): void {
    if (!this.#isClosed) {
      this.#isReconnecting = true;
      this.sdk.disconnect();
      this.#isReconnecting = false;
    }
    this.connect();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const isOver = this.#status.state === "disconnected";
    this.sdk.disconnect();
    // The SDK has nothing to tell where the server had ended the connection before.
    if (isOver) this.#become({ state: "disconnected", code: 0, reason: "disconnect called" });
  }

  /** Resolves as soon as there is a connection. Rejects with `fault` when there will not be any. */
  async whenConnected(): Promise<void> {
    this.start();
    const { fault } = this;
    if (fault) throw fault;
    if (this.#status.state === "connected") return;
    await new Promise<void>((resolve, reject) => this.#waiters.add({ resolve, reject }));
  }

  /**
   * Asks the server, once; with no connection, waits for one as long as for an answer.
   * @param what what is asked for, for messages
   * @throws HF_REQUEST_REFUSED, HF_CLIENT_CONNECTION, HF_CLIENT_TIMEOUT, HF_CLIENT_CLOSED
   */
  async request<Reply>(what: string, send: () => Promise<Reply>): Promise<Reply> {
    this.start();
    const { fault } = this;
    if (fault) throw fault;
    try {
      return await send();
    } catch (error) {
      const told = toHoldfastError(error, what);
      throw told.code === "HF_REQUEST_REFUSED" ? told : (this.fault ?? told);
    }
  }

  #become(status: ClientStatus): void {
    this.#status = status;
    if (status.state !== "connecting") {
      const { fault } = this;
      for (const waiter of this.#waiters) fault ? waiter.reject(fault) : waiter.resolve();
      this.#waiters.clear();
    }
    this.statusListeners.call(status);
  }
}

function toSdkOptions(options: ResolvedOptions): Partial<Options> {
  const { token, data, headers, name, webSocket } = options;
  return {
    name,
    minReconnectDelay: options.minReconnectDelayMs,
    maxReconnectDelay: options.maxReconnectDelayMs,
    timeout: options.requestTimeoutMs,
    ...toSdkToken(token),
    ...(data !== undefined && { data }),
    ...(headers && { headers: { ...headers } }),
    ...(webSocket && { websocket: webSocket }),
  };
}
