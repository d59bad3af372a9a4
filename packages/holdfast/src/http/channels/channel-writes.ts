/** `POST` and `DELETE` of a channel: publishes by the rules of the publish command. */
import type { IncomingMessage } from "node:http";
import { type HttpExchange, parseJson } from "../../requests/exchange.js";
import { type HttpRefusal, refuse, toHttpRefusal } from "../../requests/refusals.js";
import type { SessionContext } from "../../sessions/context.js";
import { type Publisher, type Publishing, publish } from "../../sessions/publishing.js";
import { admit } from "../../sessions/reading.js";
import type { RequestClient } from "../../sessions/request-client.js";
import { type ReplyError, replyError } from "../../wire/codes.js";
import { isNewlyPublished, type PublishParams, toPublishedFields } from "../../wire/messages.js";
import { findKeyFault } from "../../wire/names.js";
import { findDepthFault, type Payload, trimJson } from "../../wire/payload.js";
import type { RequestRates } from "./request-rates.js";

export interface ChannelWritesOptions {
  readonly context: Publishing & Pick<SessionContext, "access" | "application" | "clock">;
  readonly rates: RequestRates;
  readonly maxBodyBytes: number;
}

/** Conditions of writes in other APIs and servers, in lower case, letters only. */
const unsupportedParameters: ReadonlySet<string> = new Set([
  "idempotencykey",
  "keymode",
  "removed",
  "version",
  "versionepoch",
]);
const unsupportedFields = ["if-match", "if-none-match", "x-idempotency-key"] as const;

export class ChannelWrites {
  readonly #options: ChannelWritesOptions;

  constructor(options: ChannelWritesOptions) {
    this.#options = options;
  }

  /** @throws what the application, and the broker's `publish`, throw */
  async answer(exchange: HttpExchange, client: RequestClient, channel: string): Promise<void> {
    const { context, rates } = this.#options;
    const limited = rates.takePublish(client.actor.user, exchange.address);
    if (limited) {
      exchange.refuse(limited);
      return;
    }
    const params = await this.#readParams(exchange, channel);
    if (params === undefined) return;
    if ("status" in params) {
      exchange.refuse(params);
      return;
    }
    const publisher = await this.#toPublisher(client, params, exchange);
    const published = "code" in publisher ? publisher : await publish(context, params, publisher);
    if (exchange.isClosed) return;
    if ("code" in published) exchange.refuse(toHttpRefusal(published));
    else exchange.sendJson(isNewlyPublished(published) ? 201 : 200, toPublishedFields(published));
  }

  /** @returns undefined if the client has gone */
  async #readParams(
    exchange: HttpExchange,
    channel: string,
  ): Promise<PublishParams | HttpRefusal | undefined> {
    const { request, query } = exchange;
    const key = query.get("key") ?? undefined;
    const idempotencyKey = request.headers["idempotency-key"] as string | undefined;
    const traceparent = request.headers.traceparent as string | undefined;
    const fault =
      findUnsupported(request, query) ??
      (key === undefined ? undefined : findKeyFault("key", key)) ??
      (idempotencyKey === undefined ? undefined : findKeyFault("Idempotency-Key", idempotencyKey));
    if (fault) return toHttpRefusal(replyError("badRequest", fault));
    const isRemoved = exchange.method === "DELETE";
    if (isRemoved) request.resume();
    const data = isRemoved ? "null" : await this.#readData(exchange);
    if (data === undefined || isRefusal(data)) return data;
    return {
      channel,
      data,
      ...(isRemoved && { isRemoved }),
      ...(key !== undefined && { key }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      ...(traceparent !== undefined && { traceparent }),
    };
  }

  async #readData(exchange: HttpExchange): Promise<Payload | HttpRefusal | undefined> {
    const unsupported = findTypeFault(exchange.request);
    if (unsupported) return refuse(415, unsupported);
    if (typeOf(exchange.request) === "application/octet-stream") {
      const bytes = await exchange.readBytes(this.#options.maxBodyBytes);
      // A copy, since that of the request may be part of more memory.
      return Buffer.isBuffer(bytes) ? Uint8Array.from(bytes) : bytes;
    }
    const text = await exchange.readText(this.#options.maxBodyBytes);
    if (typeof text !== "string") return text;
    const value = parseJson(text);
    const fault =
      value === undefined ? "the body must be JSON: the publication's data" : findDepthFault(text, value);
    return fault === undefined ? trimJson(text) : toHttpRefusal(replyError("badRequest", fault));
  }

  /** A client that may subscribe counts as a subscriber: a request cannot subscribe first. */
  async #toPublisher(
    client: RequestClient,
    { channel }: PublishParams,
    { query }: HttpExchange,
  ): Promise<Publisher | ReplyError> {
    const { context } = this.#options;
    const { actor, info, owner } = client;
    const policy = context.application.policyFor(channel);
    if (policy === undefined) return replyError("unknownChannel");
    if (policy.rules.map?.keysOf === "client")
      return replyError(
        "permissionDenied",
        "this map's keys are connection ids, and a request has no connection",
      );
    if (await policy.may("publish", actor, false)) return { actor, info, owner, isSubscribed: false };
    const token = query.get("channel_token");
    const admission = await admit(context, client, { channel, ...(token && { token }) });
    if ("refusal" in admission) return admission.refusal;
    const { grant } = admission;
    const shown = grant.info === undefined ? info : { ...info, chanInfo: grant.info };
    return { actor, info: shown, owner, isSubscribed: true };
  }
}

function isRefusal(data: Payload | HttpRefusal): data is HttpRefusal {
  return typeof data === "object" && "status" in data;
}

function typeOf({ headers }: IncomingMessage): string | undefined {
  return headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
}

/** Ignored, a condition would let a write happen that its client did not want, or twice. */
function findUnsupported({ headers }: IncomingMessage, query: URLSearchParams): string | undefined {
  const advice = "use Idempotency-Key for retries, and POST /api/map_publish for conditions";
  const field = unsupportedFields.find((name) => headers[name] !== undefined);
  if (field !== undefined) return `${field} is not supported here: ${advice}`;
  const parameter = [...query.keys()].find((name) =>
    unsupportedParameters.has(name.toLowerCase().replace(/[^a-z]/g, "")),
  );
  return parameter === undefined ? undefined : `?${parameter.slice(0, 40)}= is not supported here: ${advice}`;
}

/**
 * Browsers send a preflight before a page of another origin may send JSON, but not before it sends what a form could
 * (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
 */
function findTypeFault(request: IncomingMessage): string | undefined {
  const { headers } = request;
  if (!["application/json", "application/octet-stream"].includes(typeOf(request) ?? ""))
    return "The body must have Content-Type: application/json, or application/octet-stream for bytes.";
  const encoding = headers["content-encoding"] ?? "identity";
  return encoding === "identity" ? undefined : "The body must not have a Content-Encoding.";
}
