/** Parts of a server, each created from its settings, and where it listens: its address, who can reach it, and the HSTS header. */

import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket, Server as TcpServer } from "node:net";
import { Server as TlsServer } from "node:tls";
import type { CompiledApp } from "../app/compile-app.js";
import { normalizePem } from "../auth/keys.js";
import type { BrokerEvents } from "../channels/broker.js";
import type { Channels } from "../channels/channels.js";
import type { Cluster } from "../channels/cluster.js";
import type { PositionChecks } from "../channels/position-checks.js";
import { listEncoding } from "../http/channels/answer-body.js";
import { oneWayWebSocketPath, refuseByPath, routes as routeTable, webSocketPath } from "../http/router.js";
import type { Audit, AuditFunction } from "../observe/audit.js";
import { FlightRecorder } from "../observe/flight-recorder.js";
import type { Log } from "../observe/log.js";
import type { Meters } from "../observe/meters.js";
import type { Traces } from "../observe/traces.js";
import type { ServerSettings } from "../options/schema.js";
import {
  type DeflateSettings,
  resolveDeflate,
  resolveSocketOptions,
  type SocketSettings,
} from "../options/websocket.js";
import { parseAddress, type TrustedProxies } from "../requests/addresses.js";
import { isLoopback } from "../requests/origins.js";
import { RequestPolicy } from "../requests/request-policy.js";
import type { Application } from "../sessions/application.js";
import type { SessionContext } from "../sessions/context.js";
import type { GrantResult, IdentityResult } from "../sessions/identity.js";
import type { NodeCommands } from "../sessions/node-commands.js";
import { Polls } from "../sessions/polls.js";
import { createUserPublishes } from "../sessions/publishing.js";
import { noRecorder, type Recorder } from "../sessions/recorder.js";
import type { SessionRegistry } from "../sessions/registry.js";
import { Tails } from "../sessions/tails.js";
import { Work } from "../sessions/work.js";
import { HttpFront, type TlsOptions } from "../sockets/http-front.js";
import type { UpgradeHandlers } from "../sockets/http-upgrade.js";
import { toOpeningRequest } from "../sockets/opening-request.js";
import { Flusher } from "../sockets/output.js";
import { RequestBounds } from "../sockets/request-bounds.js";
import { systemClock } from "../sockets/system-clock.js";
import { LoopLag } from "../time/clock.js";
import type { Deadlines } from "../time/deadlines.js";
import type { Admission } from "../transports/admission.js";
import { PlainListener } from "../transports/plain-transport.js";
import { StreamListener } from "../transports/stream-listener.js";
import { WebSocketListener } from "../transports/websocket-transport.js";
import type { ReplyError } from "../wire/codes.js";
import type { MapType } from "../wire/messages.js";
import type { Payload } from "../wire/payload.js";
import { version } from "./version.js";

/** Connections besides the WebSockets', for pages, health, and refusals. */
const spareConnections = 500;

export function createRequestBounds(
  { requests, basePath }: ServerSettings,
  proxies: TrustedProxies,
  meters: Meters,
): RequestBounds {
  return new RequestBounds({
    clock: systemClock,
    settings: requests,
    peerOf: (request) => proxies.requestPeerOf(toOpeningRequest(request)),
    refuse: (...refused) => {
      meters.limitHit("requests");
      refuseByPath(...refused, basePath);
    },
  });
}

/** @throws HF_OPTION_INVALID if certificate or key are invalid */
export function createFront(settings: ServerSettings, proxies: TrustedProxies): HttpFront {
  const { tls, maxConnections, maxWaitingRequests, requests } = settings;
  return new HttpFront({
    ...settings,
    clock: systemClock,
    limits: settings,
    tls: tls ? withPlainPem(tls) : undefined,
    maxConnections: maxConnections && maxConnections + (maxWaitingRequests ?? 0) + spareConnections,
    keyOf: (remoteAddress) => proxies.socketKeyOf(remoteAddress),
    maxStreams: requests.maxPerConnection,
  });
}

