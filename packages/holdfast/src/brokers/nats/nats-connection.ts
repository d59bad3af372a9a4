/**
 * The connection to a NATS server: requests that always end within seconds, subscriptions, and word of when it is lost. The client
 * library reconnects and subscribes again by itself. Nothing is sent while it is not connected, so that nothing piles up.
 */
import type { Msg, MsgHdrs, NatsConnection as NatsClient, Status } from "@nats-io/transport-node";
import { HoldfastError, messageOf } from "../../errors.js";
import type { Clock } from "../../time/clock.js";

export interface NatsConnectionOptions {
  /** `host:port` of servers, any of which is used. */
  readonly servers: readonly string[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** Content of a file of credentials, a JWT and a seed. */
  readonly credentials?: string | undefined;
  /** Undefined: TLS if the server offers it. */
  readonly tls?: NatsTls | undefined;
  /** For people who look at the server's connections. */
  readonly name: string;
  readonly clock: Clock;
  /** Throws for a server that cannot be used, each time that one is connected to. */
  readonly assertVersion: (version: string) => void;
  readonly requestTimeoutMs?: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Files in PEM. */
export interface NatsTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface NatsConnectionEvents {
  onDisconnect(): void;
  onReconnect(): void;
}

/** What nobody serves at the moment, such as a stream without a leader. It had no effect. */
export class NoRespondersError extends Error {}

/** The user lacks a permission. */
export class DeniedError extends HoldfastError {}

interface Pending {
  readonly subject: string;
  readonly expiresAt: number;
  readonly resolve: (message: Msg) => void;
  readonly reject: (error: Error) => void;
}

type Library = typeof import("@nats-io/transport-node");

const connectTimeoutMs = 5000;
const defaultRequestTimeoutMs = 5000;
const reconnectDelayMs = 200;
const reconnectJitterMs = 300;
/** Before another server is tried in place of one that cannot be used. */
const refusedDelayMs = 2000;
const pingIntervalMs = 3000;
const sweepIntervalMs = 250;

export class NatsConnection {
  readonly #options: NatsConnectionOptions;
  readonly #client: NatsClient;
  readonly #library: Library;
  readonly #inbox: string;
  /** By token of the reply subject, in order of expiry. */
  readonly #pending = new Map<string, Pending>();
  readonly #events: NatsConnectionEvents;
  #lastToken = 0;
  #isConnected = true;
  #isClosed = false;
  #cancelSweep: (() => void) | undefined;
  #cancelReconnect: (() => void) | undefined;
  /** The server's last complaint, for the error of calls that fail. */
  #fault: string | undefined;

  private constructor(
    library: Library,
    client: NatsClient,
    options: NatsConnectionOptions,
    events: NatsConnectionEvents,
  ) {
    this.#library = library;
    this.#client = client;
    this.#options = options;
    this.#events = events;
    this.#inbox = library.createInbox();
    client.subscribe(`${this.#inbox}.*`, { callback: (_error, message) => this.#answer(message) });
    void this.#watch(client.status());
    // The library gives up only if it is told to, or cannot authenticate any more.
    void client.closed().then((error) => this.#disconnected(error ? messageOf(error) : "connection closed"));
  }

  /** @throws HF_BROKER_UNAVAILABLE; HF_BROKER_UNSUPPORTED without the library, or for a server that cannot be used */
  static async open(options: NatsConnectionOptions, events: NatsConnectionEvents): Promise<NatsConnection> {
    const library = await loadLibrary();
    const { servers, user, password, token, credentials, tls, name } = options;
    let client: NatsClient;
    try {
      client = await library.connect({
        servers: [...servers],
        name,
        timeout: connectTimeoutMs,
        maxReconnectAttempts: -1,
        reconnectDelayHandler: () => reconnectDelayMs + reconnectJitterMs * Math.random(),
        ignoreAuthErrorAbort: true,
        pingInterval: pingIntervalMs,
        maxPingOut: 2,
        ...(user !== undefined && { user, pass: password ?? "" }),
        ...(token !== undefined && { token }),
        ...(credentials !== undefined && {
          authenticator: library.credsAuthenticator(new TextEncoder().encode(credentials)),
        }),
        ...(tls && { tls: { ...tls } }),
      });
    } catch (error) {
      throw new HoldfastError(
        "HF_BROKER_UNAVAILABLE",
        `cannot connect to NATS at ${servers.join(", ")}: ${describeFault(error)}`,
      );
    }
    try {
      options.assertVersion(versionOf(client));
    } catch (error) {
      await client.close();
      throw error;
    }
    return new NatsConnection(library, client, options, events);
  }

  /** Most bytes of a message, headers included. */
  get maxPayloadBytes(): number {
    return this.#client.info?.max_payload ?? 1024 * 1024;
  }

  /**
   * @param headers names and values, without line breaks
   * @throws NoRespondersError; HF_BROKER_UNAVAILABLE, after which the request may have had an effect
   */
  request(
    subject: string,
    payload: Uint8Array | string = "",
    headers?: Readonly<Record<string, string>>,
  ): Promise<Msg> {
    this.assertConnected();
    return new Promise((resolve, reject) => {
      const { clock, requestTimeoutMs = defaultRequestTimeoutMs } = this.#options;
      const token = (++this.#lastToken).toString(36);
      this.#pending.set(token, { subject, expiresAt: clock.elapsed() + requestTimeoutMs, resolve, reject });
      this.#cancelSweep ??= clock.setTimer((asOf) => this.#sweep(asOf), sweepIntervalMs);
      const reply = `${this.#inbox}.${token}`;
      try {
        this.#client.publish(
          subject,
          payload,
          headers ? { reply, headers: this.#toHeaders(headers) } : { reply },
        );
      } catch (error) {
        this.#pending.delete(token);
        reject(this.#unavailable(messageOf(error)));
      }
    });
  }

  /** Sends a message that is lost if it cannot be sent. */
  publish(subject: string, payload: Uint8Array): void {
    if (!this.#isConnected || this.#isClosed) return;
    try {
      this.#client.publish(subject, payload);
    } catch (error) {
      this.#fault = messageOf(error);
    }
  }

  /** @returns ends the subscription */
  subscribe(subject: string, onMessage: (message: Msg) => void): () => void {
    const subscription = this.#client.subscribe(subject, {
      callback: (error, message) => {
        if (error === null && !this.#isClosed) onMessage(message);
      },
    });
    return () => subscription.unsubscribe();
  }

  /** Resolves when the server has taken everything that was sent before. */
  async flush(): Promise<void> {
    this.assertConnected();
    await this.#client.flush().catch((error) => {
      throw this.#unavailable(messageOf(error));
    });
  }

  /** @throws HF_BROKER_CLOSED, HF_BROKER_UNAVAILABLE */
  assertConnected(): void {
    if (this.#isClosed) throw new HoldfastError("HF_BROKER_CLOSED");
    if (!this.#isConnected) throw this.#unavailable(this.#fault ?? "connection lost");
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelSweep?.();
    this.#cancelReconnect?.();
    this.#rejectAll(new HoldfastError("HF_BROKER_CLOSED"));
    await this.#client.close();
  }

  #toHeaders(fields: Readonly<Record<string, string>>): MsgHdrs {
    const headers = this.#library.headers();
    for (const [name, value] of Object.entries(fields)) headers.set(name, value);
    return headers;
  }

  #answer(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    this.#pending.delete(token);
    if (message.data.length === 0 && message.headers?.code === 503)
      pending.reject(new NoRespondersError(pending.subject));
    else pending.resolve(message);
  }

  #sweep(asOf: number): void {
    this.#cancelSweep = undefined;
    for (const [token, { expiresAt, reject, subject }] of this.#pending) {
      if (expiresAt > asOf) break;
      this.#pending.delete(token);
      reject(this.#unavailable(`no answer to ${subject} in time`));
    }
    if (this.#pending.size > 0 && !this.#isClosed)
      this.#cancelSweep = this.#options.clock.setTimer((at) => this.#sweep(at), sweepIntervalMs);
  }

  async #watch(statuses: AsyncIterable<Status>): Promise<void> {
    for await (const status of statuses) {
      if (status.type === "disconnect") this.#disconnected("connection lost");
      else if (status.type === "reconnect") this.#reconnected();
      else if (status.type === "error") this.#complained(status.error);
    }
  }

  #disconnected(fault: string): void {
    if (this.#isClosed || !this.#isConnected) return;
    this.#isConnected = false;
    this.#fault = fault;
    this.#rejectAll(this.#unavailable(fault));
    this.#events.onDisconnect();
  }

  #reconnected(): void {
    if (this.#isClosed || this.#isConnected) return;
    try {
      this.#options.assertVersion(versionOf(this.#client));
    } catch (error) {
      this.#refused(error);
      return;
    }
    this.#isConnected = true;
    this.#fault = undefined;
    this.#events.onReconnect();
  }

  /** The server is of another version than the one before. Others may do. */
  #refused(error: unknown): void {
    const { clock, onError } = this.#options;
    const fault = messageOf(error);
    if (fault !== this.#fault) onError(error, { stage: "connecting to NATS again" });
    this.#fault = fault;
    this.#cancelReconnect?.();
    this.#cancelReconnect = clock.setTimer(() => {
      if (!this.#isClosed) void this.#client.reconnect().catch(() => {});
    }, refusedDelayMs);
  }

  /** A request that the server denies is never answered. */
  #complained(error: Error): void {
    const { PermissionViolationError } = this.#library;
    if (!(error instanceof PermissionViolationError)) {
      this.#fault = describeFault(error);
      return;
    }
    if (error.operation === "subscription") {
      const denied = new HoldfastError(
        "HF_BROKER_UNAVAILABLE",
        `NATS denies subscribing to ${error.subject}: the user needs that permission`,
      );
      this.#options.onError(denied, { stage: "subscribing in NATS" });
      return;
    }
    for (const [token, { subject, reject }] of this.#pending) {
      if (subject !== error.subject) continue;
      this.#pending.delete(token);
      reject(
        new DeniedError(
          "HF_BROKER_UNAVAILABLE",
          `NATS denies publishing to ${subject}: the user needs that permission`,
        ),
      );
    }
  }

  #rejectAll(error: HoldfastError): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of all) reject(error);
  }

  #unavailable(fault: string): HoldfastError {
    return new HoldfastError("HF_BROKER_UNAVAILABLE", `NATS cannot be reached: ${fault}`);
  }
}

/** `major.minor.patch` */
function versionOf(client: NatsClient): string {
  return client.info?.version ?? "0.0.0";
}

async function loadLibrary(): Promise<Library> {
  try {
    return await import("@nats-io/transport-node");
  } catch (error) {
    const isMissing = (error as { code?: string }).code === "ERR_MODULE_NOT_FOUND";
    if (!isMissing || !messageOf(error).includes("@nats-io/transport-node")) throw error;
    throw new HoldfastError(
      "HF_BROKER_UNSUPPORTED",
      "the NATS broker needs the client library of NATS: npm install @nats-io/transport-node@~3.3.1",
    );
  }
}

/** What went wrong, without credentials: the library's errors name none. */
function describeFault(error: unknown): string {
  const message = messageOf(error);
  if (/authorization violation/i.test(message)) return "user, password, token or credentials are wrong";
  if (/certificate|self-signed|unable to verify/i.test(message)) return `TLS: ${message}`;
  return message;
}
