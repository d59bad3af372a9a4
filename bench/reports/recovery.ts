/** Recoveries after a crash as a table, when clients were live again and whether anything was lost or duplicated, and as a plot. */
import { formatCount } from "@holdfast/lab/report";
import type { Faults } from "../support/recovery-crowd.js";
import { summarize, table } from "../support/report.js";
import { type Line, linearScale, linesPanel } from "./line-panel.js";
import { colourOf, footerOf, type Measurements, namesIn } from "./measurements.js";
import { drawDocument } from "./plot-document.js";

/** Milliseconds. */
export interface LiveTimes {
  readonly first: number;
  readonly p50: number;
  readonly p99: number;
  readonly last: number;
}

export interface RecoverySample extends Faults {
  readonly durability: string;
  readonly round: number;
  readonly clients: number;
  readonly live: number;
  /** From the kill until the new server listens. */
  readonly downMs: number;
  readonly sinceKill: LiveTimes;
  readonly sinceListening: LiveTimes;
  /** To clients that are live while others come back, from sending until it was there; undefined if nothing was. */
  readonly deliveryP99Ms: number | undefined;
  readonly deliveries: number;
  readonly failedAttempts: number;
  /** Connections that were lost once more, after the restart. */
  readonly lostAgain: number;
  readonly published: number;
  readonly acknowledged: number;
  /** Points of the curve: milliseconds since the kill, and clients that are live. */
  readonly curve: readonly (readonly [ms: number, live: number])[];
}

const head = [
  "",
  "clients",
  "down ms",
  "first",
  "half",
  "99 %",
  "last",
  "last since kill",
  "delivery p99",
  "unrecovered",
  "gaps",
  "duplicates",
  "lost",
  "failed attempts",
];

export const recoveryLegend =
  "down: from SIGKILL until the new process listens, which includes starting Node.js. first, half, 99 %, last: milliseconds\n" +
  "from then until so many clients are live; live is who has subscribed again with its position and has everything that\n" +
  "was acknowledged or seen by anybody before. Medians over the rounds. delivery p99: milliseconds from sending a publication\n" +
  "until it was with a client that was live while others were coming back. unrecovered: clients whose position was gone.\n" +
  "gaps, duplicates: publications that a client did not get or got twice, all clients and rounds together. lost:\n" +
  "acknowledged, but not in the log. failed attempts: to connect, one client every 20 ms while nobody listens.\n" +
  "There are no peers here: ws and Socket.IO keep nothing on a disk.";

export function recoveryTable(samples: readonly RecoverySample[]): string {
  const durabilities = [...new Set(samples.map(({ durability }) => durability))];
  const rows = durabilities.map((durability) => {
    const own = samples.filter((sample) => sample.durability === durability);
    const median = (figure: (sample: RecoverySample) => number) =>
      formatCount(summarize(own.map(figure)).median);
    const total = (figure: (sample: RecoverySample) => number) =>
      formatCount(own.reduce((sum, sample) => sum + figure(sample), 0));
    return [
      `holdfast-${durability}`,
      median(({ clients }) => clients),
      median(({ downMs }) => downMs),
      median(({ sinceListening }) => sinceListening.first),
      median(({ sinceListening }) => sinceListening.p50),
      median(({ sinceListening }) => sinceListening.p99),
      median(({ sinceListening }) => sinceListening.last),
      median(({ sinceKill }) => sinceKill.last),
      deliveryOf(own),
      total(({ unrecovered }) => unrecovered),
      total(({ gaps }) => gaps),
      total(({ duplicates }) => duplicates),
      total(({ lostAcknowledged }) => lostAcknowledged),
      median(({ failedAttempts }) => failedAttempts),
    ];
  });
  return table(head, rows);
}

function deliveryOf(samples: readonly RecoverySample[]): string {
  const known = samples.flatMap(({ deliveryP99Ms }) => deliveryP99Ms ?? []);
  return known.length === 0 ? "-" : formatCount(summarize(known).median);
}

/** @param times ascending, in milliseconds, at least one */
export function liveTimes(times: readonly number[], since: number): LiveTimes {
  const at = (fraction: number) =>
    (times[Math.max(0, Math.ceil(fraction * times.length) - 1)] as number) - since;
  return { first: at(0), p50: at(0.5), p99: at(0.99), last: at(1) };
}

/** A curve of so many steps at most. */
export function curveOf(times: readonly number[], since: number, steps = 200): RecoverySample["curve"] {
  const counts = new Set(
    Array.from({ length: steps }, (_, i) => Math.max(1, Math.round(((i + 1) / steps) * times.length))),
  );
  return [...counts].map((count) => [Math.round((times[count - 1] as number) - since), count] as const);
}

export function drawRecovery(measured: Measurements<RecoverySample>): string {
  const { samples } = measured;
  const durabilities = namesIn(samples, ({ durability }) => durability);
  const typical = durabilities.map((durability) =>
    middleOf(samples.filter((sample) => sample.durability === durability)),
  );
  const lines = typical.map(({ durability, curve, downMs }): Line => {
    const name = `holdfast-${durability}`;
    const points = curve.map(([ms, live]) => [ms / 1000, live] as const);
    return { name, series: colourOf(name), points: [[0, 0], [downMs / 1000, 0], ...points] };
  });
  const most = Math.max(...lines.flatMap(({ points }) => points.map(([seconds]) => seconds)));
  const clients = Math.max(...samples.map((sample) => sample.clients));
  const faults = samples.reduce((sum, { gaps, duplicates }) => sum + gaps + duplicates, 0);
  return drawDocument({
    title: `${formatCount(clients)} clients after kill -9 of the server`,
    subtitle:
      "Clients that are subscribed again and have everything they missed. The server starts again on the same folder at " +
      `once, and publishing goes on. ${faults === 0 ? "No gaps, no duplicates" : `${formatCount(faults)} gaps and duplicates`}.`,
    panels: [
      linesPanel({
        heading: "Live clients",
        lines,
        xTitle: "seconds since the kill",
        x: (pixels) => linearScale(most, pixels),
        y: (pixels) => linearScale(clients, pixels),
        marks: typical.slice(0, 1).map(({ downMs }) => ({ x: downMs / 1000, name: "listening again" })),
      }),
    ],
    footer: footerOf(measured, "the middle one of"),
  });
}

/** The round whose last client came back neither first nor last. */
function middleOf(samples: readonly RecoverySample[]): RecoverySample {
  const sorted = samples.toSorted((a, b) => a.sinceKill.last - b.sinceKill.last);
  return sorted[Math.floor((sorted.length - 1) / 2)] as RecoverySample;
}
