/** What a run of the lab has measured, as plain data: the engine writes it, the command and pages show it. */

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

export interface TransportWords {
  readonly title: string;
  /** One line. */
  readonly description: string;
}

export const transportWords: Readonly<Record<LabTransport, TransportWords>> = {
  poll: { title: "Polling", description: "asks at an interval whether there is anything new" },
  "long-poll": { title: "Long polling", description: "asks, and the answer waits until there is something" },
  sse: { title: "Server-sent events", description: "one response that never ends, read by EventSource" },
  "http-stream": {
    title: "HTTP stream",
    description: "what SDKs fall back to: one response that never ends, and requests beside it",
  },
  websocket: { title: "WebSocket", description: "one connection that both sides write to" },
  "websocket-h2": {
    title: "WebSocket over HTTP/2",
    description: "the same in a stream of an HTTP/2 connection (RFC 8441)",
  },
};

/** Which header fields requests carry: those of Chromium, or the fewest that work. */
export const headerKinds = ["browser", "least"] as const;
export type HeaderKind = (typeof headerKinds)[number];

/** Times are milliseconds, sizes bytes. */
export interface LabSettings {
  readonly transports: readonly LabTransport[];
  /** Virtual users of each transport, each with connections of its own. */
  readonly users: number;
  /** Between two requests of one that polls. */
  readonly intervalMs: number;
  /** Messages published a second. */
  readonly perSecond: number;
  /** Of a message's data as JSON. */
  readonly bytes: number;
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
  /** How old news may be when it arrives. Not measured with, but judged by. */
  readonly tolerableMs: number;
  /** Whether clients send as well. Not measured with, but judged by. */
  readonly isTwoWay: boolean;
  /** Transports that the network in question is known to stop. Measured, but not recommended. */
  readonly blocked: readonly LabTransport[];
  readonly headers: HeaderKind;
  readonly seed: number;
}

/** Messages are published for one interval of polls before the window, but for no longer than this. */
export const mostWarmUpMs = 120_000;

export interface LabMachine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Version of Node.js. */
  readonly node: string;
  readonly platform: string;
}

/** So many latencies above `fromMs`, up to `toMs`. */
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
  /** Answers to reads, complete; a stream's answer counts when its head has come. */
  readonly answers: number;
  /** Those of them without a message in them. */
  readonly emptyAnswers: number;
  /** From users to the server, header fields and framing included. TCP's and IP's own are not. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** TCP connections opened. */
  readonly connections: number;
  /** WebSocket messages, events or lines that came. One can carry several publications, or be a ping. */
  readonly frames: number;
  /** Publications that reached a user, repeated ones included. */
  readonly deliveries: number;
  /** Connections lost in use, not by the user's own doing. */
  readonly cuts: number;
  readonly reconnects: number;
}

export interface ServerUse {
  readonly userMs: number;
  readonly systemMs: number;
  /** Both, over the time: 100 is a whole core. */
  readonly corePercent: number;
  /** Both, in microseconds. Null where nothing was delivered. */
  readonly microsPerDelivery: number | null;
  /** How late the server's event loop was for its timers, 99 % of the time at most. */
  readonly loopDelayP99Ms: number;
  /** Open TCP connections once all users were there, as the server sees it. */
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

/** What became of the messages, by their sequence numbers: over the whole run, not only the window. */
export interface SequenceOutcome {
  readonly published: number;
  /** Published, times users. */
  readonly expected: number;
  /** Of these, how many never came. */
  readonly missed: number;
  /** How many came once more. */
  readonly duplicates: number;
  /** How many came after a later one. */
  readonly outOfOrder: number;
}

/** The process that plays the users: whether it had room to measure. */
export interface LoadHealth {
  /** Share of the time in which its event loop was busy, 0 to 1. */
  readonly loopUtilization: number;
  /** The same while messages were arriving, from the first user that one reaches to the last; bursts of a few milliseconds are left out. */
  readonly arrivalUtilization: number;
  readonly corePercent: number;
  /** 99 % of publications were sent within so long of their time. */
  readonly lateP99Ms: number;
  /** Of all cores of the machine, by whatever program, 0 to 1. */
  readonly machineBusy: number;
}

export interface LabMeasurement {
  readonly transport: LabTransport;
  readonly users: number;
  /** Users that were connected, or had their first answer, when the window began. */
  readonly opened: number;
  /** Length of the window as it was. */
  readonly windowMs: number;
  /** Messages that were due in the window. */
  readonly messages: number;
  readonly traffic: LabTraffic;
  /** What it took until all users were there, and how long. */
  readonly opening: LabTraffic & { readonly ms: number; readonly serverCpuMs: number };
  /** From when a message was due to when a user had read it, of all messages that were due in the window. */
  readonly latency: LatencySummary;
  readonly server: ServerUse;
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
  /** Where one browser has read, over all transports at once: nothing is known of opening, and of memory nothing worth saying. */
  readonly isByBrowser?: boolean;
}
