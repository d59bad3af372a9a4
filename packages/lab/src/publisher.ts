/**
 * Publishes on schedule, whatever comes back: over a connection that is no user's, one request at a time. What falls due
 * meanwhile goes with the next request, and its latency counts from when it was due.
 */
import { LatencyHistogram } from "./load/latency-histogram.js";
import { createData } from "./load/payload.js";
import type { Schedule } from "./load/schedule.js";
import { HttpExchange } from "./node/http-exchange.js";
import { RequestText } from "./node/request-text.js";
import { labChannel } from "./users/virtual-user.js";

export interface PublisherOptions {
  readonly port: number;
  readonly apiKey: string;
  /** Of each message. */
  readonly sizeBytes: number;
  readonly schedule: Schedule;
}

const maxBatch = 200;
const maxBatchBytes = 2 * 1024 * 1024;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #exchange: HttpExchange;
  readonly #requests: RequestText;
  readonly #lateness = new LatencyHistogram();
  #sent = 0;
  #isEnded = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#exchange = new HttpExchange(options.port);
    this.#requests = new RequestText("minimal", options.port);
  }

  /** How many the server has accepted. */
  get sent(): number {
    return this.#sent;
  }

  get lateP99Ms(): number {
    return this.#lateness.percentileMs(99) ?? 0;
  }

  /** Resolves when all are published. @throws Error when the server refuses one */
  async run(): Promise<void> {
    const { schedule } = this.#options;
    while (this.#sent < schedule.count && !this.#isEnded) {
      const now = performance.now();
      const due = schedule.dueBy(now) - this.#sent;
      if (due > 0) await this.#publish(due, now);
      else await pause(schedule.timeOf(this.#sent + 1) - now);
    }
    this.#exchange.close();
  }

  end(): void {
    this.#isEnded = true;
    this.#exchange.close();
  }

  async #publish(due: number, now: number): Promise<void> {
    const { sizeBytes, schedule, apiKey } = this.#options;
    const count = Math.min(due, maxBatch, Math.max(1, Math.floor(maxBatchBytes / sizeBytes)));
    const commands = Array.from({ length: count }, (_, i) => {
      const sequence = this.#sent + 1 + i;
      this.#lateness.record(now - schedule.timeOf(sequence));
      return `{"publish":{"channel":"${labChannel}","data":${createData(sequence, sizeBytes)}}}`;
    });
    await publishCommands(this.#exchange, this.#requests, apiKey, commands);
    this.#sent += count;
  }
}

/** @throws Error when the server refuses one of them */
async function publishCommands(
  exchange: HttpExchange,
  requests: RequestText,
  apiKey: string,
  commands: readonly string[],
): Promise<void> {
  const body = `{"commands":[${commands.join(",")}]}`;
  const { status, text } = await exchange.request(requests.post("/api/batch", body, [["X-API-Key", apiKey]]));
  if (status !== 200 || text.includes('"error"'))
    throw new Error(`the server refused a publication: ${status} ${text.slice(0, 200)}`);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
