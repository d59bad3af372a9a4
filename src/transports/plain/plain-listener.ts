/** `GET /channels/{channel}/events`: one channel as a response that goes on, for clients without an SDK. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Handler } from "../../sessions/handler.js";
import type { ConnectionRequest } from "../../sessions/identity.js";
import { type OpeningRequest, toOpeningRequest } from "../../sockets/opening-request.js";
import { type Rejection, reject } from "../../websocket/index.js";
import { findChannelNameFault } from "../../wire/channel-name.js";
import type { MapType } from "../../wire/messages.js";
import { parsePosition } from "../../wire/position-text.js";
import type { Admission, Admitted } from "../admission.js";
import { answerPreflight, corsHeaders } from "../cors.js";
import type { StreamTimes } from "../stream-response.js";
import { tokenOf } from "./credentials.js";
import { errorCodeFor } from "./error-status.js";
import type { PlainRequest } from "./opening.js";
import { errorText, type PlainFormat, plainEvents, plainLines } from "./plain-format.js";
import { PlainTransport } from "./plain-transport.js";

export interface PlainListenerOptions {
  readonly handler: Handler;
  readonly admission: Admission;
  readonly times: StreamTimes;
  /** Undefined where the channel is no map, or there is none. */
  readonly mapTypeOf: (channel: string) => MapType | undefined;
  /** From 0 up to 1; spreads when clients come back. */
  readonly random: () => number;
}

interface Accepted {
  readonly asked: PlainRequest;
  readonly format: PlainFormat;
}

const methods = "GET, OPTIONS";
const leastRetryMs = 1000;

export class PlainListener {
  readonly #options: PlainListenerOptions;
  readonly #onGone = (transport: Admitted) => this.#options.admission.leave(transport);

  constructor(options: PlainListenerOptions) {
    this.#options = options;
  }

  /** @param name the channel as it stands in the path, percent-encoded */
  events(name: string, request: IncomingMessage, response: ServerResponse): void {
    const { admission } = this.#options;
    // A body that nobody asked for is read and dropped.
    request.resume();
    const opening = toOpeningRequest(request);
    const fault = admission.findFaultOfPage(opening);
    const cors = fault ? {} : corsHeaders(opening.headers.origin, admission.allowedOrigins);
    const accepted = fault ?? this.#accept(name, request, opening);
    if (accepted === "preflight") answerPreflight(request, response, methods, cors);
    else if ("status" in accepted) sendRejection(response, accepted, cors);
    else this.#open(opening, response, accepted, cors);
  }

  #accept(
    name: string,
    { method }: IncomingMessage,
    opening: OpeningRequest,
  ): Accepted | Rejection | "preflight" {
    if (method === "OPTIONS") return "preflight";
    if (method !== "GET") return reject(405, `${method} is not accepted here, only GET.`, { Allow: methods });
    const asked = this.#read(name, opening);
    if ("status" in asked) return asked;
    const format = chooseFormat(opening.headers.accept);
    if (format === undefined)
      return reject(
        406,
        "Accept must have text/event-stream or application/x-ndjson: there is nothing else.",
      );
    return this.#options.admission.findRefusal(opening) ?? { asked, format };
  }

  #open(
    opening: OpeningRequest,
    response: ServerResponse,
    { asked, format }: Accepted,
    cors: Readonly<Record<string, string>>,
  ): void {
    const { admission, handler, times, random } = this.#options;
    const peer = admission.enter(opening);
    const headers = opening.headers as ConnectionRequest["headers"];
    const request = { headers, url: opening.url, address: peer.address };
    const retryMs = Math.round(leastRetryMs * (1 + random()));
    const transport = new PlainTransport(
      response,
      format,
      { asked, request, peer, cors, retryMs },
      times,
      this.#onGone,
    );
    admission.add(transport);
    transport.start(handler.open(transport));
  }

  #read(name: string, { url, headers }: OpeningRequest): PlainRequest | Rejection {
    const channel = decode(name);
    if (channel === undefined) return reject(400, "The channel in the path is not percent-encoded UTF-8.");
    const fault = findChannelNameFault(channel);
    if (fault !== undefined) return reject(400, `The path is not accepted: ${fault}.`);
    const query = new URLSearchParams(url.includes("?") ? url.slice(url.indexOf("?")) : "");
    // Browsers come back with the same URL and this field, which is newer.
    const place = (headers["last-event-id"] as string | undefined) || (query.get("since") ?? undefined);
    const since = place === undefined ? undefined : parsePosition(place);
    if (place !== undefined && since === undefined)
      return reject(
        400,
        `since and Last-Event-ID must be a position, epoch:offset, but are ${JSON.stringify(place.slice(0, 40))}.`,
      );
    return {
      channel,
      since,
      token: tokenOf(headers, query),
      channelToken: query.get("channel_token") || undefined,
      mapTypeOf: this.#options.mapTypeOf,
    };
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** RFC 9110 §12.5.1, without weights: lines only for those who ask for them, events for everybody whom these suit. */
function chooseFormat(accept: string | undefined): PlainFormat | undefined {
  const types = (accept ?? "*/*").split(",").map((type) => type.split(";", 1)[0]?.trim().toLowerCase());
  if (types.includes("text/event-stream")) return plainEvents;
  if (types.includes("application/x-ndjson") || types.includes("application/*")) return plainLines;
  return types.includes("*/*") || types.includes("text/*") ? plainEvents : undefined;
}

function sendRejection(
  response: ServerResponse,
  { status, message, headers }: Rejection,
  cors: Readonly<Record<string, string>>,
): void {
  const body = `{"error":${errorText(errorCodeFor(status), message)}}\n`;
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    ...headers,
    ...cors,
  });
  response.end(body);
}
