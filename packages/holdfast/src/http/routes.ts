/** Every path that a server answers, as one table: how it is matched, its methods, and who it is for. */
import type { RequestRule } from "../requests/request-policy.js";
import { pathOf } from "../sockets/opening-request.js";

export const webSocketPath = "/connection/websocket";
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
  // Health checks, such as a balancer's, may use any host name; the answer reveals nothing else.
  health: { path: "/health", methods: ["GET", "HEAD"], rule: { audience: "anyone" } },
  /** Pages, the application's own paths, and everything unknown. */
  rest: { path: () => true, methods: ["GET", "HEAD"], rule: forVisitors },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

const inOrder = Object.entries(routes) as readonly [RouteName, Route][];

export function findRoute(path: string): RouteName {
  const found = inOrder.find(([, { path: own }]) => (typeof own === "string" ? own === path : own(path)));
  return found?.[0] ?? "rest";
}

/** Whether a server that is part of another one answers a path. */
export function isOwnPath(path: string): boolean {
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
export function resolvePath(url: string, originalUrl: string | undefined, basePath: string): string {
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
