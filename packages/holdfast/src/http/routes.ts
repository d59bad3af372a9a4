/** Every path that a server answers, as one table: how it is found, the methods it takes, and whom it is for. */
import type { RequestRule } from "../requests/request-policy.js";
import { pathOf } from "../sockets/opening-request.js";
import { apiPath } from "./api/api.js";
import { channelOf } from "./channels/channel-path.js";

export const webSocketPath = "/connection/websocket";
/** The channel's name is percent-encoded. */
const eventsPath = /^\/channels\/([^/]*)\/events$/;

export interface Route {
  readonly rule: RequestRule;
  /** Beside OPTIONS, which every path answers. */
  readonly methods: readonly string[];
  /**
   * Whether a GET opens a stream of events, and so has to say that it wants one: `EventSource` does, and neither a window nor
   * an element of a page.
   */
  readonly wantsEvents?: boolean;
  /** A path, or a test of one; `rest` comes last. */
  readonly path: string | ((path: string) => boolean);
}

const forClients: RequestRule = { audience: "clients" };
const forVisitors: RequestRule = { audience: "visitors" };

export const routes = {
  webSocket: { path: webSocketPath, methods: ["GET"], rule: forClients },
  httpStream: { path: "/connection/http_stream", methods: ["POST"], rule: forClients },
  sse: { path: "/connection/sse", methods: ["GET", "POST"], rule: forClients, wantsEvents: true },
  oneWayHttpStream: { path: "/connection/uni_http_stream", methods: ["POST"], rule: forClients },
  oneWaySse: { path: "/connection/uni_sse", methods: ["GET", "POST"], rule: forClients, wantsEvents: true },
  emulation: { path: "/emulation", methods: ["POST"], rule: forClients },
  events: { path: (path) => eventsPath.test(path), methods: ["GET"], rule: forClients },
  channel: {
    path: (path) => channelOf(path) !== undefined,
    methods: ["GET", "HEAD", "POST", "DELETE"],
    rule: { audience: "clients", isShown: true },
  },
  openApi: { path: `${apiPath}/openapi.json`, methods: ["GET", "HEAD"], rule: forVisitors },
  api: {
    path: (path) => path === apiPath || path.startsWith(`${apiPath}/`),
    methods: ["POST"],
    rule: { audience: "servers" },
  },
  // Whoever asks whether the server is there, such as a balancer, may do so by any name; the answer says nothing else.
  health: { path: "/health", methods: ["GET", "HEAD"], rule: { audience: "anyone" } },
  /** Pages, paths of the application's own, and what there is not. */
  rest: { path: () => true, methods: ["GET", "HEAD"], rule: forVisitors },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

const inOrder = Object.entries(routes) as readonly [RouteName, Route][];

export function findRoute(path: string): RouteName {
  const found = inOrder.find(([, { path: own }]) => (typeof own === "string" ? own === path : own(path)));
  return found?.[0] ?? "rest";
}

/** Whether a path is answered by a server that is part of another one. */
export function isOwnPath(path: string): boolean {
  return findRoute(path) !== "rest";
}

/** @returns the channel as it stands in the path of its events */
export function channelOfEvents(path: string): string {
  return eventsPath.exec(path)?.[1] ?? "";
}

/**
 * The path that a request asks for, wherever the server is mounted.
 * @param url as it came here; frameworks take the prefix off that a handler is mounted at
 * @param originalUrl with that prefix, where a framework has kept it
 * @param basePath the prefix that all paths may have, such as `/rt`; empty for none
 * @returns a path of this server's own; an empty one for the prefix without a slash
 */
export function resolvePath(url: string, originalUrl: string | undefined, basePath: string): string {
  const path = withoutPrefix(pathOf(url), basePath);
  if (originalUrl === undefined || originalUrl === url) return path;
  const original = withoutPrefix(pathOf(originalUrl), basePath);
  // `/api` may be the prefix, or the path: methods of the interface have one more segment.
  const isDeep = original.startsWith(`${apiPath}/`) && original.includes("/", apiPath.length + 1);
  const candidates = isDeep ? [path, original] : [original, path];
  return candidates.find(isOwnPath) ?? path;
}

function withoutPrefix(path: string, basePath: string): string {
  if (basePath === "" || !path.startsWith(basePath)) return path;
  const rest = path.slice(basePath.length);
  return rest === "" || rest.startsWith("/") ? rest : path;
}
