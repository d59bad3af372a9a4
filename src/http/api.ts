/**
 * The interface for the application's own servers: `POST /api/publish` and `/api/info`, with a key. Answers are those of
 * the protocol's reference server: status 200 with a result or an error, and other statuses for requests that are none.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { PublishResult } from "../channels/broker.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import { toPublishParams } from "../wire/json-commands.js";
import type { PublishParams } from "../wire/messages.js";

export interface ApiOptions {
  /** Keys that are accepted; without any, nobody is. */
  readonly keys: readonly string[];
  /** Largest body, in bytes; beyond, 413. */
  readonly maxBodyBytes: number;
  readonly publish: (params: PublishParams) => Promise<PublishResult> | ReplyError;
  /** Numbers of this node. */
  readonly info: () => object;
  /** What a publisher is told of a failure that was foreseen; undefined for others. */
  readonly expectedFailure: (error: unknown) => ReplyError | undefined;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export const apiPrefix = "/api/";

type ApiMethod = (options: ApiOptions, value: unknown) => object | Promise<object>;

const methods: ReadonlyMap<string, ApiMethod> = new Map<string, ApiMethod>([
  ["/api/publish", publish],
  ["/api/info", ({ info }) => ({ result: { nodes: [info()] } })],
]);

/** @returns a handler of requests below `/api/` */
export function createApi(options: ApiOptions) {
  const digests = options.keys.map(digestOf);
  return (path: string, request: IncomingMessage, response: ServerResponse): void => {
    const method = methods.get(path);
    if (method === undefined)
      refuse(request, response, 404, `there is nothing at ${path}, but ${[...methods.keys()].join(", ")}`);
    else if (request.method !== "POST")
      refuse(request, response, 405, `${request.method} is not accepted here, only POST`, { Allow: "POST" });
    else if (!isAdmitted(keyOf(request), digests))
      refuse(
        request,
        response,
        401,
        "the key in X-API-Key is missing or not one of this server's (apiKeys, --api-key)",
      );
    else void answer(options, method, request, response);
  };
}

async function answer(
  options: ApiOptions,
  method: ApiMethod,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const body = await readBody(request, options.maxBodyBytes);
    if (body === "aborted") return;
    if (body === "large") {
      // RFC 9113 §8.2.2: HTTP/2 has no Connection.
      const headers = request.httpVersionMajor < 2 ? { Connection: "close" } : {};
      refuse(request, response, 413, `a body may have ${options.maxBodyBytes} bytes`, headers);
      return;
    }
    const value = parse(body.text);
    if (value === undefined) return send(response, 400, { error: "the body must be a JSON object" });
    send(response, 200, await method(options, value));
  } catch (error) {
    options.onError(error, { stage: `answering ${request.url}` });
    if (!response.headersSent) send(response, 500, { error: "internal server error" });
  }
}

async function publish(options: ApiOptions, value: unknown): Promise<object> {
  const params = toPublishParams(value);
  if (typeof params === "string") return toError(replyError("badRequest", params));
  try {
    const published = await options.publish(params);
    if ("code" in published) return toError(published);
    const { position, isDuplicate } = published;
    return { result: { ...position, ...(isDuplicate && { is_duplicate: true }) } };
  } catch (error) {
    const expected = options.expectedFailure(error);
    if (expected === undefined) options.onError(error, { stage: "answering /api/publish" });
    return toError(expected ?? replyError("internal"));
  }
}

function toError({ code, message, isTemporary }: ReplyError): object {
  return { error: { code, message, ...(isTemporary && { temporary: true }) } };
}

function keyOf({ headers }: IncomingMessage): string | undefined {
  const key = headers["x-api-key"];
  if (typeof key === "string") return key;
  return /^apikey (.+)$/i.exec(headers.authorization ?? "")?.[1];
}

/** Takes the same time for every key, whatever it has in common with one that is accepted. */
function isAdmitted(key: string | undefined, digests: readonly Buffer[]): boolean {
  if (key === undefined) return false;
  const digest = digestOf(key);
  return digests.reduce((isFound, known) => timingSafeEqual(known, digest) || isFound, false);
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

/** @returns `{ text }`; "aborted" where the client has gone, which is nothing to report; "large" */
async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<{ readonly text: string } | "aborted" | "large"> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request) {
      bytes += (part as Buffer).length;
      if (bytes > maxBytes) return "large";
      parts.push(part as Buffer);
    }
  } catch {
    return "aborted";
  }
  return { text: Buffer.concat(parts).toString("utf8") };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  error: string,
  headers: Record<string, string> = {},
): void {
  // A body that nobody asked for is read and dropped, so that the connection can go on.
  request.resume();
  send(response, status, { error }, headers);
}

function send(
  response: ServerResponse,
  status: number,
  value: object,
  headers: Record<string, string> = {},
): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    ...headers,
  });
  response.end(body);
}