/** Restores PEM line breaks that environment variables and forms lose. */
export function withPlainPem({ cert, key, ...others }: TlsOptions): TlsOptions {
  return {
    ...others,
    ...(cert !== undefined && { cert: typeof cert === "string" ? normalizePem(cert) : cert }),
    ...(key !== undefined && { key: typeof key === "string" ? normalizePem(key) : key }),
  };
}

/** Limits of each WebSocket, below sessions. */
export function socketSettingsOf(settings: ServerSettings): SocketSettings {
  const { maxMessageBytes, maxFragments, messageTimeoutMs, closeTimeoutMs } = settings;
  return resolveSocketOptions({
    maxMessageBytes,
    maxFragments,
    messageTimeoutMs,
    closeTimeoutMs,
    overheadBytesPerSecond: settings.bytesPerSecond,
    overheadByteBurst: settings.byteBurst,
    // Sessions send pings, and handle peers that do not read.
    pingIntervalMs: null,
    stallTimeoutMs: null,
  });
}

export function deflateSettingsOf({ compression }: ServerSettings): DeflateSettings | undefined {
  return compression && resolveDeflate(compression);
}

export function auditFunctionOf({ audit }: ServerSettings, log: Log): AuditFunction | undefined {
  if (typeof audit === "function") return audit;
  return audit ? (entry) => log.audit(entry) : undefined;
}

export function createRecorder({ maxRecorderBytes: maxBytes }: ServerSettings): Recorder {
  return maxBytes === null ? noRecorder : new FlightRecorder({ clock: systemClock, maxBytes });
}

/** A tracer provider must have been registered before, as its documentation says. */
export async function startTraces(
  traces: Traces,
  { traces: isOn, traceTags }: ServerSettings,
): Promise<void> {
  // Not a dependency: a program that traces has it installed.
  const api = "@opentelemetry/api";
  await traces.start({
    load: async () => (isOn ? await import(api) : undefined),
    version,
    elapsed: () => performance.now(),
    isCarried: traceTags,
  });
}

/** What all sessions of a node share, and the server does not: rates, work, and polled channels. */
export function createShared(
  settings: ServerSettings,
  { delivery, onError }: Pick<SessionContext, "delivery" | "onError">,
): Pick<SessionContext, "userPublishes" | "work" | "polls"> {
  return {
    userPublishes: createUserPublishes(settings),
    work: createWork(settings),
    polls: new Polls({
      clock: systemClock,
      sliceMs: settings.deliverySliceMs,
      nextTurn: () => delivery.nextTurn(),
      createEpoch: () => randomBytes(4).toString("hex"),
      onError,
      maxTrackedKeys: settings.maxTrackedKeys,
      maxPolledBytes: settings.maxPolledBytes,
      userPercent: settings.maxUserPercent,
    }),
  };
}

/** The work of clients, measured by the system clock and the event loop. */
function createWork({ workPerSecond, workBurst, shedAboveLagMs }: ServerSettings): Work {
  const loopLag = new LoopLag(systemClock);
  return new Work({
    clock: systemClock,
    schedule: (run) => void setImmediate(run),
    perSecond: workPerSecond,
    burst: workBurst,
    lagMs: () => loopLag.lagMs,
    shedAboveLagMs,
  });
}

export interface PolicyParts {
  readonly trustedProxies: TrustedProxies;
  readonly front: () => HttpFront | undefined;
  readonly audit: Audit;
  readonly recorder: Recorder;
}

/** Which requests are answered at all: by their host, their origin, and where they come from. */
export function createPolicy(
  settings: ServerSettings,
  { trustedProxies, front, audit, recorder }: PolicyParts,
): RequestPolicy {
  return new RequestPolicy({
    allowedOrigins: settings.allowedOrigins,
    trustedProxies,
    isLocalOnly: (listener) => isLocalOnly(listener, front(), settings),
    onRefused: (facts) => {
      audit("originRefused", facts);
      recorder.turnAway(facts.reason);
    },
  });
}

