/**
 * The requests of SDKs that can open no WebSocket: responses that go on, as lines (`http_stream`) or events (`sse`), and
 * requests with commands for them (`emulation`).
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Handler } from "../sessions/handler.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import { type OpeningRequest, toOpeningRequest } from "../sockets/opening-request.js";
import { readBody } from "../sockets/request-body.js";
import { type Rejection, reject } from "../websocket/index.js";
import type { Admission } from "./admission.js";
import { answerPreflight, corsHeaders } from "./cors.js";
import { EmulatedTransport, type StreamFormat } from "./emulated-transport.js";
import { eventEncoding, lineEncoding } from "./stream-encodings.js";
import { isGone, type StreamTimes } from "./stream-response.js";

export interface StreamListenerOptions {
  readonly handler: Handler;
  readonly admission: Admission;
  readonly times: StreamTimes;
  /** This server, among those that share the work. */
  readonly node: string;
  /** Largest body, in bytes; beyond, 413. */
  readonly maxBodyBytes: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

const lines: StreamFormat = {
  name: "http_stream",
  encoding: lineEncoding,
  contentType: "application/json",
};
const events: StreamFormat = {
  name: "sse",
  encoding: eventEncoding,
  contentType: "text/event-stream",
  prologue: "\r\n",
};

/** 192 random bits: who knows it can speak for the session's client. */
const sessionIdBytes = 24;

