/**
 * `GET /channels/{channel}/events`: one channel as a streaming response, for clients without an SDK. The transport issues the
 * commands on their behalf: until the response has begun, the outcome is an HTTP status; from then on it is the channel's
 * publications, and notices.
 */
import type { ServerResponse } from "node:http";
import { type HttpExchange, tokenOf } from "../requests/exchange.js";
import type { HeaderFields } from "../requests/origins.js";
import { challengeFor, type HttpRefusal, refuse, retryAfter, statusOf } from "../requests/refusals.js";
import { readResume } from "../requests/resume.js";
import { paramsFor } from "../sessions/connecting.js";
import type { SessionRegistry } from "../sessions/registry.js";
import { type Disconnect, disconnectTable, errorTable, type ReplyError } from "../wire/codes.js";
import type {
  MapPhase,
  MapType,
  Position,
  Push,
  Reply,
  RequestOf,
  SubscribeParams,
  SubscribeResult,
} from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import type { Admission, AdmittedConnection, Peer } from "./admission.js";
import { errorText, type PlainFormat, plainEvents, plainLines, publicationText } from "./plain-format.js";
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
