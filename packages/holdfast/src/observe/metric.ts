/** What a metric is, and what it is read from. */
import type { Distribution } from "./histogram.js";
import type { Meters } from "./meters.js";

/** Sizes that a node knows anyway, read when somebody asks. */
export interface NodeSizes {
  readonly users: number;
  readonly sockets: number;
  readonly ringBytes: number;
  /** Slow connections, and the bytes that wait for them. */
  readonly behind: number;
  readonly heldBytes: number;
  readonly deliveries: number;
  readonly openRequests: number;
  readonly waitingRequests: number;
  readonly bodyBytes: number;
  readonly responseBytes: number;
  readonly startedAt: number;
  readonly version: string;
}

export interface ProcessUse {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** From 0 up to 1, since the start. */
  readonly loopUtilization: number;
}

export interface ObservedNode {
  readonly meters: Meters;
  readonly sizes: NodeSizes;
  readonly use: ProcessUse;
  /** Living nodes, this one included. */
  readonly nodes: number;
}

/** Values of the metric's labels in order, and the value. Plain data. */
export type Sample = readonly [labels: readonly string[], value: number | Distribution];

export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels?: readonly string[];
  /** The metric of Centrifugo that means the same. */
  readonly centrifugo?: string;
  /** For a histogram: upper bounds of its buckets, in seconds. */
  readonly bounds?: readonly number[];
  read(node: ObservedNode): Iterable<Sample>;
}
