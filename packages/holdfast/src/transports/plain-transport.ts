/**
 * `GET /channels/{channel}/events`: one channel as a streaming response, for clients without an SDK. The transport issues the
 * commands on their behalf: until the response has begun, the outcome is an HTTP status; from then on it is the channel's
 * publications as JSON objects, one an event (WHATWG HTML §9.2) or one a line, and notices.
 */
import type { ServerResponse } from "node:http";
import type { Encoding } from "../channels/batches.js";
import { type HttpExchange, tokenOf } from "../requests/exchange.js";
import type { HeaderFields } from "../requests/origins.js";
import { challengeFor, type HttpRefusal, refuse, retryAfter, statusOf } from "../requests/refusals.js";
import { readResume } from "../requests/resume.js";
import { paramsFor } from "../sessions/connecting.js";
import type { SessionRegistry } from "../sessions/registry.js";
import type { Encoded, Encoder } from "../wire/codec.js";
import { type Disconnect, disconnectTable, errorTable, type ReplyError } from "../wire/codes.js";
import {
  type ClientInfo,
  formatPosition,
  type MapPhase,
  type MapType,
  type Position,
  type Publication,
  type Push,
  type Reply,
  type RequestOf,
  type SubscribeParams,
  type SubscribeResult,
} from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import { type JsonText, payloadText } from "../wire/payload.js";
import type { Admission, AdmittedConnection, Peer } from "./admission.js";
import { OneWayTransport, type StreamSession, type StreamTimes } from "./stream-transport.js";

export interface PlainListenerOptions {
  readonly handler: SessionRegistry;
  readonly admission: Admission;
  readonly times: StreamTimes;
  /** Undefined if the channel is not a map, or unknown. */
  readonly mapTypeOf: (channel: string) => MapType | undefined;
  /** From 0 to below 1; spreads reconnects. */
  readonly random: () => number;
}

const minRetryMs = 1000;

export class PlainListener {
  readonly #options: PlainListenerOptions;
  readonly #onGone = (transport: AdmittedConnection) => this.#options.admission.leave(transport);

  constructor(options: PlainListenerOptions) {
    this.#options = options;
  }

  answer(channel: string, exchange: HttpExchange): void {
    exchange.request.resume();
    const { admitted } = exchange;
    const asked = this.#read(channel, exchange);
    if ("status" in asked) {
      exchange.refuse(asked);
      return;
    }
    const format = chooseFormat(admitted.request.headers.accept);
    if (format === undefined) {
      exchange.refuse(refuse(406, "Accept must include text/event-stream or application/x-ndjson."));
      return;
    }
    const refusal = this.#options.admission.findRefusal(admitted);
    if (refusal) exchange.refuse(refusal);
    else this.#open(exchange, asked, format);
  }

  #open({ response, admitted, headers }: HttpExchange, asked: PlainRequest, format: PlainFormat): void {
    const { admission, handler, times, random } = this.#options;
    const peer = admission.enter(admitted);
    const retryMs = Math.round(minRetryMs * (1 + random()));
    const transport = new PlainTransport(
      response,
      format,
      { asked, peer, headers, retryMs },
      times,
      this.#onGone,
    );
    const session = handler.open(transport);
    admission.add(transport, session);
    transport.start(session);
  }

  #read(channel: string, { admitted: { request }, query }: HttpExchange): PlainRequest | HttpRefusal {
    const fault = findChannelNameFault(channel);
    if (fault !== undefined) return refuse(400, `Invalid channel in the path: ${fault}.`);
    const resume = readResume(request, []);
    if (typeof resume === "string") return refuse(400, `${resume}.`);
    return {
      channel,
      since: resume.since,
      token: tokenOf(request),
      channelToken: query.get("channel_token") || undefined,
      mapTypeOf: this.#options.mapTypeOf,
    };
  }
}

