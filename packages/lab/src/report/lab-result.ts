/** The result of a run as plain data: the engine writes it, the command and pages show it. */

/** In the order in which they are measured and shown. */
export const labTransports = [
  "poll",
  "long-poll",
  "sse",
  "http-stream",
  "websocket",
  "websocket-h2",
] as const;

export type LabTransport = (typeof labTransports)[number];

export interface TransportInfo {
  readonly title: string;
  /** One line. */
  readonly description: string;
}

export const transportInfo: Readonly<Record<LabTransport, TransportInfo>> = {
  poll: { title: "Polling", description: "asks at an interval whether there is anything new" },
  "long-poll": { title: "Long polling", description: "a request that waits until there is something" },
  sse: { title: "Server-sent events", description: "one response that never ends, read by EventSource" },
  "http-stream": {
    title: "HTTP stream",
    description: "what SDKs fall back to: one response that never ends, and requests for commands",
  },
  websocket: { title: "WebSocket", description: "one connection that both sides write to" },
  "websocket-h2": {
    title: "WebSocket over HTTP/2",
    description: "the same in a stream of an HTTP/2 connection (RFC 8441)",
  },
};

/** Which header fields requests carry: those of Chromium, or the fewest that work. */
export const headerKinds = ["browser", "minimal"] as const;
export type HeaderKind = (typeof headerKinds)[number];

/** Times are milliseconds, sizes bytes. */
export interface LabSettings {
  readonly transports: readonly LabTransport[];
  /** Virtual users of each transport, each with connections of its own. */
  readonly users: number;
  /** Between two requests of one that polls. */
  readonly intervalMs: number;
  /** Messages published a second. */
  readonly ratePerSecond: number;
  /** Of a message's data as JSON. */
  readonly sizeBytes: number;
  /** The window in which all is counted. */
  readonly durationMs: number;
  /** Simulated network, each way; 0 for none. */
  readonly delayMs: number;
  /** The delay varies by as much up and down. */
  readonly jitterMs: number;
  /** Each connection is cut after so long, on average; 0 for never. */
  readonly cutEveryMs: number;
  /** How long a long poll waits. */
  readonly waitMs: number;
  /** Acceptable latency. Only the verdict uses it. */
  readonly maxLatencyMs: number;
  /** Whether clients also send. Only the verdict uses it. */
  readonly isTwoWay: boolean;
  /** Transports that the network is known to block: measured, but not recommended. */
  readonly blocked: readonly LabTransport[];
  readonly headers: HeaderKind;
  readonly seed: number;
}

/** Settings of a run where nothing else is asked for. */
export const defaultLabSettings: LabSettings = Object.freeze({
  transports: labTransports,
  users: 200,
  intervalMs: 1000,
  ratePerSecond: 1,
  sizeBytes: 100,
  durationMs: 10_000,
  delayMs: 0,
  jitterMs: 0,
  cutEveryMs: 0,
  waitMs: 25_000,
  maxLatencyMs: 1000,
  isTwoWay: false,
  blocked: [],
  headers: "browser",
  seed: 1,
});

/** Messages are published for one interval of polls before the window, but for no longer than this. */
export const maxWarmUpMs = 120_000;

export interface LabMachine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Version of Node.js. */
  readonly node: string;
  readonly platform: string;
}

/** How many latencies are above `fromMs` and up to `toMs`. */
export interface LatencyBucket {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

/** Percentiles are null where nothing was delivered. */
export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  /** Ascending, without empty ones; each is about 12 % wide. */
  readonly buckets: readonly LatencyBucket[];
}

/** What went over the sockets in a stretch of time, counted at the users' end. */
export interface LabTraffic {
  /** HTTP requests, opening handshakes included. */
  readonly requests: number;
  /** Complete responses to reads; that of a stream counts when its head has come. */
  readonly responses: number;
  /** Responses without a message. */
  readonly emptyResponses: number;
  /** From users to the server, header fields and framing included. TCP's and IP's own are not. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** TCP connections opened. */
  readonly connections: number;
  /** WebSocket messages, events or lines that came. One can carry several publications, or be a ping. */
  readonly frames: number;
  /** Publications that reached a user, repeated ones included. */
  readonly deliveries: number;
  /** Connections lost in use that the user did not close. */
  readonly cuts: number;
  readonly reconnects: number;
}

