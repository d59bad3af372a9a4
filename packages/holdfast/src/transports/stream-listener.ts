/**
 * Requests of SDKs that cannot open a WebSocket: streaming responses, as lines (`http_stream`) or events (`sse`), for clients
 * that send commands (`emulation`) and for those that only read. Commands come in requests of their own, which name the session by an id
 * that nobody can guess.
 */
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Encoding } from "../channels/batches.js";
import type { Cluster, EmulationResult } from "../channels/cluster.js";
import { PeerCounts } from "../requests/addresses.js";
import { type HttpExchange, parseJsonObject } from "../requests/exchange.js";
import type { HeaderFields } from "../requests/origins.js";
import { type HttpRefusal, refuse, retryAfter } from "../requests/refusals.js";
import { findMisplacedResume } from "../requests/resume.js";
import type { SessionRegistry } from "../sessions/registry.js";
import type { Emulation } from "../sessions/transport.js";
import type { Codec, CommandEnvelope, Encoded, Encoder } from "../wire/codec.js";
import { codecForContentType, codecs, defaultCodec } from "../wire/codecs.js";
import type { Admission, AdmittedConnection, Peer } from "./admission.js";
import {
  OneWaySdkTransport,
  type StreamFormat,
  type StreamSession,
  type StreamTimes,
  StreamTransport,
  toConnectCommand,
} from "./stream-transport.js";

export interface StreamListenerOptions {
  readonly handler: SessionRegistry;
  readonly admission: Admission;
  readonly times: StreamTimes;
  /** This node's id. */
  readonly node: string;
  /** Reaches sessions of other nodes. */
  readonly cluster: Pick<Cluster, "send">;
  /** Between pings, for clients that only read. */
  readonly pingSeconds: number;
  readonly maxBodyBytes: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Formats of one codec; one object each, so that readers of a channel share bytes. */
interface Formats {
  readonly httpStream: StreamFormat<Codec>;
  readonly oneWayHttpStream: StreamFormat;
  /** Undefined for binary codecs: events are text. */
  readonly sse: StreamFormat<Codec> | undefined;
  readonly oneWaySse: StreamFormat | undefined;
}

const formats: ReadonlyMap<Codec, Formats> = new Map(codecs.map((codec) => [codec, createFormats(codec)]));

function createFormats(codec: Codec): Formats {
  const { contentType, isBinary, oneWay } = codec;
  const events = "text/event-stream";
  return {
    httpStream: { name: "http_stream", encoding: createLineEncoding(codec), contentType },
    oneWayHttpStream: { name: "uni_http_stream", encoding: createLineEncoding(oneWay), contentType },
    sse: isBinary
      ? undefined
      : { name: "sse", encoding: createEventEncoding(codec), contentType: events, prologue: "\r\n" },
    // A comment without an empty line after it: some readers take every empty line for the end of an event.
    oneWaySse: isBinary
      ? undefined
      : { name: "uni_sse", encoding: createEventEncoding(oneWay), contentType: events, prologue: ":\n" },
  };
}

/** 192 random bits: whoever knows the id can send commands for the session. */
const sessionIdBytes = 24;

/** Opens a session, or says why not. @param input what the client sent; undefined for nothing */
type Open = (exchange: HttpExchange, codec: Codec, input: Encoded | undefined) => HttpRefusal | undefined;

export class StreamListener {
  readonly #options: StreamListenerOptions;
  readonly #openings: Readonly<Record<keyof Formats, Open>>;
  /** By session id. */
  readonly #transports = new Map<string, EmulatedTransport>();
  /** Requests whose commands wait for other nodes, by address. */
  readonly #forwarded = new PeerCounts();
  #numForwarded = 0;
  /** One function for all connections, since each keeps it. */
  readonly #onGone = (transport: AdmittedConnection) => {
    if (transport instanceof EmulatedTransport) this.#transports.delete(transport.emulation.session);
    this.#options.admission.leave(transport);
  };