/** RFC 9110 §12.5.1, without weights: lines for clients that ask for them, events for all others that accept these. */
function chooseFormat(accept: string | undefined): PlainFormat | undefined {
  const types = (accept ?? "*/*").split(",").map((type) => type.split(";", 1)[0]?.trim().toLowerCase());
  if (types.includes("text/event-stream")) return plainEvents;
  if (types.includes("application/x-ndjson") || types.includes("application/*")) return plainLines;
  return types.includes("*/*") || types.includes("text/*") ? plainEvents : undefined;
}

/** What a client asks for. */
export interface PlainRequest {
  readonly channel: string;
  /** The position it has read to; undefined to start at the head. */
  readonly since: Position | undefined;
  readonly token: string | undefined;
  /** A token for the channel. */
  readonly channelToken: string | undefined;
  /**
   * Undefined if the channel is not a map. Called only once the client is authenticated, since it matches a name that the
   * client chose against patterns.
   */
  readonly mapTypeOf: (channel: string) => MapType | undefined;
}

export interface PlainOpening {
  readonly asked: PlainRequest;
  readonly peer: Peer;
  /** Of every answer. */
  readonly headers: HeaderFields;
  /** How long the client should wait before it reconnects. */
  readonly retryMs: number;
}

/** For refusals that do not say how long to wait. */
const refusedRetryMs = 5000;

export class PlainTransport extends OneWayTransport {
  readonly onlyChannel: string;
  readonly #format: PlainFormat;
  readonly #opening: PlainOpening;
  #asked: PlainRequest;
  #commands = 0;
  #isConnected = false;
  #hasPrologue = false;

  /** @param onGone called once the response has ended */
  constructor(
    response: ServerResponse,
    format: PlainFormat,
    opening: PlainOpening,
    times: StreamTimes,
    onGone: (transport: AdmittedConnection) => void,
  ) {
    super(response, format, opening.peer, times, onGone);
    this.onlyChannel = opening.asked.channel;
    this.#format = format;
    this.#opening = opening;
    this.#asked = opening.asked;
  }

