/** What the plots are drawn from: files of bench/results, and how several rounds of them become one figure. */
import { readFileSync } from "node:fs";
import { type Machine, summarize } from "../support/report.js";
import type { SeriesClass } from "./plot-document.js";

export interface Measurements<Sample> {
  readonly bench: string;
  readonly machine: Omit<Machine, "memoryBytes">;
  readonly settings: Readonly<Record<string, unknown>> & { readonly missing?: readonly string[] };
  readonly samples: readonly Sample[];
}

/** @throws Error when the file is none of a benchmark's */
export function readMeasurements(file: string): Measurements<unknown> {
  const content = JSON.parse(readFileSync(file, "utf8")) as Partial<Measurements<unknown>>;
  if (typeof content.bench !== "string" || content.machine === undefined)
    throw new Error(`${file} holds no measurements: it has no bench or no machine`);
  return { settings: {}, samples: [], ...content } as Measurements<unknown>;
}

/** @param how several rounds became what is drawn */
export function footerOf({ machine, settings }: Measurements<unknown>, how = "medians of"): string {
  const { date, node, cpu, cores } = machine;
  const rounds = settings.rounds === undefined ? "" : `, ${roundsOf(settings.rounds, how)}`;
  return `${date.slice(0, 10)}, ${cores} cores of ${cpu}, Node.js ${node.replace("v", "")}${rounds}.`;
}

function roundsOf(rounds: unknown, how: string): string {
  return rounds === 1 ? "one round" : `${how} ${rounds} rounds`;
}

/** Names in the order in which they came first. */
export function namesIn<Sample>(
  samples: readonly Sample[],
  nameOf: (sample: Sample) => string,
): readonly string[] {
  return [...new Set(samples.map(nameOf))];
}

export function medianOf<Sample>(samples: readonly Sample[], figure: (sample: Sample) => number): number {
  return summarize(samples.map(figure)).median;
}

const seriesOf: Readonly<Record<string, SeriesClass>> = {
  holdfast: "s0",
  "holdfast-memory": "s1",
  "holdfast-durable": "s1",
  "holdfast-process": "s1",
  "holdfast-disk": "s2",
  ws: "s3",
  "socket.io": "s4",
  "nats-server": "s5",
  "nats-jetstream": "s5",
  nchan: "s6",
};

/** The same contender has the same colour in all plots. */
export function colourOf(contender: string): SeriesClass {
  return seriesOf[contender] ?? "s6";
}

/** The order in which contenders stand, whoever had the first turn. */
export function inUsualOrder(names: readonly string[]): readonly string[] {
  const order = Object.keys(seriesOf);
  return [...names].sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

/** 0.234 → "0.23 ms", 12.3 → "12 ms" */
export function milliseconds(value: number): string {
  return `${value < 10 ? Number(value.toPrecision(2)) : Math.round(value)} ms`;
}
