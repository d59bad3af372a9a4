/** What the processes of a run ask each other, and the child's end of it. A child ends with its parent, however that ends. */
import type {
  LabSettings,
  LabTraffic,
  LabTransport,
  LatencySummary,
  LoadHealth,
  SequenceOutcome,
} from "./report/index.js";
import type { SocketTraffic } from "./traffic.js";

export interface ServerSample {
  /** On the server's own clock. */
  readonly atMs: number;
  readonly userMs: number;
  readonly systemMs: number;
  readonly rss: number;
  /** The highest it ever was. */
  readonly rssPeak: number;
  readonly heapUsed: number;
  readonly loopDelayP99Ms: number;
}

/** Requests to the server's process. */
export interface ServerRequests {
  /** Current figures. */
  sample: { readonly params: object; readonly result: ServerSample };
  /** The same after a garbage collection, which takes its time. */
  sampleAfterGc: { readonly params: object; readonly result: ServerSample };
  /** The same, and the event loop's delay is measured from here. */
  startWindow: { readonly params: object; readonly result: ServerSample };
  /** Open TCP connections. */
  connections: { readonly params: object; readonly result: number };
  /** What went over the sockets that the server has accepted. */
  traffic: { readonly params: object; readonly result: SocketTraffic };
  /** Publishes one message, over no socket. */
  publish: { readonly params: { readonly data: unknown }; readonly result: null };
}

/** Requests to the network's process. */
export interface NetworkRequests {
  /** Whether connections are cut from now on. The result is how many have been cut. */
  setCutting: { readonly params: { readonly isOn: boolean }; readonly result: number };
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

/** Requests to the process that plays the users. */
export interface LoadRequests {
  /** Opens some users and ends them. The result is how many. */
  warm: { readonly params: LoadStart; readonly result: number };
  open: { readonly params: object; readonly result: LoadOpened };
  /** Publishes and measures; events tell when the window begins and ends. */
  run: { readonly params: object; readonly result: LoadOutcome };
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

/** What that process reports by itself. */
export type LoadEvent =
  | { readonly event: "opened"; readonly opened: number }
  | { readonly event: "window start" }
  | { readonly event: "window end" }
  | {
      readonly event: "tick";
      readonly windowMs: number;
      readonly traffic: LabTraffic;
      readonly p50Ms: number | null;
      readonly p99Ms: number | null;
    };

type Handlers<R> = {
  [K in keyof R]: R[K] extends { readonly params: infer P; readonly result: infer V }
    ? (params: P) => V | Promise<V>
    : never;
};

interface Request {
  readonly request: string;
  readonly id: number;
  readonly params: unknown;
}

/** Ctrl+C reaches all processes of a terminal; the first of them decides when the run is over. */
export function exitWithParent(): void {
  if (process.send === undefined)
    throw new Error("holdfast lab starts this process; it does not run by itself");
  // A parent that ended while modules were loading sends no event any more.
  if (!process.connected) process.exit(0);
  process.on("disconnect", () => process.exit(0));
  process.on("SIGINT", () => {});
}

export function handleRequests<R extends object>(handlers: Handlers<R>): void {
  process.on("message", ({ request, id, params }: Request) => {
    const handle = (handlers as Readonly<Record<string, (params: unknown) => unknown>>)[request];
    if (handle === undefined) return;
    Promise.resolve()
      .then(() => handle(params))
      .then(
        (value) => send({ id, value }),
        (error: unknown) => send({ id, error: error instanceof Error ? error.message : String(error) }),
      );
  });
}

/** Does nothing where the parent is gone: then this process ends as well. */
export function send(message: object): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
