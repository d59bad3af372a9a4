/**
 * Publishes when it is due, whatever comes back: over one connection that is nobody's, one request at a time. What falls
 * due meanwhile goes with the next one, and its latency counts from when it was due.
 */
import { LatencyHistogram } from "./latency-histogram.js";
import { createData } from "./payload.js";
import { RequestText } from "./request-text.js";
import type { Schedule } from "./schedule.js";
import { HttpExchange } from "./users/http-exchange.js";
import { labChannel } from "./users/virtual-user.js";

export interface PublisherOptions {
  readonly port: number;
  readonly apiKey: string;
  /** Of each message. */
  readonly bytes: number;
  readonly schedule: Schedule;
}

const mostInBatch = 200;
const mostBatchBytes = 2 * 1024 * 1024;

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
    this.#requests = new RequestText("least", options.port);
  }

  /** How many the server has taken. */
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
    const { bytes, schedule, apiKey } = this.#options;
    const count = Math.min(due, mostInBatch, Math.max(1, Math.floor(mostBatchBytes / bytes)));
    const commands = Array.from({ length: count }, (_, i) => {
      const sequence = this.#sent + 1 + i;
      this.#lateness.record(now - schedule.timeOf(sequence));
      return `{"publish":{"channel":"${labChannel}","data":${createData(sequence, bytes)}}}`;
    });
    await publishCommands(this.#exchange, this.#requests, apiKey, commands);
    this.#sent += count;
  }
}

/** @throws Error when the server refuses one of them */
export async function publishCommands(
  exchange: HttpExchange,
  requests: RequestText,
  apiKey: string,
  commands: readonly string[],
): Promise<void> {
  const body = `{"commands":[${commands.join(",")}]}`;
  const { status, text } = await exchange.request(requests.post("/api/batch", body, [["X-API-Key", apiKey]]));
  if (status !== 200 || text.includes('"error"'))
    throw new Error(`the server did not take what was published: ${status} ${text.slice(0, 200)}`);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
