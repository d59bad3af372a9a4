/** `POST` and `DELETE` of a channel: a publication, by the rules that a publish command goes by. */
import type { IncomingMessage } from "node:http";
import type { PublishResult } from "../../channels/broker.js";
import { queryOf } from "../../requests/credentials.js";
import { type HttpRefusal, toHttpRefusal } from "../../requests/refusals.js";
import type { SessionContext } from "../../sessions/context.js";
import { type Publisher, type Publishing, publish } from "../../sessions/publishing.js";
import { admit } from "../../sessions/reading.js";
import type { Visitor } from "../../sessions/request-client.js";
import { type ReplyError, replyError } from "../../wire/codes.js";
import { isNewlyPublished, type PublishParams, toPublishedFields } from "../../wire/messages.js";
import { findKeyFault } from "../../wire/names.js";
import { findDepthFault, wholeText } from "../../wire/payload.js";
import { consumedBodyAdvice, parseJson, readBody, sendJson } from "../api/body.js";
import type { Exchange } from "./exchange.js";
import type { RequestRates } from "./request-rates.js";

export interface ChannelWritesOptions {
  readonly context: Publishing & Pick<SessionContext, "access" | "application" | "clock">;
  readonly rates: RequestRates;
  /** Largest body, in bytes. */
  readonly maxBodyBytes: number;
}

/** What other interfaces, or other servers, take as a condition of a write: without case and punctuation. */
const unheardParameters: ReadonlySet<string> = new Set([
  "idempotencykey",
  "keymode",
  "removed",
  "version",
  "versionepoch",
]);
const unheardFields = ["if-match", "if-none-match", "x-idempotency-key"] as const;

export class ChannelWrites {
  readonly #options: ChannelWritesOptions;

  constructor(options: ChannelWritesOptions) {
    this.#options = options;
  }

  /** @throws what the application, and the broker's `publish`, throw */
  async answer(exchange: Exchange, visitor: Visitor, channel: string): Promise<void> {
    const { context, rates } = this.#options;
    const limited = rates.takePublish(visitor.actor.user, exchange.address);
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
    const publisher = await this.#toPublisher(visitor, params, exchange);
    const published = "code" in publisher ? publisher : await publish(context, params, publisher);
    if (exchange.isClosed) return;
    if ("code" in published) exchange.refuse(toHttpRefusal(published));
    else sendPublished(exchange, published);
  }

  /** @returns undefined where the client has gone */
  async #readParams(exchange: Exchange, channel: string): Promise<PublishParams | HttpRefusal | undefined> {
    const { request } = exchange;
    const key = queryOf(request.url ?? "/").get("key") ?? undefined;
    const idempotencyKey = request.headers["idempotency-key"] as string | undefined;
    const fault =
      findUnheard(request) ??
      (key === undefined ? undefined : findKeyFault("key", key)) ??
      (idempotencyKey === undefined ? undefined : findKeyFault("Idempotency-Key", idempotencyKey));
    if (fault) return toHttpRefusal(replyError("badRequest", fault));
    const data = request.method === "DELETE" ? removal(request) : await this.#readData(exchange);
    if (data === undefined || typeof data === "object") return data;
    return {
      channel,
      data,
      ...(request.method === "DELETE" && { isRemoved: true }),
      ...(key !== undefined && { key }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    };
  }

  async #readData(exchange: Exchange): Promise<string | HttpRefusal | undefined> {
    const { request } = exchange;
    const { maxBodyBytes } = this.#options;
    const unsupported = findTypeFault(request);
    if (unsupported) return { status: 415, error: replyError("badRequest", unsupported) };
    const body = await readBody(request, maxBodyBytes);
    if (body === "aborted") return undefined;
    if (body === "large") {
      exchange.isLast = true;
      return { status: 413, error: replyError("badRequest", `a body may have ${maxBodyBytes} bytes`) };
    }
    if (body === "consumed") return { status: 500, error: replyError("internal", consumedBodyAdvice) };
    const value = parseJson(body.text);
    if (value === undefined)
      return toHttpRefusal(
        replyError("badRequest", "the body must be JSON, which is the publication's data"),
      );
    const tooDeep = findDepthFault(body.text, value);
    return tooDeep ? toHttpRefusal(replyError("badRequest", tooDeep)) : wholeText(body.text);
  }

  /** Who may be in the channel counts as being there: a request cannot subscribe first. */
  async #toPublisher(
    visitor: Visitor,
    { channel }: PublishParams,
    { request }: Exchange,
  ): Promise<Publisher | ReplyError> {
    const { context } = this.#options;
    const { actor, info, owner } = visitor;
    const policy = context.application.policyFor(channel);
    if (policy === undefined) return replyError("unknownChannel");
    if (policy.rules.map?.keysOf === "client")
      return replyError("permissionDenied", "keys are those of connections here, and a request is none");
    if (await policy.may("publish", actor, false)) return { actor, info, owner, isSubscribed: false };
    const token = queryOf(request.url ?? "/").get("channel_token");
    const admission = await admit(context, visitor, { channel, ...(token && { token }) });
    if ("refusal" in admission) return admission.refusal;
    const { grant } = admission;
    const shown = grant.info === undefined ? info : { ...info, chanInfo: grant.info };
    return { actor, info: shown, owner, isSubscribed: true };
  }
}

/** Done all the same, a write would have an effect where its client wanted none, or a second one. */
function findUnheard({ url = "/", headers }: IncomingMessage): string | undefined {
  const advice = "a repeat is known by Idempotency-Key, and conditions are for POST /api/map_publish";
  const field = unheardFields.find((name) => headers[name] !== undefined);
  if (field !== undefined) return `the field ${field} means nothing here: ${advice}`;
  const parameter = [...queryOf(url).keys()].find((name) =>
    unheardParameters.has(name.toLowerCase().replace(/[^a-z]/g, "")),
  );
  return parameter === undefined ? undefined : `?${parameter.slice(0, 40)}= is not known here: ${advice}`;
}

/** The data of a removal: there is none. */
function removal(request: IncomingMessage): string {
  request.resume();
  return "null";
}

/**
 * Browsers ask first before a page of another origin sends JSON, and not before it sends what a form could
 * (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
 */
function findTypeFault({ headers }: IncomingMessage): string | undefined {
  const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json") return "the body must come as Content-Type: application/json";
  const encoding = headers["content-encoding"] ?? "identity";
  return encoding === "identity" ? undefined : "the body must come without Content-Encoding";
}

function sendPublished(exchange: Exchange, published: PublishResult): void {
  const status = isNewlyPublished(published) ? 201 : 200;
  sendJson(exchange.response, status, toPublishedFields(published), { ...exchange.answerHeaders() });
}
