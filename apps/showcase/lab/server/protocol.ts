/** What the lab's page and its server say to each other. Runs in the page, too. */
import type { LabMachine, LabResult, LabSample, LabTransport } from "@holdfast/lab/report";

/** What readers of a browser can be: HTTP/2 it speaks over TLS alone, which the lab has none for. */
export const browserTransports = [
  "poll",
  "long-poll",
  "sse",
  "http-stream",
  "websocket",
] as const satisfies readonly LabTransport[];

/** Bounds of what a page may ask for, so that visitors cannot keep the machine busy. */
export const labBounds = {
  maxUsers: 300,
  maxSeconds: 30,
  maxPerSecond: 50,
  maxBytes: 4096,
} as const;

/** A message as the browser's readers get it. */
export interface BenchMessage {
  /** 1, 2, 3 … */
  readonly n: number;
  /** When it was due, in Unix milliseconds of the server's clock. */
  readonly at: number;
  /** So that it is as large as was asked for. */
  readonly pad?: string;
}

export interface BenchLine {
  readonly transport: LabTransport;
  /** Of 127.0.0.1. */
  readonly port: number;
}

/** A run whose servers have not started yet. */
export interface StartingBench {
  readonly run: string;
}

export interface Bench {
  readonly run: string;
  /** In the servers at these ports. */
  readonly channel: string;
  readonly lines: readonly BenchLine[];
  /** Of Holdfast. */
  readonly version: string;
  readonly machine: LabMachine;
}

/** Of one server's process, since the start of the run. Times in milliseconds, sizes in bytes. */
export interface LineUsage {
  readonly cpuMs: number;
  readonly userMs: number;
  readonly systemMs: number;
  readonly rss: number;
  readonly rssBefore: number;
  readonly heapUsed: number;
  readonly loopDelayP99Ms: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly connections: number;
}

/** What the channel of a run tells, once a second; the newest counts. */
export type LabUpdate =
  | {
      readonly type: "bench";
      readonly ms: number;
      readonly published: number;
      readonly isOver: boolean;
      readonly use: Readonly<Partial<Record<LabTransport, LineUsage>>>;
    }
  | { readonly type: "sample"; readonly index: number; readonly count: number; readonly sample: LabSample }
  | { readonly type: "result"; readonly result: LabResult }
  | { readonly type: "failed"; readonly why: string }
  /** Before its end: from another window of the same person, or by the server. */
  | { readonly type: "ended" };
