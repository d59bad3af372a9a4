/** The ways to publish: the protocol's command, the rpc that answers with the position, and plain HTTP. */
import { Agent, request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Connection, ReplyError } from "./connection.js";
import type { Position } from "./history.js";
import { delayAfter, Line, type LineOptions } from "./line.js";
import type { Random } from "./random.js";

export const publishWays = ["command", "rpc", "http"] as const;
export type PublishWay = (typeof publishWays)[number];

export interface PublishRequest {
  readonly channel: string;
  readonly data: unknown;
  readonly idempotencyKey: string | undefined;
  /** What it is about, in channels of the latest and in maps. */
  readonly key: string | undefined;
  readonly tags?: Readonly<Record<string, string>>;
  readonly isMap: boolean;
}

/** `unknown` when nobody can tell what became of it. */
export type PublishOutcome =
  | { readonly kind: "acknowledged"; readonly position?: Position; readonly isDuplicate: boolean }
  | { readonly kind: "refused"; readonly error: ReplyError }
  | { readonly kind: "unknown" };

export interface PublishLine {
  /** The port that the connection comes from, where there is one. */
  readonly localPort: number | undefined;
  /** Resolves when a publication can be sent. @returns false when the line has been stopped */
  ready(): Promise<boolean>;
  /** Sends at once. */
  publish(request: PublishRequest): Promise<PublishOutcome>;
  stop(): void;
}

const responseTimeoutMs = 12_000;

function fieldsOf({ channel, data, idempotencyKey, key, tags }: PublishRequest): object {
  return {
    channel,
    data,
    ...(tags && { tags }),
    ...(idempotencyKey !== undefined && { idempotency_key: idempotencyKey }),
    ...(key !== undefined && { key }),
  };
}

function acknowledgementOf(result: Readonly<Record<string, unknown>>): PublishOutcome {
  const { epoch, offset, is_duplicate: isDuplicate } = result;
  const hasPosition = typeof epoch === "string" && typeof offset === "number";
  return {
    kind: "acknowledged",
    ...(hasPosition && { position: { epoch, offset } }),
    isDuplicate: isDuplicate === true,
  };
}

export class SocketPublishLine implements PublishLine {
  readonly #line: Line;
  readonly #way: "command" | "rpc";
  #connection: Connection | undefined;

  constructor(way: "command" | "rpc", options: Pick<LineOptions, "url" | "random" | "onFailure">) {
    this.#way = way;
    this.#line = new Line({ ...options, onOpen() {}, onPush() {}, onClose() {} });
  }

  get localPort(): number | undefined {
    return this.#line.connection?.localPort;
  }

  async ready(): Promise<boolean> {
    this.#connection = await this.#line.connected();
    return this.#connection !== undefined;
  }

  publish(request: PublishRequest): Promise<PublishOutcome> {
    const connection = this.#connection;
    if (connection === undefined) throw new Error("publish before ready");
    const fields = { ...fieldsOf(request), ...(request.isMap && { type: 1 }) };
    const [method, params] =
      this.#way === "command" ? ["publish", fields] : ["rpc", { method: "holdfast.publish", data: fields }];
    return new Promise((resolve) => {
      // A line on which pings come and answers do not would else be waited for without end.
      const timer = setTimeout(() => connection.terminate(), responseTimeoutMs);
      connection.call(method, params, (answer) => {
        clearTimeout(timer);
        resolve(this.#outcomeOf(answer));
      });
    });
  }

  stop(): void {
    this.#line.stop();
  }

  #outcomeOf(answer: Answer): PublishOutcome {
    if (answer.kind === "lost") return { kind: "unknown" };
    if (answer.kind === "error") return { kind: "refused", error: answer.error };
    const result = this.#way === "command" ? answer.result : (answer.result.data ?? {});
    return acknowledgementOf(result as Record<string, unknown>);
  }
}

export class HttpPublishLine implements PublishLine {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;
  readonly #apiKey: string;
  readonly #random: Random;
  #socket: Socket | undefined;
  #isStopped = false;

  /** In a row. */
  #failures = 0;

  constructor(port: number, apiKey: string, random: Random) {
    this.#port = port;
    this.#apiKey = apiKey;
    this.#random = random;
  }

  get localPort(): number | undefined {
    return this.#socket?.localPort;
  }

  /** After failures a moment later each time, as a line that connects anew. */
  async ready(): Promise<boolean> {
    if (this.#failures > 0) await sleep(delayAfter(this.#failures, this.#random));
    return !this.#isStopped;
  }

  async publish(publication: PublishRequest): Promise<PublishOutcome> {
    const answer = await this.#post(
      publication.isMap ? "map_publish" : "publish",
      JSON.stringify(fieldsOf(publication)),
    );
    this.#failures = answer === undefined ? this.#failures + 1 : 0;
    if (answer === undefined) return { kind: "unknown" };
    const { status, body } = answer;
    if (status !== 200) return { kind: "refused", error: { code: status, message: body } };
    const { result, error } = JSON.parse(body) as { result?: Record<string, unknown>; error?: ReplyError };
    return error === undefined ? acknowledgementOf(result ?? {}) : { kind: "refused", error };
  }

  stop(): void {
    this.#isStopped = true;
    this.#agent.destroy();
  }

  /** @returns undefined when the answer did not come whole */
  #post(method: string, body: string): Promise<{ status: number; body: string } | undefined> {
    return new Promise((resolve) => {
      const fail = () => resolve(undefined);
      const outgoing = request(
        {
          agent: this.#agent,
          host: "127.0.0.1",
          port: this.#port,
          method: "POST",
          path: `/api/${method}`,
          headers: { "Content-Type": "application/json", "X-API-Key": this.#apiKey },
          timeout: responseTimeoutMs,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", fail);
          response.on("close", fail);
          response.on("end", () => {
            if (response.complete)
              resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
          });
        },
      );
      outgoing.on("socket", (socket) => this.#watch(socket));
      outgoing.on("timeout", () => outgoing.destroy());
      outgoing.on("error", fail);
      outgoing.end(body);
    });
  }

  /** Once for each connection, which serves many requests. */
  #watch(socket: Socket): void {
    if (this.#socket === socket) return;
    this.#socket = socket;
    socket.once("close", () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
  }
}