  constructor(options: StreamListenerOptions) {
    this.#options = options;
    this.#openings = {
      httpStream: (...opening) => this.#openEmulated("httpStream", ...opening),
      sse: (...opening) => this.#openEmulated("sse", ...opening),
      oneWayHttpStream: (...opening) => this.#openOneWay("oneWayHttpStream", ...opening),
      oneWaySse: (...opening) => this.#openOneWay("oneWaySse", ...opening),
    };
  }

  /** Sessions that commands may name. */
  get sessions(): number {
    return this.#transports.size;
  }

  /**
   * - `httpStream`: `POST` with the connect command as body.
   * - `sse`: the same, or `GET` with it as `cf_connect`.
   * - `oneWayHttpStream`, `oneWaySse`: likewise with the parameters of the connect command, which a GET may leave out.
   * - `emulation`: `POST` of `{session, node, data}`, where `data` is commands.
   */
  answer(route: keyof Formats | "emulation", exchange: HttpExchange): void {
    const answered =
      route === "emulation"
        ? this.#takeCommands(exchange)
        : this.#answerOpening(exchange, this.#openings[route]);
    answered.then(
      (refusal) => refusal && exchange.refuse(refusal),
      (error: unknown) => {
        this.#options.onError(error, { stage: `answering ${exchange.request.url}` });
        exchange.refuse(refuse(500, "Internal server error."));
      },
    );
  }

  async #answerOpening(exchange: HttpExchange, open: Open): Promise<HttpRefusal | undefined> {
    const { admission } = this.#options;
    const { admitted, method, query } = exchange;
    const misplaced = findMisplacedResume(admitted.request);
    if (misplaced !== undefined) return refuse(400, `${misplaced}.`);
    const refusal = admission.findRefusal(admitted);
    if (refusal) return refusal;
    const codec = method === "GET" ? defaultCodec : codecOfBody(exchange);
    const isGet = method === "GET";
    const input = isGet ? query.get("cf_connect") || undefined : await this.#readBody(exchange, codec);
    if (isRefusal(input)) return input;
    if (exchange.isClosed || (!isGet && input === undefined)) return undefined;
    return admission.findLateRefusal() ?? open(exchange, codec, input);
  }

  #openEmulated(
    route: "httpStream" | "sse",
    { method, response, admitted, headers }: HttpExchange,
    codec: Codec,
    commands: Encoded | undefined,
  ): HttpRefusal | undefined {
    const format = formats.get(codec)?.[route];
    if (format === undefined) return textOnly();
    // Links and images send GETs, so a GET may only connect.
    if (commands === undefined || (method === "GET" && !isConnectAlone(commands)))
      return refuse(
        400,
        'The parameter cf_connect must be one connect command, such as {"id":1,"connect":{}}, and nothing else.',
      );
    const { admission, handler, times, node } = this.#options;
    const session = randomBytes(sessionIdBytes).toString("base64url");
    const opening = { peer: admission.enter(admitted), emulation: { session, node } };
    const transport = new EmulatedTransport(response, format, opening, times, this.#onGone);
    const opened = handler.open(transport);
    admission.add(transport, opened);
    this.#transports.set(session, transport);
    transport.start(opened, commands, headers);
    return undefined;
  }

  #openOneWay(
    route: "oneWayHttpStream" | "oneWaySse",
    { response, admitted, headers }: HttpExchange,
    codec: Codec,
    input: Encoded | undefined,
  ): HttpRefusal | undefined {
    const format = formats.get(codec)?.[route];
    if (format === undefined) return textOnly();
    if (typeof input === "string" && parseJsonObject(input) === undefined)
      return refuse(
        400,
        'The connect parameters must be a JSON object, such as {"token":"…"}; see the connect command.',
      );
    const { admission, handler, times, pingSeconds } = this.#options;
    const peer = admission.enter(admitted);
    const transport = new OneWaySdkTransport(response, format, peer, times, this.#onGone);
    const session = handler.open(transport);
    admission.add(transport, session);
    const connect = toConnectCommand(input === undefined ? {} : codec.decodeConnect(input));
    const inputLength = input?.length ?? 0;
    transport.start(session, format, connect, { headers, pingSeconds, inputLength });
    return undefined;
  }

  /** @returns undefined if the client has gone */
  async #readBody(exchange: HttpExchange, { isBinary }: Codec): Promise<Encoded | HttpRefusal | undefined> {
    const { maxBodyBytes } = this.#options;
    const body = isBinary ? await exchange.readBytes(maxBodyBytes) : await exchange.readText(maxBodyBytes);
    const isEmpty =
      typeof body === "string" ? body.trim() === "" : Buffer.isBuffer(body) && body.length === 0;
    return isEmpty ? refuse(400, 'The body must be a connect command, such as {"id":1,"connect":{}}.') : body;
  }

  /** Hands over commands that another node has received. Does not wait for the session, but only so many may wait. */
  emulate(session: string, commands: Encoded): EmulationResult {
    const taken = this.#transports.get(session)?.deliver(commands);
    return taken === "full" ? "full" : "taken";
  }

  /** A session that has ended is answered like one that never was: its client learns it by the end of its response. */
  async #take(session: string, commands: Encoded): Promise<HttpRefusal | undefined> {
    const taken = this.#transports.get(session)?.deliver(commands);
    if (taken === "full") return tooMany;
    await taken;
    return undefined;
  }

  /** Nobody knows yet whether there is such a session, so those who ask for many wait for few. */
  async #forward(
    { admitted }: HttpExchange,
    { session, node, data }: CommandEnvelope,
  ): Promise<HttpRefusal | undefined> {
    const key = this.#options.admission.keyOf(admitted);
    if (this.#numForwarded >= maxForwarded || this.#forwarded.countOf(key) >= maxForwardedOfAddress)
      return tooManyForwarded;
    const place = key === "" ? undefined : this.#forwarded.enter(key);
    this.#numForwarded++;
    try {
      return await this.#send(session, node, data);
    } finally {
      this.#forwarded.leave(place);
      this.#numForwarded--;
    }
  }

  async #send(session: string, node: string, data: Encoded): Promise<HttpRefusal | undefined> {
    const { outcomes } = await this.#options.cluster.send({ kind: "emulate", session, data }, node);
    const outcome = outcomes.get(node);
    if (outcome === undefined)
      return refuse(404, `There is no node ${JSON.stringify(node)}, or it does not answer.`);
    return outcome.data === "full" ? tooMany : undefined;
  }

  async #takeCommands(exchange: HttpExchange): Promise<HttpRefusal | undefined> {
    const codec = codecOfBody(exchange);
    const body = await this.#readBody(exchange, codec);
    if (body === undefined || isRefusal(body)) return body;
    const envelope = codec.decodeEnvelope(body);
    if (envelope === undefined)
      return refuse(400, `The body must be ${codec.contentType} with the fields session, node and data.`);
    const { session, node, data } = envelope;
    const refusal =
      node === this.#options.node ? await this.#take(session, data) : await this.#forward(exchange, envelope);
    if (refusal) return refusal;
    if (exchange.isClosed) return undefined;
    exchange.response.writeHead(204, exchange.headers);
    exchange.response.end();
    return undefined;
  }
}

