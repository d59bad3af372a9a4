/** What the processes of a run say to each other. */
import type {
  LabSettings,
  LabTraffic,
  LabTransport,
  LatencySummary,
  LoadHealth,
  SequenceOutcome,
} from "./report/index.js";
import type { SocketTraffic } from "./socket-counter.js";

export interface ServerSample {
  /** On the server's own clock. */
  readonly atMs: number;
  readonly userMs: number;
  readonly systemMs: number;
  readonly rss: number;
  /** The most it ever was. */
  readonly rssPeak: number;
  readonly heapUsed: number;
  readonly loopDelayP99Ms: number;
}

/** Asked of the server's process. */
export interface ServerAsks {
  /** Figures as they are. */
  sample: { readonly params: object; readonly answer: ServerSample };
  /** The same once garbage is collected, which takes its time. */
  settled: { readonly params: object; readonly answer: ServerSample };
  /** From here on, the event loop's delay counts. */
  mark: { readonly params: object; readonly answer: ServerSample };
  /** Open TCP connections. */
  connections: { readonly params: object; readonly answer: number };
  /** What went over the sockets that the server has accepted. */
  traffic: { readonly params: object; readonly answer: SocketTraffic };
  /** Publishes one message, over no socket. */
  publish: { readonly params: { readonly data: unknown }; readonly answer: null };
}

/** Asked of the network's process. */
export interface NetworkAsks {
  /** Whether connections are cut from now on. */
  cutting: { readonly params: { readonly isOn: boolean }; readonly answer: number };
}

export interface LoadStart {
  readonly settings: LabSettings;
  readonly transport: LabTransport;
  /** Where users connect. */
  readonly port: number;
  /** Where messages are published. */
  readonly serverPort: number;
  readonly apiKey: string;
}

/** Asked of the process that plays the users. */
export interface LoadAsks {
  /** Opens some users and ends them. Answers how many. */
  warm: { readonly params: LoadStart; readonly answer: number };
  open: { readonly params: object; readonly answer: LoadOpened };
  /** Publishes and measures; its news tell when the window begins and ends. */
  run: { readonly params: object; readonly answer: LoadOutcome };
}

export interface LoadOpened {
  readonly opened: number;
  readonly ms: number;
  readonly traffic: LabTraffic;
}

export interface LoadOutcome {
  readonly windowMs: number;
  readonly messages: number;
  readonly traffic: LabTraffic;
  readonly latency: LatencySummary;
  readonly sequences: SequenceOutcome;
  readonly errors: { readonly count: number; readonly first: readonly string[] };
  readonly load: LoadHealth;
}

/** What that process says by itself. */
export type LoadNews =
  | { readonly news: "opened"; readonly opened: number }
  | { readonly news: "window start" }
  | { readonly news: "window end" }
  | {
      readonly news: "tick";
      readonly windowMs: number;
      readonly traffic: LabTraffic;
      readonly p50Ms: number | null;
      readonly p99Ms: number | null;
    };