export interface ListenerParts {
  readonly handler: SessionRegistry;
  readonly deadlines: Deadlines;
  readonly settings: ServerSettings;
  readonly policy: RequestPolicy;
  readonly admission: Admission;
  /** A connection comes from another process. */
  readonly onAdopted: (socket: Socket) => void;
}

export function createListener({ deadlines, settings, ...parts }: ListenerParts): WebSocketListener {
  return new WebSocketListener({
    ...parts,
    context: {
      clock: systemClock,
      deadlines,
      flusher: new Flusher(),
      settings: socketSettingsOf(settings),
    },
    compression: deflateSettingsOf(settings),
    ...webSocketRoutes,
    traceSocket: settings.traceSocket,
    onError: settings.onError,
  });
}

/** Streaming responses, for SDKs and for plain HTTP. */
export interface Streams {
  readonly streams: StreamListener;
  readonly events: PlainListener;
}

export interface StreamsContext {
  readonly handler: SessionRegistry;
  readonly admission: Admission;
  readonly application: Application;
  readonly node: string;
  readonly cluster: Cluster;
  readonly settings: ServerSettings;
}

export function createStreams({
  handler,
  admission,
  application,
  node,
  cluster,
  settings,
}: StreamsContext): Streams {
  const { closeTimeoutMs, pingIntervalMs, maxMessageBytes: maxBodyBytes, onError } = settings;
  const common = { handler, admission, times: { clock: systemClock, closeTimeoutMs } };
  const pingSeconds = Math.max(1, Math.round(pingIntervalMs / 1000));
  return {
    streams: new StreamListener({ ...common, node, cluster, pingSeconds, maxBodyBytes, onError }),
    events: new PlainListener({
      ...common,
      random: Math.random,
      mapTypeOf: (channel) => mapTypeOf(application, channel),
    }),
  };
}

/** For the server API. */
export function createTails(context: SessionContext): Tails {
  const decoder = new TextDecoder();
  return new Tails({ ...context, encoding: listEncoding, textOf: (bytes) => decoder.decode(bytes) });
}

function mapTypeOf(application: Application, channel: string): MapType | undefined {
  try {
    const rules = application.policyFor(channel)?.rules;
    return rules?.kind === "map" ? (rules.map?.type ?? "keys") : undefined;
  } catch {
    // The subscribe command that follows fails in the same way, and is answered and reported.
    return undefined;
  }
}

/** Records in the audit every token that an application refuses. */
export function withTokenAudit(application: Application, audit: Audit): Application {
  const { authenticate, verifyConnection, verifySubscription } = application;
  return {
    ...application,
    authenticate: async (credentials) => {
      const result = await authenticate(credentials);
      const reason = credentials.token && refusalOf(result);
      if (reason) audit("tokenRefused", { reason, address: credentials.request.address });
      return result;
    },
    ...(verifyConnection && {
      verifyConnection: async (token) => {
        const result = await verifyConnection(token);
        const reason = refusalOf(result);
        if (reason) audit("tokenRefused", { reason });
        return result;
      },
    }),
    ...(verifySubscription && {
      verifySubscription: async (token, bearer) => {
        const result = await verifySubscription(token, bearer);
        const reason = refusalOf(result);
        if (reason) audit("tokenRefused", { reason, ...bearer });
        return result;
      },
    }),
  };
}

/** Expired tokens are not recorded, since clients fetch new ones. Nor are those that could not be checked. */
function refusalOf(result: IdentityResult | GrantResult): string | undefined {
  if (result.isAccepted) return undefined;
  const isOfToken =
    "error" in result ? result.error !== "tokenExpired" : result.disconnect !== "internalError";
  return isOfToken ? result.reason : undefined;
}

export async function callAsServer(
  app: CompiledApp,
  method: string,
  params: Payload | undefined,
): Promise<ReplyError | { readonly data: Payload }> {
  const outcome = await app.callAsServer(method, params);
  return "refusal" in outcome ? outcome.refusal : outcome;
}

export interface ListeningAddress {
  /** The file, if it is a Unix socket. */
  readonly host: string;
  /** 0 if it is a Unix socket. */
  readonly port: number;
  /** `unix:` and the file, if it is a Unix socket. */
  readonly url: string;
}

