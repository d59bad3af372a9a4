/**
 * Keeps room in the streams for the server's own publications when users have filled them. How full each stream is, is read from time to
 * time, so between two readings a little more may be taken.
 */
import type { PublishOptions } from "../../channels/log.js";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { isUnavailable, type JetStream } from "./jetstream.js";

export interface StreamRoomOptions {
  readonly jetStream: JetStream;
  readonly streams: readonly string[];
  readonly clock: Clock;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

interface StreamUsage {
  readonly config: { readonly max_bytes: number };
  readonly state: { readonly bytes: number };
}

const intervalMs = 5000;
/** Of a stream's bytes, beyond which users are refused, and the server itself. What is reserved may use all. */
const maxForUsers = 15 / 16;
const maxForServer = 31 / 32;

export class StreamRoom {
  readonly #options: StreamRoomOptions;
  /** Used part of each stream, from 0 to 1. */
  readonly #used = new Map<string, number>();
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(options: StreamRoomOptions) {
    this.#options = options;
  }

  /** Reads all streams, and again every few seconds. */
  async start(): Promise<void> {
    await this.#read();
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  /** @throws HF_BROKER_FULL */
  assertRoom(stream: string, { owner, isReserved }: PublishOptions): void {
    const used = this.#used.get(stream) ?? 0;
    if (isReserved || used < (owner === undefined ? maxForServer : maxForUsers)) return;
    throw new HoldfastError(
      "HF_BROKER_FULL",
      `NATS stream ${stream} is ${Math.floor(used * 100)} % full (maxBytes); retry when publications have expired`,
      { details: { quota: "maxBytes" } },
    );
  }

  async #read(): Promise<void> {
    const { jetStream, streams, onError } = this.#options;
    try {
      for (const stream of streams) {
        const { config, state } = await jetStream.call<StreamUsage>(
          `STREAM.INFO.${stream}`,
          {},
          "read a stream",
        );
        this.#used.set(stream, config.max_bytes > 0 ? state.bytes / config.max_bytes : 0);
      }
    } catch (error) {
      if (!this.#isStopped && !isUnavailable(error)) onError(error, { stage: "reading how full NATS is" });
    }
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#cancelTimer = this.#options.clock.setTimer(
      () => void this.#read().then(() => this.#schedule()),
      intervalMs * (1 - Math.random() / 5),
    );
  }
}
