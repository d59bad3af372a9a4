/**
 * Every path that a server answers, as one table: how it is matched, its methods, and who it is for; and from a request to its handler.
 * The request policy decides first, the same for all paths; then the method is checked here, so that handlers get only requests they can
 * answer.
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
import { consolePath } from "./console-route.js";
import { createLandingPage } from "./landing-page.js";
import type { PageHandler } from "./pages.js";

export const webSocketPath = "/connection/websocket";
/** For clients that only read. */
export const oneWayWebSocketPath = "/connection/uni_websocket";
export const apiPath = "/api";

/** `/channels/CHANNEL`, with the name percent-encoded as one segment (RFC 3986 §3.3). */
const channelPath = /^\/channels\/([^/]+)$/;
const eventsPath = /^\/channels\/([^/]*)\/events$/;

export interface Route {
  readonly rule: RequestRule;
  /** Besides OPTIONS, which every path answers. */
  readonly methods: readonly string[];
  /**
   * Whether a GET opens a stream of events and must ask for one in Accept: `EventSource` does, windows and elements of pages
   * do not.
   */
  readonly wantsEvents?: boolean;
  /** A path, or a test of one; `rest` comes last. */
  readonly path: string | ((path: string) => boolean);
}

const forClients: RequestRule = { audience: "clients" };
const forVisitors: RequestRule = { audience: "visitors" };

