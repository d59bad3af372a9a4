/**
 * Tells visitors of the story what the server receives from them and sends them: the heads of their requests, the opening
 * handshakes of their WebSockets, and each frame. Only of requests and WebSockets that carry a trace id, which the page makes
 * at random, and in a channel that only who knows the id can find. Bounded in sockets, and in events a second for each trace.
 */
import { channel as diagnostics } from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { SocketOpening, SocketTrace } from "holdfast";
import { type SocketCounts, type TraceEvent, tracePattern } from "../trace-types.js";
import { FrameReader } from "./frame-reader.js";

export interface TracesOptions {
  /** Publishes in the channel of a trace. */
  readonly tell: (trace: string, event: TraceEvent) => void;
  /** Milliseconds, of any origin. */
  readonly now: () => number;
}

const maxSockets = 200;
/** Beyond, frames are counted but not told. */
const maxEventsPerSecond = 100;
const maxHeadCharacters = 4000;
const secretFields = new Set(["cookie", "authorization", "x-api-key"]);

/** Whose it is, and what for. */
interface Mark {
  readonly trace: string;
  readonly label: string;
}

interface TracedSocket extends Mark {
  readonly terminate: () => void;
}

/** Node.js publishes both for each request over HTTP/1.1. */
const requestStart = diagnostics("http.server.request.start");
const responseFinish = diagnostics("http.server.response.finish");

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface OpenExchange extends Mark {
  readonly request: number;
  readonly head: string;
  readonly received: number;
  /** Written to the connection before the answer. */
  readonly writtenBefore: number;
}

export class Traces {
  readonly #options: TracesOptions;
  readonly #sockets = new Set<TracedSocket>();
  readonly #exchanges = new WeakMap<ServerResponse, OpenExchange>();
  /** Events of each trace in the present second. */
  #told = new Map<string, number>();
  #second = 0;
  #requests = 0;
  #opened = 0;
  readonly #onStart = (message: unknown) => this.#requestStarted(message as Exchange);
  readonly #onFinish = (message: unknown) => this.#responseFinished(message as Exchange);

  constructor(options: TracesOptions) {
    this.#options = options;
  }

  start(): void {
    requestStart.subscribe(this.#onStart);
    responseFinish.subscribe(this.#onFinish);
  }

  stop(): void {
    requestStart.unsubscribe(this.#onStart);
    responseFinish.unsubscribe(this.#onFinish);
  }

  /** For the server's option of that name. */
  traceSocket(opening: SocketOpening): SocketTrace | undefined {
    const mark = markOf(opening.url);
    if (mark === undefined || this.#sockets.size >= maxSockets) return undefined;
    const { trace, label } = mark;
    const socket = ++this.#opened;
    const head = headOf("GET", opening);
    const traced = { ...mark, terminate: opening.terminate };
    const counts = {
      received: head.bytes,
      sent: Buffer.byteLength(opening.responseHead ?? ""),
      framesReceived: 0,
      framesSent: 0,
    } satisfies SocketCounts;
    this.#sockets.add(traced);
    this.#tell(trace, {
      ...{ type: "opened", label, socket, head: head.text, ...counts },
      ...(opening.responseHead !== undefined && { answer: opening.responseHead }),
    });
    const frame = (direction: "up" | "down") => (raw: { bytes: number; start: Uint8Array }) => {
      const isUp = direction === "up";
      counts[isUp ? "received" : "sent"] += raw.bytes;
      counts[isUp ? "framesReceived" : "framesSent"]++;
      const hex = Buffer.from(raw.start).toString("hex");
      this.#tell(trace, { type: "frame", label, socket, direction, bytes: raw.bytes, hex, ...counts });
    };
    const [up, down] = [new FrameReader(frame("up")), new FrameReader(frame("down"))];
    return {
      received: (bytes) => up.receive(bytes),
      sent: (bytes) => down.receive(bytes),
      closed: () => {
        this.#sockets.delete(traced);
        this.#tell(trace, { type: "gone", label, socket, ...counts });
      },
    };
  }

  /** Ends the WebSockets of a trace that are for something, as a broken line would. @returns how many */
  cut(url: string): number {
    const mark = markOf(url);
    const found = [...this.#sockets].filter(
      ({ trace, label }) => trace === mark?.trace && label === mark.label,
    );
    for (const { terminate } of found) terminate();
    return found.length;
  }

  #requestStarted({ request, response }: Exchange): void {
    const mark = markOf(request.url ?? "");
    if (mark === undefined) return;
    const { method = "", url = "", rawHeaders, httpVersion } = request;
    const head = headOf(method, { url, rawHeaders, httpVersion });
    const received = head.bytes + (Number(request.headers["content-length"]) || 0);
    const open = {
      ...mark,
      request: ++this.#requests,
      head: head.text,
      received,
      writtenBefore: request.socket.bytesWritten,
    };
    this.#exchanges.set(response, open);
    const { trace, label, request: number } = open;
    this.#tell(trace, { type: "asked", label, request: number, head: head.text, received });
  }

  #responseFinished({ request, response }: Exchange): void {
    const open = this.#exchanges.get(response);
    if (open === undefined) return;
    this.#exchanges.delete(response);
    const { trace, writtenBefore, ...seen } = open;
    const sent = request.socket.bytesWritten - writtenBefore;
    this.#tell(trace, { type: "answered", ...withoutTrace(seen), answer: answerOf(response), sent });
  }

  #tell(trace: string, event: TraceEvent): void {
    const second = Math.floor(this.#options.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#told = new Map();
    }
    const told = (this.#told.get(trace) ?? 0) + 1;
    this.#told.set(trace, told);
    // What is left out is in the totals of the next.
    if (told <= maxEventsPerSecond || event.type !== "frame") this.#options.tell(trace, event);
  }
}

function withoutTrace({ label, request, head, received }: Omit<OpenExchange, "trace" | "writtenBefore">) {
  return { label, request, head, received };
}

/** @param url path and query */
export function markOf(url: string): Mark | undefined {
  const [, given = ""] = /[?&]trace=([^&#]*)/.exec(url) ?? [];
  const [, trace, label] = tracePattern.exec(given) ?? [];
  return trace === undefined || label === undefined ? undefined : { trace, label };
}

interface RequestHead {
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
}

/** As it came, but for credentials: they are counted, not shown. */
function headOf(method: string, { url, httpVersion, rawHeaders }: RequestHead) {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  let bytes = Buffer.byteLength(lines[0] as string) + 4;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name = "", value = ""] = rawHeaders.slice(index, index + 2);
    // Browsers put one space after the colon.
    bytes += name.length + 2 + Buffer.byteLength(value, "latin1") + 2;
    const isSecret = secretFields.has(name.toLowerCase());
    lines.push(`${name}: ${isSecret ? `(${value.length} characters, not shown)` : value}`);
  }
  return { text: `${lines.join("\r\n").slice(0, maxHeadCharacters)}\r\n\r\n`, bytes };
}

/** As Node.js has written it, which keeps it there, undocumented; else what can be known of it. */
function answerOf(response: ServerResponse): string {
  const { _header: written } = response as ServerResponse & { readonly _header?: string | null };
  if (typeof written === "string") return withoutCookies(written);
  const fields = Object.entries(response.getHeaders()).map(
    ([name, value]) => `${name}: ${String(value)}\r\n`,
  );
  return withoutCookies(
    `HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n${fields.join("")}\r\n`,
  );
}

function withoutCookies(head: string): string {
  return head.replace(/^(set-cookie: ).*$/gim, "$1(not shown)").slice(0, maxHeadCharacters);
}
