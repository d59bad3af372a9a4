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

const exactly = (own: string) => (path: string) => (path === own ? path : undefined);

/** Every path of a server's own, by name. Each gives what is needed of a path that is one of its own. */
const ownPaths = {
  webSocket: exactly(webSocketPath),
  httpStream: exactly(httpStreamPath),
  sse: exactly(ssePath),
  oneWayHttpStream: exactly(oneWayHttpStreamPath),
  oneWaySse: exactly(oneWaySsePath),
  emulation: exactly(emulationPath),
  health: exactly("/health"),
  api: (path) => (path === apiPath || path.startsWith(`${apiPath}/`) ? path : undefined),
  /** The channel, as it stands in the path. */
  events: (path) => eventsPath.exec(path)?.[1],
  /** The channel, as it stands in the path. */
  channel: channelOf,
} satisfies Record<string, (path: string) => string | undefined>;

export type OwnPathName = keyof typeof ownPaths;

export const ownPathNames = Object.keys(ownPaths) as readonly OwnPathName[];

interface OwnPath {
  readonly name: OwnPathName;
  /** The path, or the part of it that says which. */
  readonly part: string;
}

function findOwnPath(path: string): OwnPath | undefined {
  for (const name of ownPathNames) {
    const part = ownPaths[name](path);
    if (part !== undefined) return { name, part };
  }
  return undefined;
}

/** Whether a path is answered by a server that is part of another one. */
export function isOwnPath(path: string): boolean {
  return findOwnPath(path) !== undefined;
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

type OwnAnswer = (part: string, request: IncomingMessage, response: ServerResponse) => void;

export function createRouter({ pages, routes, api, streams, channels, explainWebSocket }: RouterOptions) {
  const handlers: Readonly<Record<Exclude<OwnPathName, "health">, OwnAnswer> & { health?: undefined }> = {
    webSocket: (_path, request, response) => refuseWebSocket(request, response, explainWebSocket(request)),
    httpStream: (_path, ...exchange) => streams.httpStream(...exchange),
    sse: (_path, ...exchange) => streams.sse(...exchange),
    oneWayHttpStream: (_path, ...exchange) => streams.oneWayHttpStream(...exchange),
    oneWaySse: (_path, ...exchange) => streams.oneWaySse(...exchange),
    emulation: (_path, ...exchange) => streams.emulation(...exchange),
    api,
    events: streams.events,
    channel: (channel, ...exchange) => channels.answer(channel, ...exchange),
  };
  return (request: IncomingMessage, response: ServerResponse): void => {
    const path = pathOf(request.url ?? "/");
    const own = findOwnPath(path);
    if (own === undefined && routes?.(request, response)) return;
    const answer = own && handlers[own.name];
    if (answer) {
      answer(own.part, request, response);
      return;
    }
    // A body that nobody asked for is read and dropped, so that the connection can go on.
    request.resume();
    if (request.method !== "GET" && request.method !== "HEAD")
      sendText(response, 405, `${request.method} is not accepted here, only GET and HEAD.`, {
        Allow: "GET, HEAD",
      });
    else if (own?.name === "health") sendJson(response, 200, {});
    else if (!pages?.(path, request, response)) sendNotFound(response, path);
  };
}

/** Says why a request to the WebSocket's address is not one. */
function refuseWebSocket(
  request: IncomingMessage,
  response: ServerResponse,
  { status, message, headers }: Rejection,
): void {
  request.resume();
  const connection = headers.Upgrade === undefined ? "close" : "Upgrade, close";
  // RFC 9113 §8.2.2: HTTP/2 has no Connection.
  const hasConnection = request.httpVersionMajor < 2;
  sendText(response, status, message, { ...headers, ...(hasConnection && { Connection: connection }) });
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