export const routes = {
  webSocket: { path: webSocketPath, methods: ["GET"], rule: forClients },
  oneWayWebSocket: { path: oneWayWebSocketPath, methods: ["GET"], rule: forClients },
  httpStream: { path: "/connection/http_stream", methods: ["POST"], rule: forClients },
  sse: { path: "/connection/sse", methods: ["GET", "POST"], rule: forClients, wantsEvents: true },
  oneWayHttpStream: { path: "/connection/uni_http_stream", methods: ["POST"], rule: forClients },
  oneWaySse: { path: "/connection/uni_sse", methods: ["GET", "POST"], rule: forClients, wantsEvents: true },
  emulation: { path: "/emulation", methods: ["POST"], rule: forClients },
  events: { path: (path) => eventsPath.test(path), methods: ["GET"], rule: forClients },
  channel: {
    path: (path) => channelPath.test(path),
    methods: ["GET", "HEAD", "POST", "DELETE"],
    rule: { audience: "clients", mayBeDisplayed: true },
  },
  openApi: { path: `${apiPath}/openapi.json`, methods: ["GET", "HEAD"], rule: forVisitors },
  api: {
    path: (path) => path === apiPath || path.startsWith(`${apiPath}/`),
    methods: ["POST"],
    rule: { audience: "servers" },
  },
  metrics: { path: "/metrics", methods: ["GET", "HEAD"], rule: { audience: "servers" } },
  console: {
    path: (path) => path === consolePath || path.startsWith(`${consolePath}/`),
    methods: ["GET", "HEAD"],
    rule: forVisitors,
  },
  // Health checks, such as a balancer's, may use any host name; the answers reveal nothing else.
  health: { path: "/health", methods: ["GET", "HEAD"], rule: { audience: "anyone" } },
  live: { path: "/health/live", methods: ["GET", "HEAD"], rule: { audience: "anyone" } },
  /** Pages, the application's own paths, and everything unknown. */
  rest: { path: () => true, methods: ["GET", "HEAD"], rule: forVisitors },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

/** On the landing page. */
const shownPaths = {
  webSocket: webSocketPath,
  sse: routes.sse.path,
  httpStream: routes.httpStream.path,
  api: apiPath,
};

const inOrder = Object.entries(routes) as readonly [RouteName, Route][];

export function findRoute(path: string): RouteName {
  const found = inOrder.find(([, { path: own }]) => (typeof own === "string" ? own === path : own(path)));
  return found?.[0] ?? "rest";
}

/** Whether a server that is part of another one answers a path. */
function isOwnPath(path: string): boolean {
  return findRoute(path) !== "rest";
}

/** The channel that a path names; undefined if its encoding is broken. @param path of the route `channel` or `events` */
export function channelInPath(path: string): string | undefined {
  const [, segment = ""] = channelPath.exec(path) ?? eventsPath.exec(path) ?? [];
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/**
 * The path that a request asks for, wherever the server is mounted.
 * @param url as received; frameworks remove the prefix that a handler is mounted at
 * @param originalUrl with that prefix, if a framework kept it
 * @param basePath the prefix that all paths may have, such as `/rt`; empty for none
 * @returns a path of this server's own; an empty one for the prefix without a slash
 */
function resolvePath(url: string, originalUrl: string | undefined, basePath: string): string {
  const path = withoutPrefix(pathOf(url), basePath);
  if (originalUrl === undefined || originalUrl === url) return path;
  const original = withoutPrefix(pathOf(originalUrl), basePath);
  // `/api` may be the prefix or the path: methods of the API have one more segment.
  const isDeep = original.startsWith(`${apiPath}/`) && original.includes("/", apiPath.length + 1);
  const candidates = isDeep ? [path, original] : [original, path];
  return candidates.find(isOwnPath) ?? path;
}

function withoutPrefix(path: string, basePath: string): string {
  if (basePath === "" || !path.startsWith(basePath)) return path;
  const rest = path.slice(basePath.length);
  return rest === "" || rest.startsWith("/") ? rest : path;
}

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
  /** Whether new clients are welcome: not while the server drains. */
  readonly isReady: () => boolean;
  /** Answers `/metrics`. Undefined where that path is left to the server that this one is part of. */
  readonly metrics: ((exchange: HttpExchange) => void) | undefined;
  /** Answers `/console` and everything below. */
  readonly console: (path: string, exchange: HttpExchange) => void;
  /** Whether the console can be used. Otherwise the path may be that of a page, and else `console` says why there is none. */
  readonly hasConsole: boolean;
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
  const { policy, basePath, api, streams, events, channels } = options;
  const pages = options.pages ?? createLandingPage({ ...options, paths: shownPaths });
  const stream = (route: StreamRoute) => (exchange: HttpExchange) => streams.answer(route, exchange);
  const webSocket = (exchange: HttpExchange) =>
    answerWebSocketPath(exchange, options.explainWebSocket(exchange.request));
  const answers: Readonly<Record<RouteName, (exchange: HttpExchange, path: string) => void>> = {
    webSocket,
    oneWayWebSocket: webSocket,
    httpStream: stream("httpStream"),
    sse: stream("sse"),
    oneWayHttpStream: stream("oneWayHttpStream"),
    oneWaySse: stream("oneWaySse"),
    emulation: stream("emulation"),
    events: (exchange, path) => answerChannel(events, exchange, path),
    channel: (exchange, path) => answerChannel(channels, exchange, path),
    openApi: (exchange, path) => api(path, exchange),
    api: (exchange, path) => api(path, exchange),
    metrics: (exchange) => options.metrics?.(exchange),
    console: (exchange, path) => options.console(path, exchange),
    health: ({ response }) => sendHealth(response, options.isReady()),
    live: ({ response }) => sendHealth(response, true),
    rest: (exchange, path) => {
      const { request, response } = exchange;
      request.resume();
      if (pages(path, request, response)) return;
      if (findRoute(path) === "console") options.console(path, exchange);
      else exchange.refuse(notFound(request, basePath), "text");
    },
  };
  const routeOf = (path: string): RouteName => {
    const name = findRoute(path);
    return name === "console" && !options.hasConsole ? "rest" : name;
  };
  return (request, response, next) => {
    toOriginForm(request);
    const path = pathOfRequest(request, basePath);
    const name = routeOf(path);
    if (next && (name === "rest" || (name === "metrics" && options.metrics === undefined))) {
      next();
      return;
    }
    if (!options.admit(request, response)) return;
    const route: Route = routes[name];
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

/** Balancers send no more to a server that answers 503. */
export function sendHealth(response: ServerResponse, isReady: boolean): void {
  if (isReady) sendJson(response, 200, "{}");
  else sendJson(response, 503, '{"status":"draining"}');
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
  const { rule } = routes[findRoute(pathOfRequest(request, basePath))];
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
