/**
 * The requests of SDKs that can open no WebSocket: responses that go on, as lines (`http_stream`) or events (`sse`), and
 * requests with commands for them (`emulation`).
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type HttpRefusal, refuse } from "../requests/refusals.js";
import type { HttpExchange } from "../requests/request-policy.js";
import { findMisplacedResume } from "../requests/resume.js";
import type { Handler } from "../sessions/registry.js";
import { consumedBodyAdvice, readBody } from "../sockets/request-body.js";
import type { Codec } from "../wire/codec.js";
import { wholeText } from "../wire/payload.js";
import type { Admission, Admitted } from "./admission.js";
import { EmulatedTransport, type StreamFormat } from "./emulated-transport.js";
import { OneWaySdkTransport } from "./one-way-sdk-transport.js";
import { eventEncoding, lineEncoding, oneWayEventEncoding, oneWayLineEncoding } from "./stream-encodings.js";
import {
  isBinary,
  isConnectAlone,
  parseObject,
  readConnectQuery,
  readEnvelope,
  sendFault,
} from "./stream-requests.js";
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

const lines: StreamFormat<Codec> = {
  name: "http_stream",
  encoding: lineEncoding,
  contentType: "application/json",
};
const events: StreamFormat<Codec> = {
  name: "sse",
  encoding: eventEncoding,
  contentType: "text/event-stream",
  prologue: "\r\n",
};

/** For clients that only read. */
const oneWayLines: StreamFormat = { ...lines, encoding: oneWayLineEncoding };
const oneWayEvents: StreamFormat = {
  ...events,
  encoding: oneWayEventEncoding,
  // A comment without an empty line behind it: some readers take every empty line for the end of an event.
  prologue: ":\n",
};

/** 192 random bits: who knows it can speak for the session's client. */
const sessionIdBytes = 24;

/** Opens a session, or says why not. @param text what the client has sent to begin with; undefined for nothing */
type Start = (exchange: HttpExchange, text: string | undefined) => HttpRefusal | undefined;

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
  httpStream(exchange: HttpExchange): void {
    this.#answerOpening(exchange, this.#startEmulated(lines));
  }

  /** `GET` with the connect command as `cf_connect`, or `POST` with it as body. */
  sse(exchange: HttpExchange): void {
    this.#answerOpening(exchange, this.#startEmulated(events));
  }

  /** For clients that only read: `POST` with the parameters of the connect command as body. */
  oneWayHttpStream(exchange: HttpExchange): void {
    this.#answerOpening(exchange, this.#startOneWay(oneWayLines));
  }

  /** The same, or `GET` with them as `cf_connect`, if at all. */
  oneWaySse(exchange: HttpExchange): void {
    this.#answerOpening(exchange, this.#startOneWay(oneWayEvents));
  }

  /** `POST` of `{session, node, data}`, where `data` is a text of commands. */
  emulation(exchange: HttpExchange): void {
    this.#answer(exchange, () => this.#takeCommands(exchange));
  }

  #answer(exchange: HttpExchange, run: () => Promise<HttpRefusal | undefined>): void {
    run().then(
      (fault) => fault && sendFault(exchange, fault),
      (error: unknown) => {
        this.#options.onError(error, { stage: `answering ${exchange.request.url}` });
        sendFault(exchange, refuse(500, "Something went wrong here."));
      },
    );
  }

  #answerOpening(exchange: HttpExchange, start: Start): void {
    this.#answer(exchange, async () => {
      const { admission } = this.#options;
      const { request, response, admitted } = exchange;
      const misplaced = findMisplacedResume(admitted.request);
      if (misplaced !== undefined) return refuse(400, `${misplaced}.`);
      const refusal = admission.findRefusal(admitted);
      if (refusal) return refusal;
      const text =
        request.method === "GET" ? readConnectQuery(admitted.request.url) : await this.#readCommands(request);
      if (typeof text === "object") return text;
      if (isGone(response)) return undefined;
      return admission.findLateRefusal() ?? start(exchange, text);
    });
  }

  #startEmulated(format: StreamFormat<Codec>): Start {
    return ({ request, response, admitted }, commands) => {
      // Links and images send GETs, so that these may change nothing.
      if (commands === undefined || (request.method === "GET" && !isConnectAlone(commands)))
        return refuse(
          400,
          'The parameter cf_connect must be one connect command, such as {"id":1,"connect":{}}, and nothing else.',
        );
      const { admission, handler, times, node } = this.#options;
      const emulation = { session: randomBytes(sessionIdBytes).toString("base64url"), node };
      const from = { peer: admission.enter(admitted), emulation };
      const transport = new EmulatedTransport(response, format, from, times, this.#onGone);
      admission.add(transport);
      this.#transports.set(emulation.session, transport);
      transport.start(handler.open(transport), commands, admitted.cors);
      return undefined;
    };
  }

  #startOneWay(format: StreamFormat): Start {
    return ({ response, admitted }, text) => {
      if (text !== undefined && parseObject(text) === undefined)
        return refuse(400, 'A JSON object with what connect takes must be here, such as {"token":"…"}.');
      const { admission, handler, times, pingSeconds } = this.#options;
      const { cors } = admitted;
      const from = { peer: admission.enter(admitted), cors };
      const leave = (gone: Admitted) => admission.leave(gone);
      const transport = new OneWaySdkTransport(response, format.encoding, from, times, leave);
      admission.add(transport);
      const connect = text === undefined ? "{}" : wholeText(text);
      transport.start(handler.open(transport), format, { connect, cors, pingSeconds });
      return undefined;
    };
  }

  async #readCommands(request: IncomingMessage): Promise<string | HttpRefusal> {
    if (isBinary(request)) return refuse(415, "Only JSON is spoken here, not Protobuf.");
    const { maxBodyBytes } = this.#options;
    const body = await readBody(request, maxBodyBytes);
    // Nobody is there to read this.
    if (body === "aborted") return refuse(400, "The request ended early.");
    if (body === "large") return refuse(413, `A body may have ${maxBodyBytes} bytes.`);
    if (body === "consumed") return refuse(500, consumedBodyAdvice);
    if (body.text.trim() === "")
      return refuse(400, 'The body must be a connect command, such as {"id":1,"connect":{}}.');
    return body.text;
  }

  async #takeCommands({ request, response, admitted }: HttpExchange): Promise<HttpRefusal | undefined> {
    const { node } = this.#options;
    const text = await this.#readCommands(request);
    if (typeof text !== "string") return text;
    const envelope = readEnvelope(text);
    if (envelope === undefined)
      return refuse(400, "The body must be a JSON object with the texts session, node and data.");
    if (envelope.node !== node) return refuse(404, "There is no such node here.");
    // A session that is over is as one that never was: its client learns it by the end of its response.
    const taken = this.#transports.get(envelope.session)?.deliver(envelope.data) ?? Promise.resolve();
    if (taken === "full")
      return refuse(429, "Too many commands of the session wait.", { "Retry-After": "1" });
    await taken;
    if (isGone(response)) return undefined;
    response.writeHead(204, admitted.cors);
    response.end();
    return undefined;
  }
}
