/** Measurements of a fan-out, summed up: medians and spread over the rounds, beside the yardstick. */
import { contenderNames, yardstick } from "./contenders.js";
import { grouped, percent, ratio, table } from "./report.js";
import { type Summary, summarize } from "./statistics.js";

/** One contender at one window in one round. Utilisations are fractions of one core. */
export interface FanOutSample {
  readonly contender: string;
  readonly window: number;
  readonly round: number;
  readonly deliveries: number;
  readonly seconds: number;
  readonly deliveriesPerSecond: number;
  readonly serverCpuMicrosPerDelivery: number;
  readonly serverUtilisation: number;
  readonly loadUtilisation: number;
  /** Of all other processes on the machine. */
  readonly othersUtilisation: number;
}

const head = [
  "",
  "deliveries/s",
  "least … most",
  `to ${yardstick}`,
  "CPU µs each",
  "least … most",
  `to ${yardstick}`,
  "server CPU",
  "load CPU",
  "others",
];

/** How to read the table. */
export const fanOutLegend =
  "Medians over the rounds, and the least and most of them. CPU µs each: user and system time of the server's whole\n" +
  "process per delivery. server CPU, load CPU, others (all other processes of the machine): of one core. Where the load's\n" +
  "is close to 100 % and the server's is not, the load generator set the rate, and the CPU time per delivery says more\n" +
  "about the server. Where others take much, everything is slower than it would be on a quiet machine.";

export function fanOutTable(samples: readonly FanOutSample[]): string {
  const measured = new Set(samples.map(({ contender }) => contender));
  const names = contenderNames.filter((name) => measured.has(name));
  const columns = names.map((name) => summariesOf(samples.filter(({ contender }) => contender === name)));
  const base = columns[names.indexOf(yardstick)];
  const rows = columns.map(({ rate, cost, server, load, others }, i) => [
    names[i] ?? "",
    grouped(rate.median),
    `${grouped(rate.least)} … ${grouped(rate.most)}`,
    ratio(rate.median, base?.rate.median),
    cost.median.toFixed(2),
    `${cost.least.toFixed(2)} … ${cost.most.toFixed(2)}`,
    ratio(cost.median, base?.cost.median),
    percent(server.median),
    percent(load.median),
    percent(others.median),
  ]);
  return table(head, rows);
}

function summariesOf(
  samples: readonly FanOutSample[],
): Record<"rate" | "cost" | "server" | "load" | "others", Summary> {
  return {
    rate: summarize(samples.map((sample) => sample.deliveriesPerSecond)),
    cost: summarize(samples.map((sample) => sample.serverCpuMicrosPerDelivery)),
    server: summarize(samples.map((sample) => sample.serverUtilisation)),
    load: summarize(samples.map((sample) => sample.loadUtilisation)),
    others: summarize(samples.map((sample) => sample.othersUtilisation)),
  };
}