export const noTraffic: LabTraffic = Object.freeze({
  requests: 0,
  responses: 0,
  emptyResponses: 0,
  bytesUp: 0,
  bytesDown: 0,
  connections: 0,
  frames: 0,
  deliveries: 0,
  cuts: 0,
  reconnects: 0,
});

export interface ServerUsage {
  readonly userMs: number;
  readonly systemMs: number;
  /** Both, over the time: 100 is a whole core. */
  readonly corePercent: number;
  /** Both, in microseconds. Null where nothing was delivered. */
  readonly microsPerDelivery: number | null;
  /** How late the server's event loop was for its timers, 99th percentile. */
  readonly loopDelayP99Ms: number;
  /** Open TCP connections once all users were connected, as the server counts them. */
  readonly connections: number;
}

/** Of the server's process, garbage collected before the first two of each kind. */
export interface ServerMemory {
  readonly rssBefore: number;
  readonly rssWithUsers: number;
  readonly rssPeak: number;
  readonly heapBefore: number;
  readonly heapWithUsers: number;
  readonly heapPeak: number;
  /** Growth of RSS by the users, in KiB for each. */
  readonly kibPerUser: number;
}

/** Delivery of the messages by their sequence numbers, over the whole run and not only the window. */
export interface SequenceOutcome {
  readonly published: number;
  /** Published, times users. */
  readonly expected: number;
  /** How many of these never came. */
  readonly missed: number;
  /** How many came once more. */
  readonly duplicates: number;
  /** How many came after a later one. */
  readonly outOfOrder: number;
}

/** Whether the process that plays the users had time to measure. */
export interface LoadHealth {
  /** Share of the time in which its event loop was busy, 0 to 1. */
  readonly loopUtilization: number;
  /** The same while messages were arriving, from the first user that one reaches to the last; bursts of a few milliseconds are left out. */
  readonly arrivalUtilization: number;
  readonly corePercent: number;
  /** How late publications were sent, 99th percentile. */
  readonly lateP99Ms: number;
  /** Of all cores of the machine, by whatever program, 0 to 1. */
  readonly machineBusy: number;
}

export interface LabMeasurement {
  readonly transport: LabTransport;
  readonly users: number;
  /** Users that were connected, or had their first response, when the window began. */
  readonly opened: number;
  /** Length of the window as it was. */
  readonly windowMs: number;
  /** Messages that were due in the window. */
  readonly messages: number;
  readonly traffic: LabTraffic;
  /** What connecting all users took. */
  readonly opening: LabTraffic & { readonly ms: number; readonly serverCpuMs: number };
  /** From when a message was due to when a user had read it, of all messages that were due in the window. */
  readonly latency: LatencySummary;
  readonly server: ServerUsage;
  readonly memory: ServerMemory;
  readonly sequences: SequenceOutcome;
  readonly errors: { readonly count: number; readonly first: readonly string[] };
  readonly load: LoadHealth;
  /** Whether the load was short of processor time, so that latencies say more of it than of the server. */
  readonly isLoadBound: boolean;
}

/** How a run stands, once a second. Counts are since the window began. */
export interface LabSample {
  readonly transport: LabTransport;
  readonly phase: "opening" | "settling" | "measuring" | "draining";
  /** 0 to 1, of this transport. */
  readonly progress: number;
  readonly secondsLeft: number;
  readonly opened: number;
  /** Undefined before the window. */
  readonly window?: {
    readonly ms: number;
    readonly traffic: LabTraffic;
    readonly serverCorePercent: number;
    readonly serverRss: number;
    readonly p50Ms: number | null;
    readonly p99Ms: number | null;
  };
}

export interface LabResult {
  /** Of Holdfast. */
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly machine: LabMachine;
  readonly settings: LabSettings;
  /** Of those transports that were finished. */
  readonly measurements: readonly LabMeasurement[];
  /** Whether one browser read over all transports at once: then opening and memory are not measured. */
  readonly isByBrowser?: boolean;
}