/** Commands that wait for other nodes, which take seconds to answer if they are stopped. Others need the same room (node-cluster.ts). */
const maxForwarded = 5000;
const maxForwardedOfAddress = 100;

const tooManyForwarded = refuse(
  503,
  "Too many commands for sessions of other nodes are waiting.",
  retryAfter(1000),
);
const tooMany = refuse(429, "Too many commands of this session are waiting.", retryAfter(1000));

function codecOfBody({ request }: HttpExchange): Codec {
  return codecForContentType(request.headers["content-type"]);
}

function textOnly(): HttpRefusal {
  const types = codecs.filter(({ isBinary }) => !isBinary).map(({ contentType }) => contentType);
  return refuse(
    415,
    `Events are text: send ${types.join(" or ")} here, or use http_stream, which carries bytes, too.`,
  );
}

function isRefusal(input: Encoded | HttpRefusal | undefined): input is HttpRefusal {
  return typeof input === "object" && "status" in input;
}

/** Whether the input is the text of a connect command and nothing else. */
function isConnectAlone(input: Encoded): boolean {
  if (typeof input !== "string") return false;
  const command = input.trim();
  // Each line is a command of its own.
  const fields = command.includes("\n") ? undefined : parseJsonObject(command);
  if (fields === undefined || !Object.hasOwn(fields, "connect")) return false;
  return Object.keys(fields).every((name) => name === "id" || name === "connect");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: everything beyond ASCII
const beyondAscii = /[^\x00-\x7f]/g;

/**
 * One message a line; binary codecs delimit messages themselves. In JSON, characters beyond ASCII occur only in strings, where
 * they are escaped: some clients decode each chunk by itself, and networks split chunks anywhere.
 */
export function createLineEncoding<E extends Encoder>(codec: E): Encoding<E> {
  const frame = (message: Encoded) =>
    typeof message === "string" ? Buffer.from(`${message.replace(beyondAscii, escapeCharacter)}\n`) : message;
  return Object.freeze({ codec, frame });
}

/** One message an event, in the format `text/event-stream` (WHATWG HTML §9.2.5). JSON has no raw line breaks. */
export function createEventEncoding<E extends Encoder>(codec: E): Encoding<E> {
  const frame = (message: Encoded) =>
    Buffer.from(`data: ${(message as string).replaceAll("\n", "\n\ndata: ")}\n\n`);
  return Object.freeze({ codec, frame });
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Requests with commands that may wait while the session's input is paused. */
const maxWaitingRequests = 256;

export class EmulatedTransport extends StreamTransport {
  readonly codec: Codec;
  readonly emulation: Emulation;
  readonly #format: StreamFormat<Codec>;
  #isPaused = false;
  #waiting: { readonly commands: Encoded; readonly onTaken: () => void }[] = [];

  /** @param onGone called once the response has ended */
  constructor(
    response: ServerResponse,
    format: StreamFormat<Codec>,
    opening: { readonly peer: Peer; readonly emulation: Emulation },
    times: StreamTimes,
    onGone: (transport: AdmittedConnection) => void,
  ) {
    super(response, format, opening.peer, times, onGone);
    this.codec = format.encoding.codec;
    this.emulation = opening.emulation;
    this.#format = format;
  }

  /** Sends the head at once: clients wait only a few seconds for it, and authentication may take longer. */
  start(session: StreamSession, commands: Encoded, headers: HeaderFields): void {
    const { contentType, prologue } = this.#format;
    this.session = session;
    this.begin({ "Content-Type": contentType, ...headers });
    if (prologue !== undefined) this.write([Buffer.from(prologue)]);
    session.receive(commands);
  }

  /**
   * Hands over commands of another request, in the order of calls.
   * @returns resolves when the session has taken them, or is over; "full" if too many wait
   */
  deliver(commands: Encoded): Promise<void> | "full" {
    if (this.session === undefined) return Promise.resolve();
    if (this.#waiting.length >= maxWaitingRequests) return "full";
    return new Promise((onTaken) => {
      this.#waiting.push({ commands, onTaken });
      this.#deliverWaiting();
    });
  }

  pauseReading(): void {
    this.#isPaused = true;
  }

  resumeReading(): void {
    this.#isPaused = false;
    this.#deliverWaiting();
  }

  /** Requests whose commands still wait are answered: their client learns the end of the session by its response. */
  protected override release(): void {
    super.release();
    for (const { onTaken } of this.#waiting.splice(0)) onTaken();
  }

  #deliverWaiting(): void {
    while (!this.#isPaused && this.session !== undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.session.receive(next.commands);
      next.onTaken();
    }
  }
}
