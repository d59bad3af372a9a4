/** Measurements of acknowledged publishing as a table, medians over the rounds beside what each acknowledgement says, and as a plot. */
import { formatCount } from "@holdfast/lab/report";
import type { LatencySummary } from "../support/report.js";
import { percent, summarize, table } from "../support/report.js";
import type { PublishShape } from "../support/shapes.js";
import {
  colourOf,
  footerOf,
  inUsualOrder,
  type Measurements,
  medianOf,
  milliseconds,
  namesIn,
} from "./measurements.js";
import { type Bar, barsPanel, drawDocument, missingBars } from "./plot-document.js";

/** One contender with one shape in one round. Utilisations are fractions of one core. */
export interface PublishSample extends LatencySummary, Omit<PublishShape, "title"> {
  readonly contender: string;
  readonly shape: string;
  readonly round: number;
  readonly published: number;
  readonly seconds: number;
  readonly publishesPerSecond: number;
  readonly serverCpuMicrosEach: number;
  readonly serverUtilisation: number;
  readonly loadUtilisation: number;
  readonly othersUtilisation: number;
}

const head = ["", "acknowledged/s", "min … max", "p50 ms", "p99 ms", "CPU µs each", "server CPU", "load CPU"];

/** @param missing names of contenders that are not on this machine */
export function publishTable(samples: readonly PublishSample[], missing: readonly string[]): string {
  const names = [...new Set(samples.map(({ contender }) => contender))];
  const rows = names.sort(byOrderIn(samples)).map((name) => rowOf(name, samples));
  return table(head, [...rows, ...missing.map((name) => [name, "not installed"])]);
}

export function publishLegend(
  contenders: readonly { readonly name: string; readonly promise: string }[],
): string {
  const width = Math.max(...contenders.map(({ name }) => name.length));
  const promises = contenders.map(({ name, promise }) => `  ${name.padEnd(width)}  ${promise}\n`);
  return (
    "Medians over the rounds. p50, p99: from handing a publication to its connection until its acknowledgement has been read.\n" +
    "CPU µs each: user and system time of the server's processes per publication. server CPU, load CPU: of one core; where\n" +
    "the load's is close to 100 % and the server's is not, the load generator set the rate. nats-server may use all cores.\n" +
    "Of publishers that share a connection, holdfast carries out 16 publications at a time.\n" +
    `All over WebSockets. What an acknowledgement says of a publication:\n${promises.join("")}`
  );
}

function rowOf(name: string, samples: readonly PublishSample[]): readonly string[] {
  const own = samples.filter(({ contender }) => contender === name);
  const median = (figure: (sample: PublishSample) => number) => summarize(own.map(figure)).median;
  const rate = summarize(own.map(({ publishesPerSecond }) => publishesPerSecond));
  return [
    name,
    formatCount(rate.median),
    `${formatCount(rate.min)} … ${formatCount(rate.max)}`,
    median(({ p50Ms }) => p50Ms).toFixed(2),
    median(({ p99Ms }) => p99Ms).toFixed(2),
    median(({ serverCpuMicrosEach }) => serverCpuMicrosEach).toFixed(1),
    percent(median(({ serverUtilisation }) => serverUtilisation)),
    percent(median(({ loadUtilisation }) => loadUtilisation)),
  ];
}

/** The order of the first round, in which nobody's turn is moved. */
function byOrderIn(samples: readonly PublishSample[]): (a: string, b: string) => number {
  const order = samples.filter(({ round }) => round === 1).map(({ contender }) => contender);
  return (a, b) => order.indexOf(a) - order.indexOf(b);
}

export function drawPublish(measured: Measurements<PublishSample>): string {
  const { samples, settings } = measured;
  const shapes = namesIn(samples, ({ shape }) => shape);
  // More channels are in the table; here they would only make the plot long.
  const least = Math.min(...samples.map(({ channels }) => channels));
  const drawn = shapes.filter((title) =>
    samples.some(({ shape, channels }) => shape === title && channels === least),
  );
  const panels = drawn.map((shape) => {
    const those = samples.filter((sample) => sample.shape === shape);
    const names = inUsualOrder(namesIn(those, ({ contender }) => contender));
    const bars = names.map((name): Bar => {
      const own = those.filter(({ contender }) => contender === name);
      const perSecond = medianOf(own, ({ publishesPerSecond }) => publishesPerSecond);
      const p99 = medianOf(own, ({ p99Ms }) => p99Ms);
      return {
        name,
        series: colourOf(name),
        value: perSecond,
        label: `${formatCount(perSecond)}/s, p99 ${milliseconds(p99)}`,
      };
    });
    return barsPanel({ heading: shape, bars: [...bars, ...missingBars(settings.missing)] });
  });
  return drawDocument({
    title: "Acknowledged publications per second",
    subtitle:
      "Holdfast by durability: memory acknowledges at once, process once written (survives kill -9), disk once flushed. " +
      "ws and Socket.IO keep nothing. JetStream has a log in a file, which the disk gets later.",
    panels,
    footer: footerOf(measured),
  });
}
