/** Measurements of a fan-out as a table, medians and spread over the rounds beside the yardstick, and as a plot. */
import { formatCount } from "@holdfast/lab/report";
import { fanOutContenders, yardstick } from "../support/contenders.js";
import { percent, ratio, type Summary, summarize, table } from "../support/report.js";
import { colourOf, footerOf, inUsualOrder, type Measurements, medianOf, namesIn } from "./measurements.js";
import { type Bar, barsPanel, drawDocument, missingBars, type Panel } from "./plot-document.js";

/** One contender with one shape at one window in one round. Utilisations are fractions of one core. */
export interface FanOutSample {
  readonly contender: string;
  readonly shape: string;
  readonly channels: number;
  readonly subscribers: number;
  readonly window: number;
  readonly round: number;
  readonly published: number;
  readonly deliveries: number;
  readonly seconds: number;
  readonly deliveriesPerSecond: number;
  readonly publishesPerSecond: number;
  /** Received by subscribers, with the headers of frames. */
  readonly bytesPerDelivery: number;
  readonly serverCpuMicrosPerDelivery: number;
  /** Per publication and delivery together. */
  readonly serverCpuMicrosPerMessage: number;
  readonly serverUtilisation: number;
  readonly loadUtilisation: number;
  /** Of all other processes on the machine. */
  readonly othersUtilisation: number;
}

const head = [
  "",
  "deliveries/s",
  "min … max",
  `to ${yardstick}`,
  "CPU µs each",
  "min … max",
  `to ${yardstick}`,
  "server CPU",
  "load CPU",
  "others",
  "published/s",
  "CPU µs a message",
  "bytes each",
];

/** How to read the table. */
export const fanOutLegend =
  "Medians over the rounds, and their minimum and maximum. CPU µs each: user and system time of the server's whole\n" +
  "process per delivery. server CPU, load CPU, others (all other processes of the machine): of one core. Where the load's\n" +
  "is close to 100 % and the server's is not, the load generator set the rate, and the CPU time per delivery says more\n" +
  "about the server. Where others take much, everything is slower than it would be on a quiet machine. CPU µs a message:\n" +
  "per publication and delivery together; the fewer subscribers a channel has, the more of the work is publishing.\n" +
  "ws has no channels; where there are several, it is an application with a set of sockets for each. Of a channel, holdfast\n" +
  "keeps the last 1,000 publications in memory and nchan the last 100; holdfast-durable writes them to a file before they are\n" +
  "confirmed or delivered; the others keep none. holdfast and nchan confirm publications. nats-server has everybody on its\n" +
  "WebSocket listener, and may use all cores; nchan has one process, its subscribers on WebSockets and its publisher on HTTP.\n" +
  "Of those with a store in their name, publishers are connected to a second node, and everything comes over the store.";

/** Where a window is more than one publication. */
export const severalChannelsLegend =
  "With several channels, window 1 stands for as many publications outstanding as make 1,000 deliveries. Of one connection,\n" +
  "holdfast carries out 16 commands at a time; --publishers spreads publishing over more connections.";

/** @param missing names of contenders that are not on this machine */
export function fanOutTable(samples: readonly FanOutSample[], missing: readonly string[]): string {
  const measured = new Set(samples.map(({ contender }) => contender));
  const names = fanOutContenders.map(({ name }) => name).filter((name) => measured.has(name));
  const columns = names.map((name) => summariesOf(samples.filter(({ contender }) => contender === name)));
  const base = columns[names.indexOf(yardstick)];
  const rows = columns.map(({ rate, cost, server, load, others, published, message, size }, i) => [
    names[i] ?? "",
    formatCount(rate.median),
    `${formatCount(rate.min)} … ${formatCount(rate.max)}`,
    ratio(rate.median, base?.rate.median),
    cost.median.toFixed(2),
    `${cost.min.toFixed(2)} … ${cost.max.toFixed(2)}`,
    ratio(cost.median, base?.cost.median),
    percent(server.median),
    percent(load.median),
    percent(others.median),
    formatCount(published.median),
    message.median.toFixed(2),
    String(Math.round(size.median)),
  ]);
  return table(head, [...rows, ...missing.map((name) => [name, "not installed"])]);
}

type Figure = "rate" | "cost" | "server" | "load" | "others" | "published" | "message" | "size";

function summariesOf(samples: readonly FanOutSample[]): Record<Figure, Summary> {
  return {
    rate: summarize(samples.map((sample) => sample.deliveriesPerSecond)),
    cost: summarize(samples.map((sample) => sample.serverCpuMicrosPerDelivery)),
    server: summarize(samples.map((sample) => sample.serverUtilisation)),
    load: summarize(samples.map((sample) => sample.loadUtilisation)),
    others: summarize(samples.map((sample) => sample.othersUtilisation)),
    published: summarize(samples.map((sample) => sample.publishesPerSecond)),
    message: summarize(samples.map((sample) => sample.serverCpuMicrosPerMessage)),
    // Results of earlier runs have none.
    size: summarize(samples.map((sample) => sample.bytesPerDelivery ?? 0)),
  };
}

export function drawFanOut(measured: Measurements<FanOutSample>): string {
  const { samples, settings } = measured;
  const windows = [...new Set(samples.map(({ window }) => window))];
  const panels: Panel[] = [];
  for (const shape of namesIn(samples, (sample) => sample.shape))
    for (const window of windows) {
      const those = samples.filter((sample) => sample.shape === shape && sample.window === window);
      const names = inUsualOrder(namesIn(those, ({ contender }) => contender));
      const bars = names.map((name): Bar => {
        const own = those.filter(({ contender }) => contender === name);
        const perSecond = medianOf(own, ({ deliveriesPerSecond }) => deliveriesPerSecond);
        const micros = medianOf(own, ({ serverCpuMicrosPerDelivery }) => serverCpuMicrosPerDelivery);
        return {
          name,
          series: colourOf(name),
          value: perSecond,
          label: `${formatCount(perSecond)}/s, ${micros.toFixed(1)} µs`,
        };
      });
      const isSingle = those.every(({ channels }) => channels === 1);
      const detail = isSingle
        ? ` ${window === 1 ? "one by one" : `${window} at a time`}`
        : ` window ${window}`;
      panels.push(
        barsPanel({ heading: `${shape},${detail}`, bars: [...bars, ...missingBars(settings.missing)] }),
      );
    }
  return drawDocument({
    title: "Deliveries per second",
    subtitle:
      "And the server's processor time for each, in microseconds. holdfast keeps its log in memory, holdfast-durable writes " +
      "every publication to a file before it delivers it.",
    panels,
    footer: footerOf(measured),
  });
}
