/**
 * What the nodes did in the last quarter of an hour: their samples, kept current, and from them the lines of the charts. Counters become
 * rates. Nodes are added up by time: each takes its own samples, so times are rounded to the interval.
 */
import type { LoadAnswer, LoadSample } from "./answers.js";

export interface NodeLoad {
  readonly uid: string;
  readonly name: string;
  /** Oldest first. */
  readonly samples: readonly LoadSample[];
}

export interface Loads {
  readonly intervalMs: number;
  readonly nodes: readonly NodeLoad[];
}

/** As many as the server keeps. */
const maxSamples = 450;

/** Adds what has come since to what was known. Nodes that are gone go. */
export function mergeLoads(before: Loads | undefined, { interval_ms: intervalMs, nodes }: LoadAnswer): Loads {
  const known = new Map(before?.nodes.map((node) => [node.uid, node]));
  return {
    intervalMs,
    nodes: nodes.map(({ uid, name, samples }) => {
      const old = known.get(uid)?.samples ?? [];
      const last = old.at(-1)?.at ?? 0;
      return { uid, name, samples: [...old, ...samples.filter(({ at }) => at > last)].slice(-maxSamples) };
    }),
  };
}

/** The time that the next answer should begin after: the clock of each node is its own. */
export function loadedUntil({ nodes }: Loads): number {
  const ends = nodes.map(({ samples }) => samples.at(-1)?.at ?? 0);
  return ends.length === 0 ? 0 : Math.min(...ends);
}

export type Measure =
  | "connections"
  | "subscriptions"
  | "published"
  | "delivered"
  | "received_bytes"
  | "sent_bytes"
  | "behind"
  | "loop_lag_ms";

const counters: ReadonlySet<Measure> = new Set(["published", "delivered", "received_bytes", "sent_bytes"]);

export interface Point {
  /** Unix milliseconds. */
  readonly at: number;
  readonly value: number;
}

/** The line of a measure: of all nodes together, or of one. The longest delay of any node counts for all. */
export function lineOf({ nodes, intervalMs }: Loads, measure: Measure, uid?: string): readonly Point[] {
  const byTime = new Map<number, number>();
  const shown = uid === undefined ? nodes : nodes.filter((node) => node.uid === uid);
  for (const { samples } of shown)
    for (const { at, value } of pointsOf(samples, measure)) {
      const time = Math.round(at / intervalMs) * intervalMs;
      const sum = byTime.get(time);
      byTime.set(time, measure === "loop_lag_ms" ? Math.max(sum ?? 0, value) : (sum ?? 0) + value);
    }
  const points = [...byTime].map(([at, value]) => ({ at, value })).sort((a, b) => a.at - b.at);
  // The newest times that not all nodes have sampled would look like a fall.
  const ends = shown.map(({ samples }) => samples.at(-1)?.at ?? 0);
  const end = Math.round(Math.min(...ends) / intervalMs) * intervalMs;
  return points.filter(({ at }) => at <= end);
}

function pointsOf(samples: readonly LoadSample[], measure: Measure): readonly Point[] {
  if (!counters.has(measure)) return samples.map((sample) => ({ at: sample.at, value: sample[measure] }));
  return samples.slice(1).map((sample, i) => {
    const before = samples[i] as LoadSample;
    const seconds = (sample.at - before.at) / 1000;
    // A node that has started afresh counts from nothing.
    const more = Math.max(0, sample[measure] - before[measure]);
    return { at: sample.at, value: seconds > 0 ? more / seconds : 0 };
  });
}

/** Samples in a row after which something is the matter, and not the moment. */
const lasting = 3;

export function isLastingAbove(points: readonly Point[], limit: number): boolean {
  const newest = points.slice(-lasting);
  return newest.length === lasting && newest.every(({ value }) => value > limit);
}

/** How far back a line is drawn: a short one is not squeezed into a corner. */
export function minutesOf(points: readonly Point[]): number {
  const seconds = ((points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0)) / 1000;
  return seconds <= 60 ? 1 : seconds <= 300 ? 5 : 15;
}

export interface Shape {
  /** Of an SVG polyline: "x,y x,y". */
  readonly line: string;
  readonly area: string;
  readonly max: number;
}

/** A line as it is drawn: the newest point at the right edge, nothing at the bottom. */
export function shapeOf(
  points: readonly Point[],
  { width, height, spanMs }: { readonly width: number; readonly height: number; readonly spanMs: number },
): Shape {
  const end = points.at(-1)?.at ?? 0;
  const max = Math.max(0, ...points.map(({ value }) => value));
  const top = max === 0 ? 1 : max;
  const shown = points.filter(({ at }) => at > end - spanMs);
  const places = shown.map(({ at, value }) => {
    const x = width * (1 - (end - at) / spanMs);
    return `${round(x)},${round(height - (height * value) / top)}`;
  });
  const [first = "0,0"] = places;
  const startX = first.slice(0, first.indexOf(","));
  return {
    line: places.join(" "),
    area: places.length < 2 ? "" : `${startX},${height} ${places.join(" ")} ${width},${height}`,
    max,
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
