/** Latencies by rate and contender, summed up: medians over the rounds. */
import type { Usage } from "./measured-usage.js";
import type { OpenLoopResult } from "./open-loop.js";
import { grouped, percent, table } from "./report.js";
import { summarize } from "./statistics.js";

export interface LatencySample extends OpenLoopResult, Usage {
  readonly contender: string;
  readonly round: number;
  /** Publications a second that were due. */
  readonly rate: number;
  readonly subscribers: number;
}

const head = [
  "published/s",
  "",
  "deliveries/s",
  "p50 ms",
  "p99 ms",
  "p99.9 ms",
  "publisher late",
  "server CPU",
];

export const latencyLegend =
  "p50, p99, p99.9: from the time at which a publication was due until each delivery, whether it could be sent then or not.\n" +
  "publisher late: 99 % of publications were sent within so many milliseconds of that time, which is the load's part.\n" +
  "saturated: the server did not keep up, or gave up on subscribers, and higher rates were left out. server CPU: of one core.\n" +
  "Medians over the rounds. holdfast keeps its log in memory, holdfast-durable writes a publication to a file before it\n" +
  "delivers or confirms it, and holdfast-disk flushes it to the disk before that; all three keep more than by default, so that\n" +
  "what a publisher that was late sends at once ends no subscription. ws, socket.io and nats-server keep nothing and confirm\n" +
  "nothing.";

/** @param missing names of contenders that are not on this machine */
export function latencyTable(samples: readonly LatencySample[], missing: readonly string[]): string {
  const rates = [...new Set(samples.map(({ rate }) => rate))].sort((a, b) => a - b);
  const names = [...new Set(samples.map(({ contender }) => contender))];
  const rows = rates.flatMap((rate) =>
    names.flatMap((name) => {
      const own = samples.filter((sample) => sample.contender === name && sample.rate === rate);
      return own.length === 0 ? [] : [rowOf(name, rate, own)];
    }),
  );
  return table(head, [...rows, ...missing.map((name) => ["", name, "not installed"])]);
}

function rowOf(name: string, rate: number, samples: readonly LatencySample[]): readonly string[] {
  const median = (figure: (sample: LatencySample) => number) => summarize(samples.map(figure)).median;
  // A rate counts as kept when most rounds kept it.
  const saturated = samples.filter(({ isSaturated }) => isSaturated).length > samples.length / 2;
  const first = [grouped(rate), name];
  const server = percent(median(({ serverUtilisation }) => serverUtilisation));
  if (saturated) return [...first, "saturated", "-", "-", "-", "-", server];
  return [
    ...first,
    grouped(rate * (samples[0]?.subscribers ?? 0)),
    median(({ p50Ms }) => p50Ms).toFixed(2),
    median(({ p99Ms }) => p99Ms).toFixed(2),
    median(({ p999Ms }) => p999Ms).toFixed(2),
    median(({ lateP99Ms }) => lateP99Ms).toFixed(2),
    server,
  ];
}
