/** Refusals of requests before any handler has seen them, in the form that their path has for errors. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { pathOf } from "../sockets/opening-request.js";
import type { Rejection } from "../websocket/index.js";
import { replyError } from "../wire/codes.js";
import { apiPath } from "./api/api.js";
import { sendJson } from "./api/body.js";
import { sendRefusal } from "./channels/error-status.js";

export function refuseByPath(
  { url = "/" }: IncomingMessage,
  response: ServerResponse,
  { status, message, headers }: Rejection,
): void {
  const path = pathOf(url);
  if (path === apiPath || path.startsWith(`${apiPath}/`))
    sendJson(response, status, { error: message }, headers);
  else if (path.startsWith("/channels/")) {
    const error = replyError(status === 503 ? "tooManyRequests" : "badRequest", message);
    sendRefusal(response, { status, error, headers });
  } else {
    const text = `${message}\n`;
    response.writeHead(status, {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": Buffer.byteLength(text),
      "Cache-Control": "no-store",
      ...headers,
    });
    response.end(text);
  }
}
