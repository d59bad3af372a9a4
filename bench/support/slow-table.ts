/** What stalled readers cost the others, and the server's memory, summed up: medians over the rounds. */
import type { LatencySummary } from "./latency-histogram.js";
import type { Usage } from "./measured-usage.js";
import type { MemoryPoint } from "./memory-watch.js";
import { grouped, percent, ratio, table } from "./report.js";
import { summarize } from "./statistics.js";

/** One half of a measurement: without or with stalled readers. */
export interface SlowHalf extends LatencySummary, Usage {
  readonly deliveriesPerSecond: number;
  readonly published: number;
  readonly seconds: number;
  /** Connections at the end, besides those of the readers and the publisher: the stalled that were not cut. */
  readonly others: number;
}

export interface SlowSample {
  readonly contender: string;
  readonly round: number;
  readonly stalled: number;
  readonly without: SlowHalf;
  readonly with: SlowHalf;
  /** Published while the stalled were there, before the measurement and in it. */
  readonly bytesToEachStalled: number;
  /** From before the stalled came to the end. */
  readonly memory: readonly MemoryPoint[];
}

const head = [
  "",
  "deliveries/s without",
  "with",
  "ratio",
  "p50 ms without",
  "with",
  "p99 ms without",
  "with",
  "RSS MiB before",
  "most",
  "grown",
  "unsent MiB",
  "sent to stalled MiB",
  "stalled left",
];

export const slowLegend =
  "deliveries/s, p50, p99: of the readers that read, without and with those that don't, once the systems' buffers for these\n" +
  "are full; from a publication's leaving until each delivery. The next one leaves when all have it. RSS: of the server's\n" +
  "process, before the stalled come and at its most while they are there. unsent: what the server counts as waiting for its\n" +
  "peers, at its most; several may share the same memory. sent to stalled: bytes published for them, of which the systems'\n" +
  "buffers hold the first part, some 4 MiB for each on Linux. stalled left: not cut at the end. Medians over the rounds.";

const mebibyte = 1024 * 1024;

export function slowTable(samples: readonly SlowSample[]): string {
  const names = [...new Set(samples.map(({ contender }) => contender))];
  return table(
    head,
    names.map((name) => rowOf(samples.filter(({ contender }) => contender === name))),
  );
}

export function mostOf(
  points: readonly MemoryPoint[],
  figure: (point: MemoryPoint) => number | undefined,
): number | undefined {
  const values = points.map(figure).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : Math.max(...values);
}

function rowOf(samples: readonly SlowSample[]): readonly string[] {
  const median = (figure: (sample: SlowSample) => number) => summarize(samples.map(figure)).median;
  const optional = (figure: (sample: SlowSample) => number | undefined, show: (value: number) => string) => {
    const values = samples.map(figure).filter((value) => value !== undefined);
    return values.length === 0 ? "-" : show(summarize(values).median);
  };
  const mebibytes = (bytes: number) => (bytes / mebibyte).toFixed(1);
  const rateWithout = median(({ without }) => without.deliveriesPerSecond);
  const rateWith = median((sample) => sample.with.deliveriesPerSecond);
  const before = median((sample) => sample.memory[0]?.rssBytes ?? 0);
  const most = median((sample) => mostOf(sample.memory, ({ rssBytes }) => rssBytes) ?? 0);
  return [
    samples[0]?.contender ?? "",
    grouped(rateWithout),
    grouped(rateWith),
    ratio(rateWith, rateWithout),
    median(({ without }) => without.p50Ms).toFixed(1),
    median((sample) => sample.with.p50Ms).toFixed(1),
    median(({ without }) => without.p99Ms).toFixed(1),
    median((sample) => sample.with.p99Ms).toFixed(1),
    mebibytes(before),
    mebibytes(most),
    mebibytes(most - before),
    optional((sample) => mostOf(sample.memory, ({ unsentBytes }) => unsentBytes), mebibytes),
    mebibytes(median((sample) => sample.bytesToEachStalled * sample.stalled)),
    percent(median((sample) => sample.with.others / sample.stalled)),
  ];
}
