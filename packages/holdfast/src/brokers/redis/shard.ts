/**
 * One master: a connection for commands, with the scripts loaded, one for messages, and one to wait for flushes, where the server tells
 * of them. Each is replaced when it ends.
 */
import type { HoldfastError } from "../../errors.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { Flusher } from "./flusher.js";
import type { Address } from "./redis-options.js";
import { unavailable } from "./reply-errors.js";
import { readFacts, type ServerFacts } from "./server-facts.js";

export interface ShardOptions extends Pick<ConnectionOptions, "settings" | "clock"> {
  readonly address: Address;
  readonly scriptTexts: readonly string[];
  onMessage(channel: Buffer, message: Buffer): void;
  /** One of its connections has ended. */
  onEnd(error: HoldfastError): void;
}

export class Shard {
  readonly address: Address;
  readonly #options: ShardOptions;
  commands: Connection | undefined;
  subscriber: Connection | undefined;
  /** Undefined where the server does not flush what it acknowledges, or does so before each answer and has nothing to add. */
  flusher: Flusher | undefined;
  #facts: ServerFacts | undefined;
  #isClosed = false;
  #connecting: Promise<void> | undefined;

  constructor(options: ShardOptions) {
    this.#options = options;
    this.address = options.address;
  }

  get isUp(): boolean {
    const isFlusherUp = this.flusher !== undefined || !this.#needsFlusher;
    return this.commands !== undefined && this.subscriber !== undefined && isFlusherUp;
  }

  get #needsFlusher(): boolean {
    return this.#facts?.tellsFlushes === true && this.#facts.diskFault === undefined;
  }

  /** Of the server that it was connected to last. */
  get facts(): ServerFacts | undefined {
    return this.#facts;
  }

  /**
   * Makes the connections that are missing. The one for messages has no subscriptions then.
   * @throws HF_BROKER_UNAVAILABLE, HF_BROKER_UNSUPPORTED
   */
  connect(): Promise<void> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<void> {
    const { settings, scriptTexts } = this.#options;
    if (this.commands === undefined) {
      const connection = await this.#open((error) => {
        this.commands = undefined;
        this.#options.onEnd(error);
      });
      try {
        this.#facts = await readFacts(connection, settings);
        await loadScripts(connection, scriptTexts);
        await this.#openFlusher(this.#facts);
      } catch (error) {
        connection.close();
        throw error;
      }
      if (connection.isEnded) throw unavailable("connection closed");
      this.commands = connection;
    }
    // What was written meanwhile is not known to be this server's.
    if (this.flusher === undefined) await this.#openFlusher(await readFacts(this.commands, settings));
    this.subscriber ??= await this.#open((error) => {
      this.subscriber = undefined;
      this.#options.onEnd(error);
    });
    if (this.#isClosed) this.close();
  }

  async #openFlusher({ replicationId }: ServerFacts): Promise<void> {
    this.flusher?.connection.close();
    this.flusher = undefined;
    if (!this.#needsFlusher) return;
    const connection = await this.#open((error) => {
      if (this.flusher?.connection === connection) this.flusher = undefined;
      this.#options.onEnd(error);
    });
    const timeoutMs = Math.ceil(this.#options.settings.commandTimeoutMs * 0.6);
    this.flusher = new Flusher(connection, replicationId, timeoutMs);
  }

  /** Asks for a sign of life; connections fail without one. */
  ping(): void {
    for (const connection of [this.commands, this.subscriber, this.flusher?.connection])
      connection?.call("ping").catch(() => {});
  }

  close(): void {
    this.#isClosed = true;
    this.commands?.close();
    this.subscriber?.close();
    this.flusher?.connection.close();
    this.flusher = undefined;
    this.commands = undefined;
    this.subscriber = undefined;
  }

  #open(onEnd: (error: HoldfastError) => void): Promise<Connection> {
    const { address, settings, clock, onMessage } = this.#options;
    return Connection.open({ address, settings, clock, onMessage, onEnd });
  }
}

export async function loadScripts(connection: Connection, texts: readonly string[]): Promise<void> {
  await Promise.all(texts.map((text) => connection.call("script", "load", text)));
}
