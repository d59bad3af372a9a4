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
import { wholeText } from "../wire/raw-json.js";
import type { Admission, Admitted, Peer } from "./admission.js";
import { answerPreflight, corsHeaders } from "./cors.js";
import { EmulatedTransport, type StreamFormat } from "./emulated-transport.js";
import { OneWaySdkTransport } from "./one-way-sdk-transport.js";
import { eventEncoding, lineEncoding, oneWayEventEncoding, oneWayLineEncoding } from "./stream-encodings.js";
import { isBinary, parseObject, readEnvelope, readQuery, sendRejection } from "./stream-requests.js";
import { isGone, type StreamTimes } from "./stream-response.js";

export interface StreamListenerOptions {
  readonly handler: Handler;
  readonly admission: Admission;
  readonly times: StreamTimes;
  /** This server, among those that share the work. */
  readonly node: string;
  /** Between pings, for clients that only read. */
  readonly pingSeconds: number;
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

/** For clients that only read. */
const oneWayLines: StreamFormat = { ...lines, encoding: oneWayLineEncoding };
const oneWayEvents: StreamFormat = { ...events, encoding: oneWayEventEncoding };

/** 192 random bits: who knows it can speak for the session's client. */
const sessionIdBytes = 24;

/** Opens a session, or says why not. @param text what the client has sent to begin with; undefined for nothing */
type Start = (
  response: ServerResponse,
  opening: OpeningRequest,
  text: string | undefined,
  cors: Readonly<Record<string, string>>,
) => Rejection | undefined;

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
    this.#answerOpening(request, response, "POST, OPTIONS", this.#startEmulated(lines));
  }

  /** `GET` with the connect command as `cf_connect`, or `POST` with it as body. */
  sse(request: IncomingMessage, response: ServerResponse): void {
    this.#answerOpening(request, response, "GET, POST, OPTIONS", this.#startEmulated(events));
  }

  /** For clients that only read: `POST` with the parameters of the connect command as body. */
  oneWayHttpStream(request: IncomingMessage, response: ServerResponse): void {
    this.#answerOpening(request, response, "POST, OPTIONS", this.#startOneWay(oneWayLines));
  }

  /** The same, or `GET` with them as `cf_connect`, if at all. */
  oneWaySse(request: IncomingMessage, response: ServerResponse): void {
    this.#answerOpening(request, response, "GET, POST, OPTIONS", this.#startOneWay(oneWayEvents));
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

  #answerOpening(request: IncomingMessage, response: ServerResponse, methods: string, start: Start): void {
    this.#answer(request, response, methods, async (cors) => {
      const { admission } = this.#options;
      const opening = toOpeningRequest(request);
      const refusal = admission.findRefusal(opening);
      if (refusal) return refusal;
      const text = request.method === "GET" ? readQuery(opening) : await this.#readCommands(request);
      if (typeof text === "object") return text;
      if (isGone(response)) return undefined;
      return admission.findLateRefusal() ?? start(response, opening, text, cors);
    });
  }

  #startEmulated(format: StreamFormat): Start {
    return (response, opening, commands, cors) => {
      if (commands === undefined)
        return reject(
          400,
          'The parameter cf_connect must be a connect command, such as {"id":1,"connect":{}}.',
        );
      const { admission, handler, times, node } = this.#options;
      const emulation = { session: randomBytes(sessionIdBytes).toString("base64url"), node };
      const from = { ...this.#enter(opening), emulation };
      const transport = new EmulatedTransport(response, format, from, times, this.#onGone);
      admission.add(transport);
      this.#transports.set(emulation.session, transport);
      transport.start(handler.open(transport), commands, cors);
      return undefined;
    };
  }

  #startOneWay(format: StreamFormat): Start {
    return (response, opening, text, cors) => {
      if (text !== undefined && parseObject(text) === undefined)
        return reject(400, 'A JSON object with what connect takes must be here, such as {"token":"…"}.');
      const { admission, handler, times, pingSeconds } = this.#options;
      const from = { ...this.#enter(opening), cors };
      const leave = (gone: Admitted) => admission.leave(gone);
      const transport = new OneWaySdkTransport(response, format.encoding, from, times, leave);
      admission.add(transport);
      const connect = text === undefined ? "{}" : wholeText(text);
      transport.start(handler.open(transport), format, { connect, cors, pingSeconds });
      return undefined;
    };
  }

  #enter(opening: OpeningRequest): { readonly request: ConnectionRequest; readonly peer: Peer } {
    const peer = this.#options.admission.enter(opening);
    const { url, headers } = opening;
    const { address } = peer;
    return { peer, request: { headers: headers as ConnectionRequest["headers"], url, address } };
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
