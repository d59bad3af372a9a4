/** Answers plain HTTP requests: health, pages, and a sentence for everything else. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { pathOf } from "../sockets/opening-request.js";
import type { Rejection } from "../websocket/index.js";
import { apiPath } from "./api/api.js";
import { channelOf } from "./channels/channel-path.js";
import type { PageHandler } from "./pages.js";

export const webSocketPath = "/connection/websocket";
export const httpStreamPath = "/connection/http_stream";
export const ssePath = "/connection/sse";
export const oneWayHttpStreamPath = "/connection/uni_http_stream";
export const oneWaySsePath = "/connection/uni_sse";
export const emulationPath = "/emulation";
/** The channel's name is percent-encoded. */
const eventsPath = /^\/channels\/([^/]*)\/events$/;

const ownPaths: ReadonlySet<string> = new Set([
  webSocketPath,
  httpStreamPath,
  ssePath,
  oneWayHttpStreamPath,
  oneWaySsePath,
  emulationPath,
  "/health",
  apiPath,
]);

/** Whether a path is answered by a server that is part of another one. */
export function isOwnPath(path: string): boolean {
  if (ownPaths.has(path) || path.startsWith(`${apiPath}/`)) return true;
  return eventsPath.test(path) || channelOf(path) !== undefined;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Answer requests whose responses go on, and what belongs to them; bodies are theirs to read. */
export interface StreamHandlers {
  readonly httpStream: Answer;
  readonly sse: Answer;
  readonly oneWayHttpStream: Answer;
  readonly oneWaySse: Answer;
  readonly emulation: Answer;
  /** @param channel as it stands in the path */
  readonly events: (channel: string, request: IncomingMessage, response: ServerResponse) => void;
}

/** An application's own paths. @returns false where it has none such, and has left the request alone */
export type OwnRoutes = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface RouterOptions {
  readonly pages: PageHandler | undefined;
  /** Asked after what every server has, and before the pages. */
  readonly routes?: OwnRoutes | undefined;
  /** Answers `/api` and what is below. */
  readonly api: (path: string, request: IncomingMessage, response: ServerResponse) => void;
  readonly streams: StreamHandlers;
  /** Answers `/channels/CHANNEL`. */
  readonly channels: { answer(channel: string, request: IncomingMessage, response: ServerResponse): void };
  /** Says why a request to the WebSocket's address is not one. */
  readonly explainWebSocket: (request: IncomingMessage) => Rejection;
}

export function createRouter({ pages, routes, api, streams, channels, explainWebSocket }: RouterOptions) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const path = pathOf(request.url ?? "/");
    if (path === apiPath || path.startsWith(`${apiPath}/`)) {
      api(path, request, response);
      return;
    }
    const stream = findStream(streams, path);
    if (stream) {
      stream(request, response);
      return;
    }
    const channel = channelOf(path);
    if (channel !== undefined) {
      channels.answer(channel, request, response);
      return;
    }
    if (!isOwnPath(path) && routes?.(request, response)) return;
    // A body that nobody asked for is read and dropped, so that the connection can go on.
    request.resume();
    if (path === webSocketPath) {
      const { status, message, headers } = explainWebSocket(request);
      const connection = headers.Upgrade === undefined ? "close" : "Upgrade, close";
      // RFC 9113 §8.2.2: HTTP/2 has no Connection.
      const hasConnection = request.httpVersionMajor < 2;
      sendText(response, status, message, { ...headers, ...(hasConnection && { Connection: connection }) });
    } else if (request.method !== "GET" && request.method !== "HEAD")
      sendText(response, 405, `${request.method} is not accepted here, only GET and HEAD.`, {
        Allow: "GET, HEAD",
      });
    else if (path === "/health") sendJson(response, 200, {});
    else if (!pages?.(path, request, response)) sendNotFound(response, path);
  };
}

function findStream(streams: StreamHandlers, path: string): Answer | undefined {
  if (path === httpStreamPath) return streams.httpStream;
  if (path === ssePath) return streams.sse;
  if (path === oneWayHttpStreamPath) return streams.oneWayHttpStream;
  if (path === oneWaySsePath) return streams.oneWaySse;
  if (path === emulationPath) return streams.emulation;
  const channel = eventsPath.exec(path)?.[1];
  if (channel === undefined) return undefined;
  return (request, response) => streams.events(channel, request, response);
}

function sendNotFound(response: ServerResponse, path: string): void {
  sendText(response, 404, `There is nothing at ${path}. The WebSocket is at ${webSocketPath}.`);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, JSON.stringify(value), {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
  });
}

function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  send(response, status, `${text}\n`, { "Content-Type": "text/plain; charset=utf-8", ...headers });
}

function send(response: ServerResponse, status: number, body: string, headers: Record<string, string>): void {
  response.writeHead(status, { "Content-Length": Buffer.byteLength(body), ...headers });
  response.end(body);
}
