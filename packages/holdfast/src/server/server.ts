/** Puts the parts together: a broker, the channels of this node, the sessions, and the transports that carry them. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { hostname } from "node:os";
import { type CompiledApp, compileApp } from "../app/compile-app.js";
import type { App, UntypedApp } from "../app/define-app.js";
import type { Broker, BrokerEvents, BrokerStart } from "../channels/broker.js";
import { Channels } from "../channels/channels.js";
import { Delivery } from "../channels/delivery.js";
import { withFloors } from "../channels/floors.js";
import { LogReader } from "../channels/log-reader.js";
import { PositionChecks } from "../channels/position-checks.js";
import { checkRules, needsOf, type RulesFor } from "../channels/rules.js";
import { HoldfastError } from "../errors.js";
import type { ApiTools } from "../http/api/api-method.js";
import { ChannelRoutes } from "../http/channels/channel-routes.js";
import type { Router } from "../http/router.js";
import { type Audit, createAudit, silentAudit } from "../observe/audit.js";
import type { Log } from "../observe/log.js";
import { Meters } from "../observe/meters.js";
import type { ServerOptions } from "../options/options.js";
import { resolveServerOptions, type ServerSettings } from "../options/schema.js";
import { TrustedProxies } from "../requests/addresses.js";
import type { RequestPolicy } from "../requests/request-policy.js";
import { createOpenApplication } from "../sessions/application.js";
import { expectedFailure } from "../sessions/commands.js";
import { presenceLeaseMs, type SessionContext } from "../sessions/context.js";
import { Control } from "../sessions/control.js";
import { DataAccess } from "../sessions/data-access.js";
import { HeldBytes } from "../sessions/flow-control.js";
import { NodeCommands } from "../sessions/node-commands.js";
import { PresenceLists } from "../sessions/presence.js";
import { SessionRegistry } from "../sessions/registry.js";
import type { Tails } from "../sessions/tails.js";
import type { HttpFront, TlsOptions } from "../sockets/http-front.js";
import { type AttachableServer, attachTo } from "../sockets/http-upgrade.js";
import type { RequestBounds } from "../sockets/request-bounds.js";
import { systemClock } from "../sockets/system-clock.js";
import { Deadlines } from "../time/deadlines.js";
import { Admission } from "../transports/admission.js";
import type { WebSocketListener } from "../transports/websocket-transport.js";
import { type AdminServer, createAdminServer } from "./admin-server.js";
import { AppMethods } from "./app-methods.js";
import { createBroker } from "./brokers.js";
import { describeConfiguration } from "./describe-configuration.js";
import { drain } from "./drain.js";
import { Handover, type ListeningHandles } from "./handover.js";
import { NodeMetrics, workerGroup } from "./node-metrics.js";
import {
  addressOf,
  auditFunctionOf,
  callAsServer,
  createBrokerEvents,
  createFront,
  createListener,
  createPolicy,
  createRecorder,
  createRequestBounds,
  createShared,
  createStreams,
  createTails,
  type ListeningAddress,
  type Streams,
  setHstsHeader,
  startTraces,
  webSocketHandlers,
  withPlainPem,
  withTokenAudit,
} from "./parts.js";
import {
  createRevocationLog,
  type RevocationLog,
  revocationChannel,
  revokeTokens,
} from "./revocation-log.js";
import { createServerLog } from "./server-log.js";
import { createServerRoute } from "./server-route.js";
import { describeLoad, describeNodes, ServerSizes, type ServerStats } from "./server-stats.js";
import { version } from "./version.js";

/** A server made by `createServer`. */
export class HoldfastServer<A extends App = UntypedApp> extends AppMethods<A> {
  protected readonly control: Control;
  protected readonly context: SessionContext;
  readonly #settings: ServerSettings;
  readonly #broker: Broker;
  readonly #app: CompiledApp | undefined;
  readonly #audit: Audit;
  readonly #meters: Meters;
  readonly #log: Log;
  readonly #metrics: NodeMetrics;
  readonly #admin: AdminServer | undefined;
  readonly #sizes: ServerSizes;
  readonly #id = randomUUID();
  readonly #expectedFailure = (error: unknown) => expectedFailure(error, this.#meters);
  readonly #events: BrokerEvents;
  readonly #channels: Channels;
  readonly #delivery: Delivery;
  readonly #checks: PositionChecks;
  readonly #deadlines: Deadlines;
  readonly #handler: SessionRegistry;
  readonly #policy: RequestPolicy;
  readonly #admission: Admission;
  readonly #trustedProxies: TrustedProxies;
  readonly #peerKeyOf: (address: string) => string;
  readonly #bounds: RequestBounds;
  readonly #listener: WebSocketListener;
  readonly #streams: Streams;
  readonly #channelRoutes: ChannelRoutes;
  readonly #tails: Tails;
  readonly #revocationLog: RevocationLog | undefined;
  #isBrokerOpen = false;
  #opened: Promise<void> | undefined;
  #drained: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #isListening = false;
  /** Another process accepts what comes from now on. */
  #isLeaving = false;
  readonly #detachments: (() => void)[] = [];
  #front: HttpFront | undefined;
  #route: Router | undefined;
  #address: ListeningAddress | undefined;

