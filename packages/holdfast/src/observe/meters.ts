/**
 * What the parts of a node count. They call a verb when something has happened, which adds to a plain number; `metrics.ts` reads the
 * numbers when somebody asks. Nothing here allocates once a label is known, and labels are bounded: patterns of channels,
 * transports, methods and codes, never channels, users or texts of peers.
 */
import { Histogram } from "./histogram.js";
import { Traces } from "./traces.js";

/** Different labels of one count; more are counted together. */
const maxLabels = 200;
export const otherLabel = "other";

/** Counts by a label. */
export class LabelledCounts {
  readonly #counts = new Map<string | number, number>();

  add(label: string | number, count = 1): void {
    const known = this.#counts.get(label);
    if (known !== undefined) this.#counts.set(label, known + count);
    else if (this.#counts.size < maxLabels) this.#counts.set(label, count);
    else this.#counts.set(otherLabel, (this.#counts.get(otherLabel) ?? 0) + count);
  }

  *[Symbol.iterator](): Iterator<readonly [label: string, count: number]> {
    for (const [label, count] of this.#counts) yield [String(label), count];
  }
}

/** Meters by a label, created with the first use. */
class LabelledMeters<M> {
  readonly #create: (label: string) => M;
  readonly #meters = new Map<string, M>();

  constructor(create: (label: string) => M) {
    this.#create = create;
  }

  get(label: string): M {
    const known = this.#meters.get(label);
    if (known !== undefined) return known;
    if (this.#meters.size >= maxLabels && label !== otherLabel) return this.get(otherLabel);
    const meter = this.#create(label);
    this.#meters.set(label, meter);
    return meter;
  }

  values(): Iterable<M> {
    return this.#meters.values();
  }
}

/** The channels of one pattern. */
export class PatternMeter {
  readonly pattern: string;
  channels = 0;
  subscriptions = 0;
  subscribed = 0;
  published = 0;
  received = 0;
  delivered = 0;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  channelOpened(): void {
    this.channels++;
  }

  channelClosed(): void {
    this.channels--;
  }

  subscriptionAdded(): void {
    this.subscriptions++;
    this.subscribed++;
  }

  subscriptionEnded(): void {
    this.subscriptions--;
  }

  /** A publication is given to the log. */
  publicationSent(): void {
    this.published++;
  }

  /** An event of the log has brought publications. */
  publicationReceived(): void {
    this.received++;
  }

  /** So many publications were handed to one reader. */
  publicationsDelivered(count: number): void {
    this.delivered += count;
  }
}

/** The connections of one transport and codec. */
export class ConnectionMeter {
  readonly transport: string;
  readonly codec: string;
  readonly pings = new Histogram();
  open = 0;
  opened = 0;
  /** Ended by the client or the network. */
  left = 0;
  receivedBytes = 0;
  sentBytes = 0;
  writes = 0;

  constructor(transport: string, codec: string) {
    this.transport = transport;
    this.codec = codec;
  }

  connectionOpened(): void {
    this.open++;
    this.opened++;
  }

  /** @param isByPeer the client or the network has ended it */
  connectionEnded(isByPeer: boolean): void {
    this.open--;
    if (isByPeer) this.left++;
  }

  bytesReceived(bytes: number): void {
    this.receivedBytes += bytes;
  }

  /** In one write. */
  bytesSent(bytes: number): void {
    this.writes++;
    this.sentBytes += bytes;
  }

  /** The client has answered a ping. */
  pingAnswered(milliseconds: number): void {
    this.pings.observeMs(milliseconds);
  }
}

/** A method, with the time it takes and its errors by code. */
export class MethodMeter {
  readonly method: string;
  readonly durations = new Histogram();
  readonly errors = new LabelledCounts();

  constructor(method: string) {
    this.method = method;
  }

  /** @param errorCode undefined if it succeeded */
  done(milliseconds: number, errorCode?: number): void {
    this.durations.observeMs(milliseconds);
    if (errorCode !== undefined) this.errors.add(errorCode);
  }
}

/** What a store on this machine holds. */
export interface StoreSizes {
  /** Pages in use of the index. */
  readonly indexBytes: number;
  /** Of the journal that is being written. */
  readonly journalBytes: number;
  /** Of publications on their way to the index. */
  readonly pendingBytes: number;
  /** Channels with a log. */
  readonly channels: number;
}

/** A store on this machine: its writes, and what it holds. */
export class StoreMeter {
  /** From the start of a write to the journal until it is done: all publications of it are then as safe as with `process`. */
  readonly commits = new Histogram();
  /** Flushes to the disk, for durability `disk`. */
  readonly flushes = new Histogram();
  /** Publications of all writes. */
  committed = 0;
  #readSizes: (() => StoreSizes) | undefined;

  /** Undefined where another process, or a server, has the store. */
  get sizes(): StoreSizes | undefined {
    return this.#readSizes?.();
  }

  /** @param readSizes of the store that this process has open; undefined once it has none */
  watch(readSizes: (() => StoreSizes) | undefined): void {
    this.#readSizes = readSizes;
  }

  committedIn(milliseconds: number, publications: number): void {
    this.commits.observeMs(milliseconds);
    this.committed += publications;
  }

  flushedIn(milliseconds: number): void {
    this.flushes.observeMs(milliseconds);
  }
}

export class Meters {
  readonly store = new StoreMeter();
  /** One turn of delivery: walking channels, and writing to readers. */
  readonly deliveryTurns = new Histogram();
  /** From the time in a publication until this node got its event. */
  readonly brokerLag = new Histogram();
  readonly loopLag = new Histogram();
  readonly replyErrors = new LabelledCounts();
  readonly disconnects = new LabelledCounts();
  readonly unsubscribes = new LabelledCounts();
  /** Closes of WebSockets, by the code of the handshake. */
  readonly webSocketCloses = new LabelledCounts();
  /** By the name of the option that sets the limit. */
  readonly limits = new LabelledCounts();
  recovered = 0;
  notRecovered = 0;
  recoveredPublications = 0;
  positionRepairs = 0;
  logRestarts = 0;
  errors = 0;
  brokerDisconnects = 0;
  isBrokerReachable = true;
  /** Spans and diagnostics of single operations. */
  readonly traces = new Traces();
  readonly #patterns = new LabelledMeters((pattern) => new PatternMeter(pattern));
  readonly #connections = new Map<string, ConnectionMeter>();
  readonly #commands = new LabelledMeters((method) => new MethodMeter(method));
  readonly #apiCalls = new LabelledMeters((method) => new MethodMeter(method));

  get patterns(): Iterable<PatternMeter> {
    return this.#patterns.values();
  }

  get connections(): Iterable<ConnectionMeter> {
    return this.#connections.values();
  }

  get commands(): Iterable<MethodMeter> {
    return this.#commands.values();
  }

  get apiCalls(): Iterable<MethodMeter> {
    return this.#apiCalls.values();
  }

  /** @param pattern of an application's channels; those without one share "" */
  ofPattern(pattern = ""): PatternMeter {
    return this.#patterns.get(pattern);
  }

  /** Of which there are few: names of transports and codecs are the server's own. */
  ofConnection(transport: string, codec: string): ConnectionMeter {
    const key = `${transport} ${codec}`;
    let meter = this.#connections.get(key);
    if (meter === undefined) {
      meter = new ConnectionMeter(transport, codec);
      this.#connections.set(key, meter);
    }
    return meter;
  }

  /** @param method of the protocol */
  ofCommand(method: string): MethodMeter {
    return this.#commands.get(method);
  }

  /** @param method of the server API */
  ofApiCall(method: string): MethodMeter {
    return this.#apiCalls.get(method);
  }

  replyFailed(code: number): void {
    this.replyErrors.add(code);
  }

  /** The server has ended a connection, with a code, or without a word because it was slow: then with the code for that. */
  disconnected(code: number): void {
    this.disconnects.add(code);
  }

  /** @param code of the closing handshake, whoever began it; 1006 without one (RFC 6455 §7.1.5) */
  webSocketClosed(code: number): void {
    this.webSocketCloses.add(code);
  }

  /** The server has ended a subscription. */
  unsubscribed(code: number): void {
    this.unsubscribes.add(code);
  }

  /** @param option that sets the limit */
  limitHit(option: string): void {
    this.limits.add(option);
  }

  /** A client has resumed a channel. */
  recoveredBy(isRecovered: boolean, publications: number): void {
    if (isRecovered) this.recovered++;
    else this.notRecovered++;
    this.recoveredPublications += publications;
  }

  /** Events that a node had missed are read from the log. */
  positionRepaired(): void {
    this.positionRepairs++;
  }

  /** A log has started afresh under readers, which have to start over. */
  logRestarted(): void {
    this.logRestarts++;
  }

  errorReported(): void {
    this.errors++;
  }

  brokerLost(): void {
    this.isBrokerReachable = false;
    this.brokerDisconnects++;
  }

  brokerReached(): void {
    this.isBrokerReachable = true;
  }
}
