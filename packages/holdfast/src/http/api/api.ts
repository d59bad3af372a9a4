/**
 * The interface for the application's own servers: `POST /api/METHOD`, with a key. Answers are those of the protocol's
 * reference server: status 200 with a result or an error, and other statuses for requests that are none, or for all errors
 * where the header field X-Centrifugo-Error-Mode says `transport`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type HttpRefusal, refuse, sendRefusal } from "../../requests/refusals.js";
import type { HttpExchange } from "../../requests/request-policy.js";
import { shareBytes } from "../../sockets/request-bounds.js";
import { type ReplyError, replyError } from "../../wire/codes.js";
import { encodeJson, findDepthFault, textAt } from "../../wire/payload.js";
import { consumedBodyAdvice, parseJson, readBody, sendJson } from "./body.js";
import { type CallContext, type CallParams, callBatch, callMethod } from "./call.js";
import { ApiKeys, type ApiKeysOptions, type KnownKey } from "./keys.js";
import { type ApiTools, apiMethods, toError } from "./methods.js";
import { createOpenApi } from "./openapi.js";

export interface ApiOptions extends ApiKeysOptions {
  readonly onError: CallContext["onError"];
  /** Largest body, in bytes; beyond, 413. */
  readonly maxBodyBytes: number;
  readonly tools: ApiTools;
  readonly version: string;
  readonly expectedFailure: CallContext["expectedFailure"];
}

export const apiPath = "/api";

/** HTTP statuses of errors, for callers that ask for them. */
const statuses: Readonly<Record<number, number>> = {
  100: 500,
  102: 404,
  103: 403,
  104: 404,
  106: 413,
  107: 400,
  108: 400,
  111: 429,
  112: 416,
  113: 409,
};

/** @returns a handler of requests to `/api` and below */
export function createApi(options: ApiOptions) {
  const keys = new ApiKeys(options);
  let document: Buffer | undefined;
  return (path: string, exchange: HttpExchange): void => {
    const { request, response, admitted } = exchange;
    const name = path.slice(apiPath.length + 1);
    if (name === "openapi.json") {
      request.resume();
      document ??= Buffer.from(JSON.stringify(createOpenApi(options.version)));
      // All that read it share its bytes.
      shareBytes(response);
      sendJson(response, 200, document);
      return;
    }
    const isKnown = name === "" || name === "batch" || apiMethods.has(name);
    if (!isKnown) {
      sendFault(exchange, refuse(404, `There is nothing at ${path}, but ${allPaths().join(", ")}.`));
      return;
    }
    const key = keys.identify(admitted);
    if ("status" in key) sendFault(exchange, key);
    else void answer(options, name, key, exchange);
  };
}

function allPaths(): string[] {
  return [...apiMethods.keys(), "batch", "openapi.json"].map((name) => `${apiPath}/${name}`);
}

async function answer(
  options: ApiOptions,
  name: string,
  key: KnownKey,
  exchange: HttpExchange,
): Promise<void> {
  const { request, response, admitted } = exchange;
  const { tools, audit, expectedFailure, onError, maxBodyBytes } = options;
  try {
    const body = await readBody(request, maxBodyBytes);
    if (body === "aborted") return;
    if (body === "large") {
      // RFC 9113 §8.2.2: HTTP/2 has no Connection.
      const headers = request.httpVersionMajor < 2 ? { Connection: "close" } : {};
      sendFault(exchange, refuse(413, `A body may have ${maxBodyBytes} bytes.`, headers));
      return;
    }
    if (body === "consumed") {
      sendFault(exchange, refuse(500, consumedBodyAdvice));
      return;
    }
    const onAdminCall = (method: string, subject: object) =>
      audit("adminCall", { method, address: admitted.source.address, ...subject });
    const context = { tools, key, onAdminCall, expectedFailure, onError };
    if (name === "") {
      await answerLines(body.text, context, exchange);
      return;
    }
    const value = parseJson(body.text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      sendFault(exchange, refuse(400, "The body must be a JSON object."));
      return;
    }
    const fault = findDepthFault(body.text, value);
    if (fault !== undefined) sendOutcome(request, response, { error: replyError("badRequest", fault) });
    else if (name === "batch") sendJson(response, 200, await callBatch({ value, text: body.text }, context));
    else sendOutcome(request, response, await callMethod(name, { value, text: body.text }, context));
  } catch (error) {
    onError(error, { stage: `answering ${request.url}` });
    if (!response.headersSent) sendFault(exchange, refuse(500, "internal server error"));
  }
}

function sendOutcome(
  request: IncomingMessage,
  response: ServerResponse,
  outcome: { readonly error: ReplyError } | { readonly result: object },
): void {
  if ("result" in outcome) {
    sendJson(response, 200, { result: outcome.result });
    return;
  }
  const wantsStatus = request.headers["x-centrifugo-error-mode"] === "transport";
  const { error } = outcome;
  if (wantsStatus) sendJson(response, statuses[error.code] ?? 400, toError(error));
  else sendJson(response, 200, { error: toError(error) });
}

/** The older form: `{"method": …, "params": …}`, one a line, and an answer for each. */
async function answerLines(text: string, context: CallContext, exchange: HttpExchange): Promise<void> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const commands = lines.map(parseLine);
  if (commands.length === 0 || !commands.every((command) => command !== undefined)) {
    sendFault(
      exchange,
      refuse(400, 'Each line must be a JSON object such as {"method":"publish","params":{}}.'),
    );
    return;
  }
  const answers: string[] = [];
  for (const { method, params } of commands) {
    const outcome = await callMethod(method, params, context);
    answers.push(encodeJson("error" in outcome ? { error: toError(outcome.error) } : outcome));
  }
  sendJson(exchange.response, 200, answers.join("\n"));
}

function parseLine(line: string): { readonly method: string; readonly params: CallParams } | undefined {
  const command = parseJson(line);
  if (typeof command !== "object" || command === null || findDepthFault(line, command)) return undefined;
  const { method, params = {} } = command as { readonly method?: unknown; readonly params?: unknown };
  if (typeof method !== "string") return undefined;
  return { method, params: { value: params, text: textAt(line, ["params"]) ?? "{}" } };
}

function sendFault({ request, response }: HttpExchange, fault: HttpRefusal): void {
  // A body that nobody asked for is read and dropped, so that the connection can go on.
  request.resume();
  sendRefusal(response, fault);
}
