/**
 * From a request to its handler. The request policy decides first, the same for all paths; then the method is checked here,
 * so that handlers get only requests they can answer.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpExchange, sendJson } from "../requests/exchange.js";
import { preflightHeaders } from "../requests/origins.js";
import {
  type HttpRefusal,
  methodNotAllowed,
  type RefusalForm,
  refuse,
  sendRefusal,
} from "../requests/refusals.js";
import type { RequestPolicy, RequestRule } from "../requests/request-policy.js";
import { pathOf, toOpeningRequest, toOriginForm } from "../sockets/opening-request.js";
import type { Rejection } from "../websocket/opening-handshake.js";
import { createLandingPage } from "./landing-page.js";
import type { PageHandler } from "./pages.js";
import {
  channelInPath,
  findRoute,
  type Route,
  type RouteName,
  resolvePath,
  routes as table,
  webSocketPath,
} from "./routes.js";

/** Routes of SDKs' streams: streaming responses, and commands for them. */
export type StreamRoute = "httpStream" | "sse" | "oneWayHttpStream" | "oneWaySse" | "emulation";

/** Answers requests of one channel. */
export interface ChannelHandler {
  answer(channel: string, exchange: HttpExchange): void;
}

/**
 * An application's own paths.
 * @param path without `basePath`
 * @returns false if the path is unknown and the request was left alone
 */
export type OwnRoutes = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

export interface RouterOptions {
  /** Whether the request is within bounds; otherwise it has been refused. */
  readonly admit: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly policy: RequestPolicy;
  /** Undefined for a server without pages, which has a landing page. */
  readonly pages: PageHandler | undefined;
  /** Called for paths that are not this server's own, before the pages. */
  readonly routes?: OwnRoutes | undefined;
  /** Answers `/api` and everything below. */
  readonly api: (path: string, exchange: HttpExchange) => void;
  readonly streams: { answer(route: StreamRoute, exchange: HttpExchange): void };
  /** Answers `/channels/CHANNEL/events`. */
  readonly events: ChannelHandler;
  /** Answers `/channels/CHANNEL`. */
  readonly channels: ChannelHandler;
  /** Why an ordinary request to the WebSocket's path does not open one. */
  readonly explainWebSocket: (request: IncomingMessage) => Rejection;
  /** Prefix that all paths may have; empty for none. */
  readonly basePath: string;
  readonly version: string;
}

/** @param next gets requests for paths that are not this server's own */
export type Router = (request: IncomingMessage, response: ServerResponse, next?: () => void) => void;

export function createRouter(options: RouterOptions): Router {
  const { policy, basePath, version, api, streams, events, channels } = options;
  const pages = options.pages ?? createLandingPage({ version, basePath });
  const stream = (route: StreamRoute) => (exchange: HttpExchange) => streams.answer(route, exchange);
  const answers: Readonly<Record<RouteName, (exchange: HttpExchange, path: string) => void>> = {
    webSocket: (exchange) => answerWebSocketPath(exchange, options.explainWebSocket(exchange.request)),
    httpStream: stream("httpStream"),
    sse: stream("sse"),
    oneWayHttpStream: stream("oneWayHttpStream"),
    oneWaySse: stream("oneWaySse"),
    emulation: stream("emulation"),
    events: (exchange, path) => answerChannel(events, exchange, path),
    channel: (exchange, path) => answerChannel(channels, exchange, path),
    openApi: (exchange, path) => api(path, exchange),
    api: (exchange, path) => api(path, exchange),
    health: ({ response }) => sendJson(response, 200, "{}"),
    rest: (exchange, path) => {
      const { request, response } = exchange;
      request.resume();
      if (!pages(path, request, response)) exchange.refuse(notFound(request, basePath), "text");
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
    if ("status" in verdict) {
      sendRefusal(response, verdict, {}, formFor(route.rule));
      return;
    }
    if (name === "rest" && options.routes?.(request, response, path)) return;
    const exchange = new HttpExchange(request, response, verdict);
    const refusal = findRefusal(request, route);
    if (method === "OPTIONS") answerOptions(exchange, route);
    else if (refusal) exchange.refuse(refusal, formFor(route.rule));
    else answers[name](exchange, path);
  };
}

function pathOfRequest(request: IncomingMessage, basePath: string): string {
  const { url = "/", originalUrl } = request as IncomingMessage & { readonly originalUrl?: string };
  return resolvePath(url, originalUrl, basePath);
}

/** Refuses a request that no handler has seen, in the form that its path uses for errors. */
export function refuseByPath(
  request: IncomingMessage,
  response: ServerResponse,
  { status, message, headers }: Rejection,
  basePath: string,
): void {
  const { rule } = table[findRoute(pathOfRequest(request, basePath))];
  sendRefusal(response, refuse(status, message, headers), {}, formFor(rule));
}

/** Visitors are people. */
function formFor({ audience }: RequestRule): RefusalForm {
  return audience === "visitors" ? "text" : "json";
}

function findRefusal({ method, headers }: IncomingMessage, route: Route): HttpRefusal | undefined {
  if (!route.methods.includes(method ?? "")) return methodNotAllowed(method, route.methods);
  if (route.wantsEvents && method === "GET" && !headers.accept?.toLowerCase().includes("text/event-stream"))
    return refuse(406, "Accept must include text/event-stream: the answer is a stream of events.");
  return undefined;
}

/** RFC 9110 §9.3.7, and preflights of browsers. */
function answerOptions({ request, response, headers }: HttpExchange, { methods, rule }: Route): void {
  request.resume();
  const { origin, "access-control-request-headers": requested } = request.headers;
  const isPreflight = rule.audience === "clients" && origin !== undefined;
  const allowed = [...methods, "OPTIONS"];
  response.writeHead(204, {
    Allow: allowed.join(", "),
    ...headers,
    ...(isPreflight && preflightHeaders(allowed, requested)),
  });
  response.end();
}

function answerChannel(handler: ChannelHandler, exchange: HttpExchange, path: string): void {
  const channel = channelInPath(path);
  if (channel !== undefined) handler.answer(channel, exchange);
  else exchange.refuse(refuse(400, "The channel in the path must be percent-encoded UTF-8."));
}

function answerWebSocketPath(exchange: HttpExchange, { status, message, headers }: Rejection): void {
  const connection = headers.Upgrade === undefined ? "close" : "Upgrade, close";
  // RFC 9113 §8.2.2: HTTP/2 has no Connection.
  const fields = { ...headers, ...(exchange.request.httpVersionMajor < 2 && { Connection: connection }) };
  exchange.refuse(refuse(status, message, fields), "text");
}

function notFound({ url = "" }: IncomingMessage, basePath: string): HttpRefusal {
  return refuse(404, `There is nothing at ${pathOf(url)}. The WebSocket is at ${basePath}${webSocketPath}.`);
}
