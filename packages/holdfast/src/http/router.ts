/**
 * From a request to what answers it. The policy of requests decides first, for all paths alike; then the method, which is
 * checked here too, so that what answers a path gets only what is for it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type HeaderFields, preflightHeaders } from "../requests/cors.js";
import { type HttpRefusal, methodNotAllowed, refuse, sendRefusal } from "../requests/refusals.js";
import type { HttpExchange, RequestPolicy } from "../requests/request-policy.js";
import { pathOf, toOpeningRequest, toOriginForm } from "../sockets/opening-request.js";
import type { Rejection } from "../websocket/index.js";
import { channelOf } from "./channels/channel-path.js";
import type { PageHandler } from "./pages.js";
import {
  channelOfEvents,
  findRoute,
  type Route,
  type RouteName,
  resolvePath,
  routes as table,
  webSocketPath,
} from "./routes.js";

type Answer = (exchange: HttpExchange) => void;

/** Answers requests whose responses go on, and what belongs to them; bodies are theirs to read. */
export interface StreamHandlers {
  readonly httpStream: Answer;
  readonly sse: Answer;
  readonly oneWayHttpStream: Answer;
  readonly oneWaySse: Answer;
  readonly emulation: Answer;
  /** @param channel as it stands in the path */
  readonly events: (channel: string, exchange: HttpExchange) => void;
}

/**
 * An application's own paths.
 * @param path without `basePath`
 * @returns false where it has none such, and has left the request alone
 */
export type OwnRoutes = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

export interface RouterOptions {
  /** Whether the request is within bounds; otherwise it was refused. */
  readonly admit: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly policy: RequestPolicy;
  readonly pages: PageHandler | undefined;
  /** Asked after what every server has, and before the pages. */
  readonly routes?: OwnRoutes | undefined;
  /** Answers `/api` and what is below. */
  readonly api: (path: string, exchange: HttpExchange) => void;
  readonly streams: StreamHandlers;
  /** Answers `/channels/CHANNEL`. */
  readonly channels: { answer(channel: string, exchange: HttpExchange): void };
  /** Says why a request to the WebSocket's address is not one. */
  readonly explainWebSocket: (request: IncomingMessage) => Rejection;
  /** What all paths may begin with; empty for nothing. */
  readonly basePath: string;
}

/** @param next takes what is for no part of this server */
export type Router = (request: IncomingMessage, response: ServerResponse, next?: () => void) => void;

export function createRouter(options: RouterOptions): Router {
  const { policy, basePath, api, streams, channels, pages } = options;
  const answers: Readonly<Record<RouteName, (path: string, exchange: HttpExchange) => void>> = {
    webSocket: (_, exchange) => explainWebSocket(exchange, options.explainWebSocket(exchange.request)),
    httpStream: (_, exchange) => streams.httpStream(exchange),
    sse: (_, exchange) => streams.sse(exchange),
    oneWayHttpStream: (_, exchange) => streams.oneWayHttpStream(exchange),
    oneWaySse: (_, exchange) => streams.oneWaySse(exchange),
    emulation: (_, exchange) => streams.emulation(exchange),
    events: (path, exchange) => streams.events(channelOfEvents(path), exchange),
    channel: (path, exchange) => channels.answer(channelOf(path) ?? "", exchange),
    openApi: api,
    api,
    health: (_, { response }) => sendHealth(response),
    rest: (path, { request, response }) => {
      request.resume();
      if (!pages?.(path, request, response)) sendNotFound(request, response, basePath);
    },
  };
  return (request, response, next) => {
    toOriginForm(request);
    const path = pathOfRequest(request, basePath);
    const name = findRoute(path);
    if (next && name === "rest") {
      next();
      return;
    }
    if (!options.admit(request, response)) return;
    const route: Route = table[name];
    const method = request.method ?? "";
    const verdict = policy.decide(toOpeningRequest(request), method, route.rule);
    if ("status" in verdict) sendFault(request, response, route, verdict);
    else if (name === "rest" && options.routes?.(request, response, path)) return;
    else if (method === "OPTIONS") answerOptions(request, response, route, verdict.cors);
    else {
      const fault = findFault(request, route);
      if (fault) sendFault(request, response, route, fault, verdict.cors);
      else answers[name](path, { request, response, admitted: verdict });
    }
  };
}

function pathOfRequest(request: IncomingMessage, basePath: string): string {
  const { url = "/", originalUrl } = request as IncomingMessage & { readonly originalUrl?: string };
  return resolvePath(url, originalUrl, basePath);
}

/** Refuses a request that no handler has seen, in the form that its path has for errors. */
export function refuseByPath(
  request: IncomingMessage,
  response: ServerResponse,
  { status, message, headers }: Rejection,
  basePath: string,
): void {
  const { rule } = table[findRoute(pathOfRequest(request, basePath))];
  sendRefusal(response, refuse(status, message, headers), {}, formFor(rule));
}

/** A person reads what is for visitors. */
function formFor({ audience }: Route["rule"]): "json" | "text" {
  return audience === "visitors" ? "text" : "json";
}

function findFault({ method, headers }: IncomingMessage, route: Route): HttpRefusal | undefined {
  if (!route.methods.includes(method ?? "")) return methodNotAllowed(method, route.methods);
  if (route.wantsEvents && method === "GET" && !headers.accept?.toLowerCase().includes("text/event-stream"))
    return refuse(406, "Accept must have text/event-stream: the answer is a stream of events.");
  return undefined;
}

/** RFC 9110 §9.3.7, and preflights of browsers. */
function answerOptions(
  request: IncomingMessage,
  response: ServerResponse,
  { methods, rule }: Route,
  cors: HeaderFields,
): void {
  request.resume();
  const { headers } = request;
  const isPreflight = rule.audience === "clients" && headers.origin !== undefined;
  const asked = headers["access-control-request-headers"];
  const allowed = [...methods, "OPTIONS"];
  response.writeHead(204, {
    Allow: allowed.join(", "),
    ...cors,
    ...(isPreflight && preflightHeaders(allowed, asked)),
  });
  response.end();
}

function sendFault(
  request: IncomingMessage,
  response: ServerResponse,
  { rule }: Route,
  fault: HttpRefusal,
  headers: HeaderFields = {},
): void {
  // A body that nobody asked for is read and dropped, so that the connection can go on.
  request.resume();
  sendRefusal(response, fault, headers, formFor(rule));
}

function explainWebSocket(
  { request, response, admitted }: HttpExchange,
  { status, message, headers }: Rejection,
): void {
  request.resume();
  const connection = headers.Upgrade === undefined ? "close" : "Upgrade, close";
  // RFC 9113 §8.2.2: HTTP/2 has no Connection.
  const fields = { ...headers, ...(request.httpVersionMajor < 2 && { Connection: connection }) };
  sendRefusal(response, refuse(status, message, fields), admitted.cors, "text");
}

function sendNotFound({ url = "" }: IncomingMessage, response: ServerResponse, basePath: string): void {
  const message = `There is nothing at ${pathOf(url)}. The WebSocket is at ${basePath}${webSocketPath}.`;
  sendRefusal(response, refuse(404, message), {}, "text");
}

function sendHealth(response: ServerResponse): void {
  response.writeHead(200, {
    "Content-Type": "application/json",
    "Content-Length": 2,
    "Cache-Control": "no-store",
  });
  response.end("{}");
}
