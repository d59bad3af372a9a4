/**
 * One connection to one server, which ends with its first fault: it does not connect again, and keeps nothing for later. What is
 * unanswered then is rejected. Knows ioredis, which is imported with the first connection, so that only those who use it need it.
 */
import type { Redis } from "ioredis";
import { HoldfastError, messageOf } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import type { Address, RedisSettings } from "./redis-options.js";
import { unavailable } from "./reply-errors.js";

/** Text, or bytes. */
export type Argument = string | Buffer | number;

export interface ConnectionEvents {
  onMessage?(channel: Buffer, message: Buffer): void;
  /** Once, whatever the reason, but for `close`. */
  onEnd(error: HoldfastError): void;
}

export interface ConnectionOptions extends ConnectionEvents {
  readonly address: Address;
  readonly settings: RedisSettings;
  readonly clock: Pick<Clock, "elapsed" | "setTimer">;
  /** A sentinel: has other credentials, and no database. */
  readonly isSentinel?: boolean;
}

type RedisClass = typeof Redis;
let library: Promise<RedisClass> | undefined;

/** @throws HF_BROKER_UNSUPPORTED telling how to install it */
async function importLibrary(): Promise<RedisClass> {
  try {
    library ??= import("ioredis").then(({ Redis }) => Redis);
    return await library;
  } catch (cause) {
    library = undefined;
    throw new HoldfastError(
      "HF_BROKER_UNSUPPORTED",
      "the broker for Redis needs the package ioredis: npm install ioredis@5",
      { cause },
    );
  }
}

export class Connection {
  readonly address: Address;
  readonly #options: ConnectionOptions;
  readonly #redis: Redis;
  readonly #pending = new Set<(error: HoldfastError) => void>();
  #sent = 0;
  #answered = 0;
  /** How many commands had been sent at past moments, oldest first; those that are all answered are dropped. */
  readonly #moments: { readonly sent: number; readonly at: number }[] = [];
  #cancelTimer: (() => void) | undefined;
  #isEnded = false;
  #fault: HoldfastError | undefined;

  private constructor(options: ConnectionOptions, redis: Redis) {
    this.#options = options;
    this.address = options.address;
    this.#redis = redis;
  }

  /** @throws HF_BROKER_UNAVAILABLE telling why, HF_BROKER_UNSUPPORTED without the library */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const Redis = await importLibrary();
    const { address, settings, isSentinel = false } = options;
    const { username, password } = isSentinel
      ? { username: settings.sentinelUsername, password: settings.sentinelPassword }
      : settings;
    const redis = new Redis({
      ...address,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(settings.isTls && { tls: { servername: nameOf(address), ...settings.tls } }),
      db: isSentinel ? 0 : settings.db,
      connectTimeout: settings.connectTimeoutMs,
      connectionName: "holdfast",
      disableClientInfo: true,
      keepAlive: 10_000,
      lazyConnect: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    const connection = new Connection(options, redis);
    await connection.#connect();
    return connection;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Sends a command. Rejects with the server's own error, or HF_BROKER_UNAVAILABLE if there is no answer. */
  call(command: string, ...args: readonly Argument[]): Promise<unknown> {
    if (this.#isEnded) return Promise.reject(this.#lost());
    this.#sent++;
    this.#watch();
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      const settle = (answer: () => void) => {
        this.#answered++;
        // The library may have lost it, and the connection with it.
        if (this.#pending.delete(reject)) answer();
      };
      this.#redis.callBuffer(command, ...(args as Argument[])).then(
        (reply) => settle(() => resolve(reply)),
        (error: unknown) => settle(() => reject(isReply(error) ? withoutCommand(error) : this.#lost(error))),
      );
    });
  }

  close(): void {
    this.#isEnded = true;
    this.#cancelTimer?.();
    this.#redis.disconnect();
    // Otherwise it waits for the server to close its side.
    this.#redis.stream?.destroy();
    for (const reject of this.#pending) reject(this.#lost());
    this.#pending.clear();
  }

  /** Ends it as the network would. */
  fail(error: HoldfastError): void {
    if (this.#isEnded) return;
    this.#fault = error;
    this.close();
    this.#options.onEnd(error);
  }

  async #connect(): Promise<void> {
    const { onMessage } = this.#options;
    let fault: unknown;
    this.#redis.on("error", (error: unknown) => {
      fault ??= error;
    });
    try {
      await this.#redis.connect();
      // The library calls a connection ready before the server has accepted the password.
      await this.call("ping");
    } catch (error) {
      this.close();
      throw this.#lost(fault ?? error);
    }
    // Also answers that nobody waits for, of a slot that has moved.
    this.#redis.on("error", (error: unknown) => this.fail(this.#lost(error)));
    // The library leaves a sharded subscription unanswered whose slot has moved.
    this.#redis.on("moved", () =>
      this.fail(unavailable("a subscription's slot has moved to another server")),
    );
    this.#redis.on("close", () => this.fail(this.#lost(fault)));
    this.#redis.on("messageBuffer", (channel: Buffer, message: Buffer) => onMessage?.(channel, message));
    this.#redis.on("smessageBuffer", (channel: Buffer, message: Buffer) => onMessage?.(channel, message));
  }

  /** Fails if commands stay without an answer: answers come in order, so one number says which. */
  #watch(): void {
    const { clock, settings } = this.#options;
    this.#cancelTimer ??= clock.setTimer(() => {
      this.#cancelTimer = undefined;
      const now = clock.elapsed();
      while (this.#moments[0] && this.#moments[0].sent <= this.#answered) this.#moments.shift();
      const [oldest] = this.#moments;
      if (oldest && now - oldest.at >= settings.commandTimeoutMs)
        return this.fail(this.#lost(`no answer within ${settings.commandTimeoutMs} ms`));
      this.#moments.push({ sent: this.#sent, at: now });
      if (this.#sent > this.#answered && !this.#isEnded) this.#watch();
    }, settings.commandTimeoutMs / 5);
  }

  #lost(cause?: unknown): HoldfastError {
    if (this.#fault) return this.#fault;
    const { host, port } = this.address;
    withoutCommand(cause);
    const reason = cause === undefined ? "connection closed" : messageOf(cause);
    return unavailable(`Redis at ${host}:${port} cannot be reached: ${reason}${adviceFor(reason)}`, cause);
  }
}

/** Whether a server answered it. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError";
}

/** The library notes the command in its errors, with passwords and data in it, which logs would show. */
function withoutCommand(error: unknown): unknown {
  if (error instanceof Error && "command" in error) delete error.command;
  return error;
}

/** Addresses have no name to be verified by. */
function nameOf({ host }: Address): string {
  return /^[\d.]+$|:/.test(host) ? "" : host;
}

function adviceFor(reason: string): string {
  if (/WRONGPASS|NOAUTH|invalid.*password|without any password/i.test(reason))
    return " (check user and password of the broker's URL)";
  if (/altnames|certificate|self.signed|SSL|TLS/i.test(reason))
    return " (check rediss://, the name in the server's certificate, and the option ca)";
  return "";
}