type Place = Pick<ServerSettings, "host" | "unixSocket">;

export function addressOf(
  { listener }: HttpFront,
  { host, unixSocket, tls }: Place & Pick<ServerSettings, "tls">,
): ListeningAddress {
  if (unixSocket !== null) return { host: unixSocket, port: 0, url: `unix:${unixSocket}` };
  const { port } = listener.address() as AddressInfo;
  const scheme = tls === null ? "http" : "https";
  return { host, port, url: `${scheme}://${hostForUrl(host)}:${port}` };
}

/**
 * Whether only this machine can reach a Node.js server, this one's own (`front`) or one that it is attached to. Then only names
 * that DNS rebinding cannot forge are accepted.
 */
export function isLocalOnly(
  listener: unknown,
  front: HttpFront | undefined,
  { host, unixSocket }: Place,
): boolean {
  if (front && (listener === front.http1 || listener === front.listener))
    return unixSocket !== null || isLoopback(host);
  // Over TLS, browsers check that the certificate matches the name.
  if (listener instanceof TlsServer) return false;
  const address = (listener as Partial<TcpServer> | undefined)?.address?.();
  if (typeof address === "string") return true;
  return address ? isLoopback(parseAddress(address.address) ?? address.address) : false;
}

/** RFC 6797. Not sent for local host names, where it would apply to every other port of this machine. */
export function setHstsHeader(
  request: IncomingMessage,
  response: ServerResponse,
  { tls, hstsSeconds }: Pick<ServerSettings, "tls" | "hstsSeconds">,
): void {
  if (tls === null || hstsSeconds === null) return;
  const url = `https://${toOpeningRequest(request).host ?? ""}`;
  if (URL.canParse(url) && isLoopback(new URL(url).hostname)) return;
  response.setHeader("Strict-Transport-Security", `max-age=${hstsSeconds}`);
}

/** A name that a browser on this machine can use. */
function hostForUrl(host: string): string {
  if (host === "127.0.0.1" || host === "::1" || host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

/** What a server does with what its broker reports. */
export function createBrokerEvents({
  broker,
  channels,
  checks,
  commands,
  recorder,
  meters,
  log,
}: {
  /** Its name. */
  readonly broker: string;
  readonly channels: Channels;
  readonly checks: PositionChecks;
  readonly commands: NodeCommands;
  readonly recorder: Recorder;
  readonly meters: Meters;
  readonly log: Log;
}): BrokerEvents {
  return {
    log: {
      onPublication: channels.onPublication.bind(channels),
      onDisconnect: () => {
        meters.brokerLost();
        log.warn("the broker cannot be reached; publishes fail until it can", { broker });
      },
      onReconnect: () => {
        meters.brokerReached();
        log.info("the broker can be reached again", { broker });
        void checks.checkNow();
      },
    },
    presence: channels,
    cluster: {
      onCommand: (command) => commands.run(command),
      onHistoryRemoved: (channel) => {
        recorder.recordChannel({ kind: "history removed", channel });
        channels.forgetHistory(channel);
      },
    },
  };
}

/** Which requests open WebSockets, and which of these are for clients that only read. */
export const webSocketRoutes = { rule: routeTable.webSocket.rule, oneWayPath: oneWayWebSocketPath };

/** How WebSockets on a server are taken. */
export function webSocketHandlers(listener: WebSocketListener, basePath: string): UpgradeHandlers {
  return {
    paths: [webSocketPath, oneWayWebSocketPath].flatMap((path) =>
      basePath === "" ? [path] : [path, basePath + path],
    ),
    ...(basePath === "" && { advice: " If all paths have a prefix, such as /rt, set basePath to it." }),
    upgrade: (...parts) => listener.upgrade(...parts),
    connect: (...parts) => listener.connect(...parts),
    refuseUpgrade: (socket, rejection) => listener.refuseUpgrade(socket, rejection),
    refuseStream: (stream, rejection) => listener.refuseConnect(stream, rejection),
  };
}