export class StreamListener {
  readonly #options: StreamListenerOptions;
  /** By session id. */
  readonly #transports = new Map<string, EmulatedTransport>();
  readonly #onGone = (transport: EmulatedTransport) => {
    this.#transports.delete(transport.emulation.session);
    this.#options.admission.leave(transport);
  };

  constructor(options: StreamListenerOptions) {
    this.#options = options;
  }

  /** Sessions that commands may name. */
  get sessions(): number {
    return this.#transports.size;
  }

  /** `POST` with the connect command as body. */
  httpStream(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request, response, "POST, OPTIONS", (cors) => this.#open(request, response, lines, cors));
  }

  /** `GET` with the connect command as `cf_connect`, or `POST` with it as body. */
  sse(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request, response, "GET, POST, OPTIONS", (cors) =>
      this.#open(request, response, events, cors),
    );
  }

  /** `POST` of `{session, node, data}`, where `data` is a text of commands. */
  emulation(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request, response, "POST, OPTIONS", (cors) => this.#takeCommands(request, response, cors));
  }

  #answer(
    request: IncomingMessage,
    response: ServerResponse,
    methods: string,
    run: (cors: Readonly<Record<string, string>>) => Promise<Rejection | undefined>,
  ): void {
    const { admission, onError } = this.#options;
    const opening = toOpeningRequest(request);
    const fault = admission.findFaultOfPage(opening);
    const cors = fault ? {} : corsHeaders(opening.headers.origin, admission.allowedOrigins);
    const refuse = (rejection: Rejection) => sendRejection(request, response, rejection, cors);
    if (fault) refuse(fault);
    else if (request.method === "OPTIONS") answerPreflight(request, response, methods, cors);
    else if (!methods.split(", ").includes(request.method ?? ""))
      refuse(reject(405, `${request.method} is not accepted here, only ${methods}.`, { Allow: methods }));
    else
      run(cors).then(
        (rejection) => rejection && refuse(rejection),
        (error: unknown) => {
          onError(error, { stage: `answering ${request.url}` });
          refuse(reject(500, "Something went wrong here."));
        },
      );
  }

  /** @returns why not */
  async #open(
    request: IncomingMessage,
    response: ServerResponse,
    format: StreamFormat,
    cors: Readonly<Record<string, string>>,
  ): Promise<Rejection | undefined> {
    const { admission } = this.#options;
    const opening = toOpeningRequest(request);
    const refusal = admission.findRefusal(opening);
    if (refusal) return refusal;
    const commands = request.method === "GET" ? readQuery(opening) : await this.#readCommands(request);
    if (typeof commands !== "string") return commands;
    if (isGone(response)) return undefined;
    const late = admission.findLateRefusal();
    if (late) return late;
    this.#start(opening, response, format, commands, cors);
    return undefined;
  }

  #start(
    opening: OpeningRequest,
    response: ServerResponse,
    format: StreamFormat,
    commands: string,
    cors: Readonly<Record<string, string>>,
  ): void {
    const { admission, handler, times, node } = this.#options;
    const peer = admission.enter(opening);
    const emulation = { session: randomBytes(sessionIdBytes).toString("base64url"), node };
    const { url } = opening;
    const headers = opening.headers as ConnectionRequest["headers"];
    const request = { headers, url, address: peer.address };
    const transport = new EmulatedTransport(
      response,
      format,
      { request, peer, emulation },
      times,
      this.#onGone,
    );
    admission.add(transport);
    this.#transports.set(emulation.session, transport);
    transport.start(handler.open(transport), commands, cors);
  }

  async #readCommands(request: IncomingMessage): Promise<string | Rejection> {
    if (isBinary(request)) return reject(415, "Only JSON is spoken here, not Protobuf.");
    const body = await readBody(request, this.#options.maxBodyBytes);
    // Nobody is there to read this.
    if (body === "aborted") return reject(400, "The request ended early.");
    if (body === "large") return this.#tooLarge();
    if (body.text.trim() === "")
      return reject(400, 'The body must be a connect command, such as {"id":1,"connect":{}}.');
    return body.text;
  }

  async #takeCommands(
    request: IncomingMessage,
    response: ServerResponse,
    cors: Readonly<Record<string, string>>,
  ): Promise<Rejection | undefined> {
    const { node } = this.#options;
    const text = await this.#readCommands(request);
    if (typeof text !== "string") return text;
    const envelope = readEnvelope(text);
    if (envelope === undefined)
      return reject(400, "The body must be a JSON object with the texts session, node and data.");
    if (envelope.node !== node) return reject(404, "There is no such node here.");
    // A session that is over is as one that never was: its client learns it by the end of its response.
    const taken = this.#transports.get(envelope.session)?.deliver(envelope.data) ?? Promise.resolve();
    if (taken === "full")
      return reject(429, "Too many commands of the session wait.", { "Retry-After": "1" });
    await taken;
    if (isGone(response)) return undefined;
    response.writeHead(204, cors);
    response.end();
    return undefined;
  }

  #tooLarge(): Rejection {
    return reject(413, `A body may have ${this.#options.maxBodyBytes} bytes.`);
  }
}

function readQuery({ url }: OpeningRequest): string | Rejection {
  const query = url.indexOf("?");
  const commands = query < 0 ? null : new URLSearchParams(url.slice(query)).get("cf_connect");
  if (commands) return commands;
  return reject(400, 'The parameter cf_connect must be a connect command, such as {"id":1,"connect":{}}.');
}

function readEnvelope(
  text: string,
): { readonly session: string; readonly node: string; readonly data: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { session, node, data } = value as Record<string, unknown>;
  if (typeof session !== "string" || typeof node !== "string" || typeof data !== "string") return undefined;
  return { session, node, data };
}

function isBinary(request: IncomingMessage): boolean {
  return request.headers["content-type"]?.startsWith("application/octet-stream") ?? false;
}

function sendRejection(
  request: IncomingMessage,
  response: ServerResponse,
  { status, message, headers }: Rejection,
  cors: Readonly<Record<string, string>>,
): void {
  // A body that nobody asked for is read and dropped, so that the connection can go on.
  request.resume();
  if (isGone(response) || response.headersSent) return;
  const text = `${message}\n`;
  // RFC 9113 §8.2.2: HTTP/2 has no Connection.
  const ends = status === 413 && request.httpVersionMajor < 2;
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
    ...(ends && { Connection: "close" }),
    ...headers,
    ...cors,
  });
  response.end(text);
}
