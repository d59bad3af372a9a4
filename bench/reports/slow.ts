/** What stalled readers cost the others and the server's memory, as a table of medians over the rounds, and as a plot. */
import { formatCount } from "@holdfast/lab/report";
import type { LatencySummary } from "../support/report.js";
import { percent, ratio, summarize, table } from "../support/report.js";
import type { MemoryPoint, Usage } from "../support/server-usage.js";
import { type Line, linearScale, linesPanel } from "./line-panel.js";
import {
  colourOf,
  footerOf,
  inUsualOrder,
  type Measurements,
  medianOf,
  milliseconds,
  namesIn,
} from "./measurements.js";
import { type Bar, barsPanel, drawDocument } from "./plot-document.js";

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

export function maxOf(
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
  const most = median((sample) => maxOf(sample.memory, ({ rssBytes }) => rssBytes) ?? 0);
  return [
    samples[0]?.contender ?? "",
    formatCount(rateWithout),
    formatCount(rateWith),
    ratio(rateWith, rateWithout),
    median(({ without }) => without.p50Ms).toFixed(1),
    median((sample) => sample.with.p50Ms).toFixed(1),
    median(({ without }) => without.p99Ms).toFixed(1),
    median((sample) => sample.with.p99Ms).toFixed(1),
    mebibytes(before),
    mebibytes(most),
    mebibytes(most - before),
    optional((sample) => maxOf(sample.memory, ({ unsentBytes }) => unsentBytes), mebibytes),
    mebibytes(median((sample) => sample.bytesToEachStalled * sample.stalled)),
    percent(median((sample) => sample.with.others / sample.stalled)),
  ];
}

export function drawSlow(measured: Measurements<SlowSample>): string {
  const { samples } = measured;
  const names = inUsualOrder(namesIn(samples, ({ contender }) => contender));
  const stalled = samples[0]?.stalled ?? 0;
  const bars = names.flatMap((name): Bar[] => {
    const own = samples.filter(({ contender }) => contender === name);
    const half = (which: "without" | "with", title: string): Bar => {
      const perSecond = medianOf(own, (sample) => sample[which].deliveriesPerSecond);
      const p99 = medianOf(own, (sample) => sample[which].p99Ms);
      const label = `${formatCount(perSecond)}/s, p99 ${milliseconds(p99)}`;
      return { name: title, series: colourOf(name), value: perSecond, label };
    };
    return [half("without", name), half("with", "with stalled")];
  });
  const lines = names.map((name): Line => {
    const { memory } = samples.find(({ contender }) => contender === name) as SlowSample;
    const before = memory[0]?.rssBytes ?? 0;
    const points = memory.map(
      ({ seconds, rssBytes }) => [seconds, grownMebibytes(rssBytes, before)] as const,
    );
    return { name, series: colourOf(name), points };
  });
  const all = lines.flatMap(({ points }) => points);
  return drawDocument({
    title: `${formatCount(stalled)} subscribers that never read`,
    subtitle:
      "Deliveries to the others, without and with them, and how the server's memory grows while they stay.",
    panels: [
      barsPanel({ heading: "Deliveries per second to those who read", bars }),
      linesPanel({
        heading: "Growth of the server's resident memory, MiB, in the first round",
        lines,
        xTitle: "seconds since the stalled came",
        x: (pixels) => linearScale(Math.max(...all.map(([seconds]) => seconds)), pixels),
        y: (pixels) => linearScale(Math.max(1, ...all.map(([, grown]) => grown)), pixels),
      }),
    ],
    footer: footerOf(measured),
  });
}

function grownMebibytes(bytes: number, before: number): number {
  return Math.max(0, (bytes - before) / mebibyte);
}
