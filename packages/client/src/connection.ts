/**
 * One connection to a server through the SDK, which reconnects by itself. Owns the status of the connection and its listeners, and the
 * errors of requests.
 */
import { Centrifuge, type Options } from "centrifuge";
import { HoldfastError } from "../../holdfast/src/errors.js";
import { type ClientStatus, endedByServer, toHoldfastError } from "./from-sdk.js";
import { callGuarded, Listeners } from "./listeners.js";
import { type ResolvedOptions, toSdkToken } from "./options.js";
import { ChannelPayloads } from "./payload.js";

interface Waiter {
  resolve(): void;
  reject(error: HoldfastError): void;
}

/** The URL of the WebSocket, or why there is none. */
export type ServerAddress = string | HoldfastError;

export class Connection {
  readonly sdk: Centrifuge;
  readonly options: ResolvedOptions;
  readonly payloads: ChannelPayloads;
  readonly statusListeners: Listeners<[ClientStatus]>;
  #status: ClientStatus = { state: "connecting", code: 0, reason: "connect called" };
  readonly #address: ServerAddress;
  #hasStarted = false;
  #isClosed = false;
  #isReconnecting = false;
  readonly #waiters = new Set<Waiter>();

  constructor(address: ServerAddress, options: ResolvedOptions) {
    this.options = options;
    this.payloads = new ChannelPayloads(options.payloads);
    this.#address = address;
    this.statusListeners = new Listeners("a status listener", options.onError);
    this.sdk = new Centrifuge(
      typeof address === "string" ? address : "ws://localhost",
      toSdkOptions(options),
    );
    if (options.onReconnectDelay) observeReconnectDelays(this.sdk, options.onReconnectDelay);
    this.sdk.on("connecting", ({ code, reason }) => this.#setStatus({ state: "connecting", code, reason }));
    this.sdk.on("connected", ({ client, data }) =>
      this.#setStatus({ state: "connected", client, ...(data !== undefined && { data: data as unknown }) }),
    );
    this.sdk.on("disconnected", ({ code, reason }) => {
      if (!this.#isReconnecting) this.#setStatus({ state: "disconnected", code, reason });
    });
    this.sdk.on("error", ({ error }) => options.onError(error, { stage: "connecting" }));
  }

  get status(): ClientStatus {
    return this.#status;
  }

  /** Why nothing can be sent any more; undefined while the connection is open or may open. */
  get fault(): HoldfastError | undefined {
    if (this.#isClosed) return new HoldfastError("HF_CLIENT_CLOSED", "the client was closed");
    if (this.#status.state !== "disconnected") return undefined;
    return endedByServer("the server ended the connection", this.#status.code, this.#status.reason);
  }

  /**
   * Connects if nothing has needed the connection before. Server-side rendering never gets here.
   * @throws HF_OPTION_INVALID if there is no address
   */
  start(): void {
    if (!this.#hasStarted && !this.#isClosed) this.connect();
  }

  /** Gets a new token if `token` is a function. @throws HF_CLIENT_CLOSED, HF_OPTION_INVALID */
  connect(): void {
    if (this.#isClosed) throw this.fault as HoldfastError;
    if (typeof this.#address !== "string") throw this.#address;
    this.#hasStarted = true;
    // The SDK would reuse the token that was refused.
    if (this.#status.state === "disconnected" && typeof this.options.token === "function")
      this.sdk.setToken("");
    this.sdk.connect();
  }

  /** Drops the connection, or the wait for the next attempt, and connects at once. @throws HF_CLIENT_CLOSED */
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
    // The SDK reports no change if the server had ended the connection before.
    if (isOver) this.#setStatus({ state: "disconnected", code: 0, reason: "disconnect called" });
  }

  /** Resolves when connected. Rejects with `fault` if that cannot happen. */
  async whenConnected(): Promise<void> {
    this.start();
    const { fault } = this;
    if (fault) throw fault;
    if (this.#status.state === "connected") return;
    await new Promise<void>((resolve, reject) => this.#waiters.add({ resolve, reject }));
  }

  /**
   * Sends a request once. Without a connection, waits for one within the same timeout.
   * @param what what is asked for, for errors
   * @throws HF_REQUEST_REFUSED, HF_CLIENT_CONNECTION, HF_CLIENT_TIMEOUT, HF_CLIENT_CLOSED
   */
  async request<Reply>(what: string, send: () => Promise<Reply>): Promise<Reply> {
    this.start();
    const { fault } = this;
    if (fault) throw fault;
    try {
      return await send();
    } catch (error) {
      const failure = toHoldfastError(error, what);
      throw failure.code === "HF_REQUEST_REFUSED" ? failure : (this.fault ?? failure);
    }
  }

  /** Runs a listener of the SDK, which errors must not reach. */
  readPublication(run: (payloads: ChannelPayloads) => void): void {
    callGuarded(() => run(this.payloads), "reading a publication", this.options.onError);
  }

  #setStatus(status: ClientStatus): void {
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

/**
 * The SDK keeps its delays to itself, so this wraps the internal method that computes them. In a version of the SDK without that method,
 * the listener is not called.
 */
function observeReconnectDelays(sdk: Centrifuge, listener: (delayMs: number) => void): void {
  const internals = sdk as unknown as { _getReconnectDelay?: () => number };
  const original = internals._getReconnectDelay;
  if (typeof original !== "function") return;
  internals._getReconnectDelay = () => {
    const delayMs = original.call(sdk);
    listener(delayMs);
    return delayMs;
  };
}