  constructor(app: A | undefined, options: ServerOptions) {
    super();
    const meters = new Meters();
    this.#meters = meters;
    const resolved = resolveServerOptions(options);
    const log = createServerLog(resolved);
    const report = resolved.onError ?? ((error, { stage }) => log.failure(error, stage));
    const onError: typeof report = (error, context) => {
      meters.errorReported();
      report(error, context);
    };
    const settings = { ...resolved, onError };
    this.#settings = settings;
    this.#log = log;
    const { hookTimeoutMs } = settings;
    const leaseMs = presenceLeaseMs(settings);
    this.#app = app && compileApp(app, { clock: systemClock, hookTimeoutMs, leaseMs, onError });
    const write = auditFunctionOf(settings, log);
    this.#audit = write ? createAudit({ clock: systemClock, write, onError }) : silentAudit;
    const rulesFor: RulesFor = (channel) => checkRules(channel, settings.rulesFor(channel));
    const application = withTokenAudit(
      this.#app ?? createOpenApplication(rulesFor, settings.authenticate),
      this.#audit,
    );
    this.#broker = withFloors(createBroker({ ...settings, meter: meters.store }));
    this.#deadlines = new Deadlines(systemClock, onError);
    const recorder = createRecorder(settings);
    const logReader = new LogReader(this.#broker.log);
    this.#delivery = new Delivery({
      logReader,
      schedule: (run) => void setImmediate(run),
      now: () => performance.now(),
      sliceMs: settings.deliverySliceMs,
      meters,
      onError,
    });
    const common = { broker: this.#broker, delivery: this.#delivery, meters, eventLog: log, onError };
    this.#channels = new Channels({
      log: this.#broker.log,
      logReader,
      ...common,
      ringLimits: settings.ring,
      maxRingBytes: settings.ring.maxTotalBytes,
      maxOpenChannels: settings.maxOpenChannels,
      userPercent: settings.maxUserPercent,
      onOther: (channel, publication, epoch) => {
        if (channel === revocationChannel) this.#revocationLog?.receive(publication, epoch);
      },
      kindOf: (channel) => application.policyFor(channel)?.rules.kind ?? "stream",
      onRestarted: (channel, before, epoch) =>
        recorder.recordChannel({ kind: "restarted", channel, before, epoch }),
      patternOf: (channel) => application.policyFor(channel)?.described?.pattern,
      now: () => systemClock.now(),
    });
    const trustedProxies = new TrustedProxies(settings.trustedProxies);
    const peerKeyOf = (address: string) => trustedProxies.peerKeyOf(address);
    const held = new HeldBytes(settings.maxHeldBytes);
    const context: SessionContext = {
      ...common,
      channels: this.#channels,
      deadlines: this.#deadlines,
      held,
      access: new DataAccess(),
      lists: new PresenceLists({ broker: this.#broker, application, onError }),
      clock: systemClock,
      application,
      recorder,
      limits: settings,
      times: settings,
      ...createShared(settings, common),
      version: `Holdfast ${version}`,
      createId: randomUUID,
      addressKey: peerKeyOf,
      random: Math.random,
    };
    this.context = context;
    this.#handler = new SessionRegistry(context);
    const tokens = this.#app?.authentication.tokens;
    this.#trustedProxies = trustedProxies;
    this.#peerKeyOf = peerKeyOf;
    this.#bounds = createRequestBounds(settings, trustedProxies, meters);
    const front = () => this.#front;
    this.#policy = createPolicy(settings, { trustedProxies, front, audit: this.#audit, recorder });
    this.#channelRoutes = new ChannelRoutes({
      ...settings,
      limits: settings,
      peerKeyOf,
      context,
      expectedFailure: this.#expectedFailure,
    });
    this.control = new Control(context);
    this.#tails = createTails(context);
    const commands = new NodeCommands(this.#handler, context, {
      requests: this.#channelRoutes,
      stats: () => this.#sizes.ofNode(this.#metrics.health(this.#broker.name)),
      metrics: (group) => this.#metrics.answer(group),
      load: (after) => this.#metrics.load(after),
      nextTurn: () => new Promise((resolve) => void setImmediate(resolve)),
      emulate: (session, data) => this.#streams.streams.emulate(session, data),
    });
    this.#revocationLog = tokens && createRevocationLog(tokens, { ...context, commands });
    this.#checks = new PositionChecks({
      ...context,
      log: this.#broker.log,
      schedule: (run) => void setImmediate(run),
      intervalMs: settings.positionCheckIntervalMs,
      checkOthers: async () => this.#revocationLog?.check(),
    });
    const told = { channels: this.#channels, checks: this.#checks, commands, recorder, meters, log };
    this.#events = createBrokerEvents({ broker: this.#broker.name, ...told });
    this.#admission = new Admission({
      clock: systemClock,
      peerKeyOf,
      addressLimits: settings,
      maxConnections: settings.maxConnections,
      counts: this.#broker.cluster.counts,
      onRefused: (reason) => recorder.turnAway(reason),
      meters,
    });
    this.#listener = createListener({
      handler: this.#handler,
      deadlines: this.#deadlines,
      settings,
      policy: this.#policy,
      admission: this.#admission,
      onAdopted: (socket) => this.#front?.adopt(socket),
    });
    this.#streams = createStreams({
      handler: this.#handler,
      admission: this.#admission,
      application,
      node: this.#id,
      cluster: this.#broker.cluster,
      settings,
    });
    const parts = { handler: this.#handler, admission: this.#admission, bounds: this.#bounds };
    this.#sizes = new ServerSizes({ ...context, ...parts, routes: this.#channelRoutes });
    this.#metrics = new NodeMetrics({
      meters,
      cluster: this.#broker.cluster,
      clock: systemClock,
      sizes: () => this.#sizes.ofMetrics(),
      group: workerGroup(),
      worker: String(process.pid),
    });
    const isReady = () => this.#isReady;
    this.#admin = createAdminServer(settings, { scrape: () => this.#metrics.scrape(), isReady });
  }

  /** Where the server listens. @throws HF_SERVER_STATE before `listen` has resolved */
  get address(): ListeningAddress {
    if (this.#address === undefined)
      throw new HoldfastError("HF_SERVER_STATE", "the server is not listening yet");
    return this.#address;
  }

  /**
   * Opens the broker, then the port.
   * @param inherited listening sockets of another process, by which this one accepts connections, too; for `holdfast serve`
   * @throws HF_SERVER_LISTEN when the address is in use or not permitted
   * @throws HF_STORE_OPEN, HF_STORE_IN_USE, HF_STORE_CORRUPT, HF_STORE_NEWER when the store cannot be opened
   */
  async listen(inherited: ListeningHandles = {}): Promise<ListeningAddress> {
    if (this.#closed) throw new HoldfastError("HF_SERVER_STATE", "the server is closed; create another");
    if (this.#isListening) throw new HoldfastError("HF_SERVER_STATE", "the server is already listening");
    this.#isListening = true;
    await this.#open().catch((error: unknown) => {
      this.#isListening = false;
      this.#opened = undefined;
      throw error;
    });
    const { port, host, unixSocket, onError } = this.#settings;
    const front = createFront(this.#settings, this.#trustedProxies);
    this.#front = front;
    this.#serve(front, this.#createRoute(false));
    try {
      await this.#admin?.listen(inherited.admin);
      const place = unixSocket === null ? { port, host } : { path: unixSocket };
      await front.listen(inherited.server ? { handle: inherited.server } : place);
    } catch (error) {
      this.#isListening = false;
      await this.#admin?.close();
      throw error;
    }
    if (this.#closed) {
      await this.#admin?.close();
      await front.close();
      throw new HoldfastError("HF_SERVER_STATE", "the server was closed before it started listening");
    }
    front.listener.on("error", (error) => onError(error, { stage: "listening" }));
    this.#address = addressOf(front, this.#settings);
    this.#log.info("listening", {
      url: this.#address.url,
      node: this.#id,
      version,
      broker: this.#broker.name,
    });
    return this.#address;
  }

  /** Shares listening sockets and clients with another process of the same server, for `holdfast serve`. */
  get handover(): Handover {
    const parts = { handler: this.#handler, listener: this.#listener, admin: this.#admin };
    const onLeaving = (isLeaving: boolean) => {
      this.#isLeaving = isLeaving;
    };
    return new Handover({ ...this.context, ...parts, front: () => this.#front, onLeaving });
  }

  /**
   * Opens WebSockets, and only those, on a server of somebody else, which goes on with everything other. Ordinary requests
   * are answered where `handler` stands among that server's own. Where that server listens on a loopback address only, pages
   * must come by a name of this machine, or of `allowedOrigins`, as for a server that listens itself.
   * @throws HF_STORE_OPEN, HF_STORE_IN_USE, HF_STORE_CORRUPT, HF_STORE_NEWER when the store cannot be opened
   */
  async attach(server: AttachableServer): Promise<void> {
    if (this.#closed) throw new HoldfastError("HF_SERVER_STATE", "the server is closed; create another");
    await this.#open();
    this.#takeWebSocketsOf(server, false);
  }

  /**
   * Uses another certificate for new connections; open ones keep theirs.
   * @throws HF_OPTION_INVALID if certificate or key are invalid, HF_SERVER_STATE if it does not listen with TLS
   */
  setCertificate(tls: TlsOptions): void {
    if (this.#front === undefined || this.#settings.tls === null)
      throw new HoldfastError("HF_SERVER_STATE", "the server does not listen with TLS");
    this.#front.setCertificate(withPlainPem(tls));
  }

  /** Middleware `(request, response, next)`: answers this server's paths, and passes on the rest. */
  get handler(): Router {
    this.#route ??= this.#createRoute(true);
    return this.#route;
  }

  #createRoute(isPart: boolean): Router {
    const parts = {
      settings: this.#settings,
      admit: (...request: Parameters<RequestBounds["admit"]>) => this.#bounds.admit(...request),
      policy: this.#policy,
      peerKeyOf: this.#peerKeyOf,
      clock: systemClock,
      audit: this.#audit,
      meters: this.#meters,
      tools: this.#tools(),
      expectedFailure: this.#expectedFailure,
      scrape: () => this.#metrics.scrape(),
      isReady: () => this.#isReady,
      ...this.#streams,
      channels: this.#channelRoutes,
      explainWebSocket: (request: IncomingMessage) => this.#listener.explain(request),
    };
    return createServerRoute(parts, isPart);
  }

  protected get revoking(): ApiTools["revoke"] {
    return this.#tools().revoke;
  }

  #tools(): ApiTools {
    const app = this.#app;
    const log = this.#revocationLog;
    return {
      control: this.control,
      why: (question) => this.why(question),
      info: () => describeNodes(this.control, { id: this.#id, stats: () => this.stats() }),
      load: (after) => describeLoad(this.control, after),
      configuration: () => describeConfiguration(this.#settings, this.#app),
      tail: (...asked) => this.#tails.read(...asked),
      call: app?.call && ((method, params) => callAsServer(app, method, params)),
      revoke: log && ((revocation) => revokeTokens(log, revocation, this.#audit)),
    };
  }

  /** Whether new clients are welcome. */
  get #isReady(): boolean {
    return this.#isLeaving || (this.#drained === undefined && this.#closed === undefined);
  }

  /** Sizes of everything that grows with use. */
  stats(): ServerStats {
    return this.#sizes.stats();
  }

  /** All metrics in the exposition format of Prometheus, as `/metrics` answers, for a program that has a path of its own for them. */
  metrics(): Promise<string> {
    return this.#metrics.scrape();
  }

  /**
   * Ends the server so that nobody notices: answers readiness with 503, accepts no more clients, tells those that are connected to
   * reconnect at a pace (`drainPerSecond`), lets requests finish, and closes. `close` meanwhile ends at once what is left.
   */
  drain(): Promise<void> {
    this.#drained ??= drain({
      handler: this.#handler,
      admission: this.#admission,
      routes: this.#channelRoutes,
      bounds: this.#bounds,
      front: this.#front,
      settings: this.#settings,
      log: this.#log,
      isHurried: () => this.#closed !== undefined,
    }).then(() => this.close());
    return this.#drained;
  }

  /** Disconnects every client with a shutdown code, waits for their sockets to close, and frees everything. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#log.info("closing", { connections: this.#handler.connections });
    const closed = this.#front?.close();
    for (const detach of this.#detachments.splice(0)) detach();
    this.#handler.shutdown();
    this.#tails.end();
    const { closeTimeoutMs } = this.#settings;
    await Promise.all([this.#channelRoutes.drain(closeTimeoutMs), this.#admission.drain(closeTimeoutMs)]);
    this.#front?.terminate();
    await closed;
    await this.#admin?.close();
    this.#metrics.stop();
    this.#checks.stop();
    this.#revocationLog?.close();
    await this.#broker.close();
    this.#log.info("closed");
    this.#log.close();
  }

  #open(): Promise<void> {
    this.#opened ??= this.#openParts();
    return this.#opened;
  }

  async #openParts(): Promise<void> {
    if (!this.#isBrokerOpen) await this.#broker.open(this.#events, this.#brokerStart());
    this.#isBrokerOpen = true;
    await Promise.all([this.#revocationLog?.open(), startTraces(this.#meters.traces, this.#settings)]);
    if (this.#closed !== undefined) return;
    this.#checks.start();
    this.#metrics.start();
  }

  #brokerStart(): BrokerStart {
    return {
      node: { id: this.#id, name: `${hostname()}:${process.pid}`, version, startedAt: this.#sizes.startTime },
      needs: this.#app?.needs ?? needsOf([]),
      onError: this.#settings.onError,
    };
  }

  #serve({ http1, http2 }: HttpFront, route: Router): void {
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      setHstsHeader(request, response, this.#settings);
      // Its next request comes to a server that goes on.
      if ((this.#isLeaving || !this.#isReady) && request.httpVersionMajor < 2)
        response.setHeader("Connection", "close");
      route(request, response);
    };
    http1.on("request", answer);
    this.#takeWebSocketsOf(http1, true);
    if (http2 === undefined) return;
    // The compatibility interface of node:http2 has all that is used here.
    http2.on("request", answer as never);
    this.#takeWebSocketsOf(http2, true);
  }

  #takeWebSocketsOf(server: AttachableServer, isAnnounced: boolean): void {
    const handlers = webSocketHandlers(this.#listener, this.#settings.basePath);
    this.#detachments.push(attachTo(server, handlers, isAnnounced));
  }
}
