/** One master: a connection for commands, with the scripts loaded, and one for messages. Each is replaced when it ends. */
import type { HoldfastError } from "../../errors.js";
import { Connection, type ConnectionOptions } from "./connection.js";
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
  #facts: ServerFacts | undefined;
  #isClosed = false;

  constructor(options: ShardOptions) {
    this.#options = options;
    this.address = options.address;
  }

  get isUp(): boolean {
    return this.commands !== undefined && this.subscriber !== undefined;
  }

  /** Of the server that it was connected to last. */
  get facts(): ServerFacts | undefined {
    return this.#facts;
  }

  /**
   * Makes the connections that are missing. The one for messages has no subscriptions then.
   * @throws HF_BROKER_UNAVAILABLE, HF_BROKER_UNSUPPORTED
   */
  async connect(): Promise<void> {
    const { settings, scriptTexts } = this.#options;
    if (this.commands === undefined) {
      const connection = await this.#open((error) => {
        this.commands = undefined;
        this.#options.onEnd(error);
      });
      try {
        this.#facts = await readFacts(connection, settings);
        await loadScripts(connection, scriptTexts);
      } catch (error) {
        connection.close();
        throw error;
      }
      if (connection.isEnded) throw unavailable("connection closed");
      this.commands = connection;
    }
    this.subscriber ??= await this.#open((error) => {
      this.subscriber = undefined;
      this.#options.onEnd(error);
    });
    if (this.#isClosed) this.close();
  }

  /** Asks for a sign of life; connections fail without one. */
  ping(): void {
    for (const connection of [this.commands, this.subscriber]) connection?.call("ping").catch(() => {});
  }

  close(): void {
    this.#isClosed = true;
    this.commands?.close();
    this.subscriber?.close();
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
