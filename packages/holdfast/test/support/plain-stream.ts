/** Reads responses that go on as clients without an SDK do: events by the rules of browsers, or lines. */
import { type IncomingHttpHeaders, type IncomingMessage, request as sendRequest } from "node:http";
import { type RequestOptions, request as sendSecureRequest } from "node:https";
import { onTestFinished } from "vitest";
import type { Answer } from "./app-server.js";

/** WHATWG HTML §9.2.6, as far as a test needs it. */
export interface ServerEvent {
  /** "message" where the event has no name. */
  readonly type: string;
  readonly data: Answer;
  /** The last id that came, with this event or before it. */
  readonly lastEventId: string;
}

export class PlainStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** All that came. */
  text = "";
  hasEnded = false;
  readonly #message: IncomingMessage;
  #waiting: (() => void)[] = [];

  private constructor(message: IncomingMessage) {
    this.status = message.statusCode ?? 0;
    this.headers = message.headers;
    this.#message = message;
    message.setEncoding("utf8");
    message.on("data", (part: string) => {
      this.text += part;
      this.#wake();
    });
    message.on("error", () => {});
    message.on("close", () => {
      this.hasEnded = true;
      this.#wake();
    });
  }

  static async open(
    url: string,
    headers: Record<string, string> = {},
    method = "GET",
    body?: string,
  ): Promise<PlainStream> {
    const send = url.startsWith("https:") ? sendSecureRequest : sendRequest;
    const request = send(url, { method, headers, agent: false, rejectUnauthorized: false } as RequestOptions);
    onTestFinished(() => void request.destroy());
    const opened = new Promise<IncomingMessage>((resolve, reject) => {
      request.on("response", resolve);
      request.on("error", reject);
    });
    request.end(body);
    return new PlainStream(await opened);
  }

  /** Stops taking what comes, so that it piles up on its way. */
  pause(): void {
    this.#message.pause();
  }

  resume(): void {
    this.#message.resume();
  }

  cut(): void {
    this.#message.destroy();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.hasEnded) throw new Error(`the response has ended: ${this.text}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async ended(): Promise<void> {
    while (!this.hasEnded) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  get events(): ServerEvent[] {
    const events: ServerEvent[] = [];
    let lastEventId = "";
    const blocks = this.text.replace(/\r\n?/g, "\n").split("\n\n").slice(0, -1);
    for (const block of blocks) {
      const fields = { event: "", data: [] as string[] };
      for (const line of block.split("\n")) {
        const [, name, value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
        if (name === "id") lastEventId = value;
        if (name === "event") fields.event = value;
        if (name === "data") fields.data.push(value);
      }
      if (fields.data.length === 0) continue;
      const data: Answer = JSON.parse(fields.data.join("\n"));
      events.push({ type: fields.event || "message", data, lastEventId });
    }
    return events;
  }

  get lines(): Answer[] {
    const lines = this.text.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Answer);
  }

  /** Offsets of publications. */
  get offsets(): number[] {
    return this.events.flatMap(({ type, data }) => (type === "message" ? [data.offset as number] : []));
  }

  async nextEvents(count: number): Promise<ServerEvent[]> {
    await this.until(() => this.events.length >= count);
    return this.events;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
