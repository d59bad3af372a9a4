/** `GET /channels/{channel}/events`: one channel as a response that goes on, for clients without an SDK. */
import { type HttpExchange, tokenOf } from "../requests/exchange.js";
import { type HttpRefusal, refuse } from "../requests/refusals.js";
import { readResume } from "../requests/resume.js";
import type { SessionRegistry } from "../sessions/registry.js";
import type { MapType } from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import type { Admission, AdmittedConnection } from "./admission.js";
import { type PlainFormat, plainEvents, plainLines } from "./plain-format.js";
import { type PlainRequest, PlainTransport } from "./plain-transport.js";
import type { StreamTimes } from "./stream-transport.js";

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
    admission.add(transport);
    transport.start(handler.open(transport));
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