  start(session: StreamSession): void {
    this.session = session;
    session.execute(connectCommand(++this.#commands, this.#asked), (reply) => this.#takeReply(reply));
  }

  /** Without its subscription the stream has nothing more to say. */
  translate(push: Push): string | undefined {
    if (push.kind !== "unsubscribe") return this.encoding.codec.encodePush(push) as string;
    this.session?.close(push);
    return undefined;
  }

  override close({ code, reason }: Disconnect): void {
    this.release();
    if (this.isBegun) this.endWith(Buffer.from(this.#format.write("error", errorText(code, reason))));
    else this.#refuseWith(code, reason);
  }

  /** Once the session is done with the reply to the command before. */
  #subscribeSoon(params: SubscribeParams): void {
    setImmediate(() =>
      this.session?.execute({ id: ++this.#commands, method: "subscribe", params }, (reply) =>
        this.#takeReply(reply),
      ),
    );
  }

  #takeReply(reply: Reply): string | undefined {
    if ("error" in reply) return this.#takeError(reply.error);
    if (reply.method === "subscribe") return this.#takeSubscription(reply.result);
    if (reply.method !== "connect") return undefined;
    this.#isConnected = true;
    const granted = reply.result.subs?.get(this.onlyChannel);
    if (granted) return this.#takeSubscription(granted);
    this.#subscribeSoon(subscribeParams(this.#asked));
    return undefined;
  }

  #takeError(error: ReplyError): undefined {
    const isGone = error.code === errorTable.unrecoverablePosition.code && this.#asked.since !== undefined;
    if (isGone && !this.isBegun) {
      // The position of a map is gone: its state is read again, after a notice of it.
      this.#asked = { ...this.#asked, since: undefined };
      this.#subscribeSoon(subscribeParams(this.#asked));
      return;
    }
    const { session } = this;
    this.close({ code: error.code, reason: error.message });
    session?.closed();
  }

  #takeSubscription(result: SubscribeResult): string {
    const text = this.#withPrologue(this.#begin(result) + this.#entriesOf(result));
    const next = nextParams(this.#asked, result);
    if (next !== undefined) this.#subscribeSoon(next);
    return text;
  }

  /** @returns the first notice, at the first step */
  #begin(result: SubscribeResult): string {
    if (this.isBegun) return "";
    this.begin({ "Content-Type": this.#format.contentType, ...this.#opening.headers });
    const isResuming = this.#opening.asked.since !== undefined;
    if (isResuming && !this.#isResumed(result)) return this.#positionNotice("lost", result, false);
    // The position of a map comes with its last step.
    return result.map ? "" : this.#positionNotice("position", result, isResuming || undefined);
  }

  /** The first page of a map may be empty. */
  #withPrologue(text: string): string {
    if (text === "" || this.#hasPrologue) return text;
    this.#hasPrologue = true;
    return this.#format.prologue(this.#opening.retryMs) + text;
  }

  #isResumed({ recovered, map }: SubscribeResult): boolean {
    return recovered || (map?.phase === "stream" && this.#asked.since !== undefined);
  }

  #positionNotice(
    name: "position" | "lost",
    { positioned, position }: SubscribeResult,
    recovered: boolean | undefined,
  ): string {
    const data = JSON.stringify({ recovered, ...(positioned && position) });
    // Nobody can resume from a map that is not read completely.
    return this.#format.write(name, data, positioned ? position : undefined);
  }

  #entriesOf(result: SubscribeResult): string {
    const { map, publications, position } = result;
    const { write } = this.#format;
    const { codec } = this.encoding;
    const state = (map?.state ?? []).map((each) => write("state", publicationText(each, position.epoch)));
    const changes = publications.map((publication) =>
      codec.encodePush({ kind: "pub", channel: this.onlyChannel, publication, epoch: position.epoch }),
    );
    const isComplete = map?.phase === "live";
    const end = isComplete ? this.#positionNotice("position", result, result.recovered || undefined) : "";
    return [...state, ...changes, end].join("");
  }

  #refuseWith(code: number, message: string): void {
    // A client without credentials is asked for some.
    const isUnknown = code === disconnectTable.badRequest.code && !this.#isConnected;
    const status = isUnknown && this.#asked.token === undefined ? 401 : statusOf(code);
    const headers = {
      ...challengeFor(status),
      ...((status === 429 || status === 503) && retryAfter(refusedRetryMs)),
    };
    this.refuse({ status, error: { code, message, isTemporary: false }, headers }, this.#opening.headers);
  }
}

/** With the position, in case the server subscribes the client to the channel by itself. */
function connectCommand(id: number, { channel, since, token }: PlainRequest): RequestOf<"connect"> {
  const subs = since && new Map([[channel, { recover: true, ...since }]]);
  return { id, method: "connect", params: { ...(token !== undefined && { token }), ...(subs && { subs }) } };
}

function subscribeParams(request: PlainRequest): SubscribeParams {
  const { channel, since, channelToken, mapTypeOf } = request;
  const type = mapTypeOf(channel);
  return {
    ...paramsFor(channel, since && { recover: true, ...since }),
    positioned: false,
    ...(channelToken !== undefined && { token: channelToken }),
    ...(type && { map: mapStep(type, since ? "stream" : "state") }),
  };
}

/** The next step towards a live map. @returns undefined if it is live */
function nextParams(
  request: PlainRequest,
  { map, position }: Pick<SubscribeResult, "map" | "position">,
): SubscribeParams | undefined {
  if (map === undefined || map.phase === "live") return undefined;
  const params = subscribeParams(request);
  const step = mapStep(params.map?.type ?? "keys", map.cursor === undefined ? "stream" : "state", map.cursor);
  return { ...params, ...position, map: step };
}

function mapStep(type: MapType, phase: MapPhase, cursor?: string): SubscribeParams["map"] & object {
  return { type, phase, limit: 0, isAscending: false, ...(cursor !== undefined && { cursor }) };
}

type NoticeName = "position" | "lost" | "state" | "join" | "leave" | "direct" | "error";

interface PlainFormat {
  readonly name: string;
  readonly contentType: string;
  readonly encoding: Encoding;
  /** @param name of a notice; undefined for a publication @param position to resume from */
  write(name: NoticeName | undefined, data: JsonText, position?: Position): string;
  readonly keepalive: string;
  /** What the first event begins with. @param retryMs how long a client should wait before it reconnects */
  prologue(retryMs: number): string;
}

export const plainEvents: PlainFormat = createFormat({
  name: "events",
  contentType: "text/event-stream",
  write(name, data, position) {
    const id = position === undefined ? "" : `id: ${formatPosition(position)}\n`;
    return `${id}${name === undefined ? "" : `event: ${name}\n`}data: ${data}\n\n`;
  },
  // No empty line follows: some readers take it for the end of an event. So these belong to the next event.
  keepalive: ": keepalive\n",
  prologue: (retryMs) => `retry: ${retryMs}\n`,
});

export const plainLines: PlainFormat = createFormat({
  name: "ndjson",
  contentType: "application/x-ndjson",
  write: (name, data) => (name === undefined ? `${data}\n` : `{"${name}":${data}}\n`),
  keepalive: '{"keepalive":{}}\n',
  prologue: () => "",
});

/** `{offset, epoch, data, key, removed, score, tags, info, time}`, without absent fields. */
export function publicationText(publication: Publication, epoch: string): JsonText {
  const { offset, data, key, isRemoved, score, tags, info, time } = publication;
  const fields: string[] = [];
  if (offset > 0) fields.push(`"offset":${offset},"epoch":${JSON.stringify(epoch)}`);
  if (key !== undefined) fields.push(`"key":${JSON.stringify(key)}`);
  fields.push(isRemoved ? '"removed":true' : `"data":${payloadText(data)}`);
  if (score !== undefined) fields.push(`"score":${score}`);
  if (tags && Object.keys(tags).length > 0) fields.push(`"tags":${JSON.stringify(tags)}`);
  if (info) fields.push(`"info":${infoText(info)}`);
  fields.push(`"time":${time}`);
  return `{${fields.join(",")}}`;
}

function createFormat(parts: Omit<PlainFormat, "encoding">): PlainFormat {
  const codec: Encoder = Object.freeze({
    name: `plain ${parts.name}`,
    encodePush: (push: Push) => pushText(push, parts.write),
    encodePing: () => parts.keepalive,
    join: (messages: readonly Encoded[]) => messages.join(""),
  });
  const encoding = Object.freeze({ codec, frame: (payload: Encoded) => Buffer.from(payload as string) });
  return Object.freeze({ ...parts, encoding });
}

function pushText(push: Push, write: PlainFormat["write"]): string {
  switch (push.kind) {
    case "pub": {
      const { publication, epoch } = push;
      const { offset } = publication;
      return write(
        undefined,
        publicationText(publication, epoch),
        offset > 0 ? { epoch, offset } : undefined,
      );
    }
    case "join":
    case "leave":
      return write(push.kind, infoText(push.info));
    case "message":
      return write("direct", payloadText(push.data));
    case "unsubscribe":
    case "disconnect":
      return write("error", errorText(push.code, push.reason));
    case "connect":
    case "subscribe":
      return "";
  }
}

function errorText(code: number, message: string): JsonText {
  return JSON.stringify({ code, message });
}

function infoText({ user, client, connInfo, chanInfo }: ClientInfo): JsonText {
  let fields = `"user":${JSON.stringify(user)},"client":${JSON.stringify(client)}`;
  if (connInfo !== undefined) fields += `,"conn_info":${connInfo}`;
  if (chanInfo !== undefined) fields += `,"chan_info":${chanInfo}`;
  return `{${fields}}`;
}
