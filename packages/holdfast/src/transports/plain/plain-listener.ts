/** `GET /channels/{channel}/events`: one channel as a response that goes on, for clients without an SDK. */
import { queryOf, tokenOf } from "../../requests/credentials.js";
import { type HttpRefusal, refuse } from "../../requests/refusals.js";
import type { HttpExchange } from "../../requests/request-policy.js";
import { readResume } from "../../requests/resume.js";
import type { ConnectionRequest } from "../../sessions/identity.js";
import type { Handler } from "../../sessions/registry.js";
import type { MapType } from "../../wire/messages.js";
import { findChannelNameFault } from "../../wire/names.js";
import type { Admission, Admitted } from "../admission.js";
import { sendFault } from "../stream-requests.js";
import type { StreamTimes } from "../stream-response.js";
import type { PlainRequest } from "./opening.js";
import { type PlainFormat, plainEvents, plainLines } from "./plain-format.js";
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

const leastRetryMs = 1000;

export class PlainListener {
  readonly #options: PlainListenerOptions;
  readonly #onGone = (transport: Admitted) => this.#options.admission.leave(transport);

  constructor(options: PlainListenerOptions) {
    this.#options = options;
  }

  /** @param name the channel as it stands in the path, percent-encoded */
  events(name: string, exchange: HttpExchange): void {
    // A body that nobody asked for is read and dropped.
    exchange.request.resume();
    const accepted = this.#accept(name, exchange);
    if ("status" in accepted) sendFault(exchange, accepted);
    else this.#open(exchange, accepted);
  }

  #accept(name: string, { admitted }: HttpExchange): Accepted | HttpRefusal {
    const asked = this.#read(name, admitted.request);
    if ("status" in asked) return asked;
    const format = chooseFormat(admitted.request.headers.accept);
    if (format === undefined)
      return refuse(
        406,
        "Accept must have text/event-stream or application/x-ndjson: there is nothing else.",
      );
    return this.#options.admission.findRefusal(admitted) ?? { asked, format };
  }

  #open({ response, admitted }: HttpExchange, { asked, format }: Accepted): void {
    const { admission, handler, times, random } = this.#options;
    const opening = {
      asked,
      peer: admission.enter(admitted),
      cors: admitted.cors,
      retryMs: Math.round(leastRetryMs * (1 + random())),
    };
    const transport = new PlainTransport(response, format, opening, times, this.#onGone);
    admission.add(transport);
    transport.start(handler.open(transport));
  }

  #read(name: string, request: ConnectionRequest): PlainRequest | HttpRefusal {
    const channel = decode(name);
    if (channel === undefined) return refuse(400, "The channel in the path is not percent-encoded UTF-8.");
    const fault = findChannelNameFault(channel);
    if (fault !== undefined) return refuse(400, `The path is not accepted: ${fault}.`);
    const resume = readResume(request, []);
    if (typeof resume === "string") return refuse(400, `${resume}.`);
    return {
      channel,
      since: resume.since,
      token: tokenOf(request),
      channelToken: queryOf(request.url).get("channel_token") || undefined,
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
