/** Measurements of the engine benchmark as tables: medians, ratios to the yardstick, and whether they are as expected. */
import { formatCount } from "@holdfast/lab/report";
import {
  baseEngine,
  type Goal,
  isOwn,
  type MemorySample,
  type MemoryScenario,
  ownEngine,
  type RateSample,
  type RateScenario,
} from "../support/engine.js";
import { percent, ratio, summarize, table } from "../support/report.js";

const own = ownEngine.name;
const base = baseEngine.name;

const rateHead = [
  "",
  `${own} /s`,
  `${base} /s`,
  "ratio",
  "min … max",
  `${own} CPU µs`,
  `${base} CPU µs`,
  "ratio",
  "min … max",
  "server CPU",
  "load CPU",
  "goal",
  "result",
];

const memoryHead = [
  "",
  `${own} RSS KiB`,
  `${base} RSS KiB`,
  "ratio",
  `${own} heap KiB`,
  `${base} heap KiB`,
  "ratio",
  "goal",
  "result",
];

export const rateLegend =
  `Echoes, deliveries or handshakes per second, and user and system time of the server's whole process for each: medians.\n` +
  `ratio: ${own} to ${base}. min … max: that of single rounds. server CPU, load CPU: of one core, with ${own} / with ${base}.\n` +
  "Where the load's is close to 100 % and the server's is not, the load generator set the rate, and the CPU time says more.";

export const memoryLegend =
  "For each connection: growth of the server's process divided by the connections, after a forced collection of garbage.\n" +
  "RSS: resident memory. heap: objects and buffers that JavaScript holds. compressing: as each server does by default, once\n" +
  "a message has been compressed each way. Measured once each, after nine idle seconds.";

export function rateTable(scenarios: readonly RateScenario[], samples: readonly RateSample[]): string {
  const rows = scenarios.map(({ title, goal }) => {
    const those = samples.filter((sample) => sample.title === title);
    const rate = compare(those, (sample) => sample.perSecond);
    const cost = compare(those, (sample) => sample.serverCpuMicrosEach);
    const server = compare(those, (sample) => sample.serverUtilisation);
    const load = compare(those, (sample) => sample.loadUtilisation);
    return [
      title,
      formatCount(rate.own),
      formatCount(rate.base),
      ratio(rate.own, rate.base),
      `${rate.min.toFixed(2)} … ${rate.max.toFixed(2)}`,
      cost.own.toFixed(2),
      cost.base.toFixed(2),
      ratio(cost.own, cost.base),
      `${cost.min.toFixed(2)} … ${cost.max.toFixed(2)}`,
      `${percent(server.own)} / ${percent(server.base)}`,
      `${percent(load.own)} / ${percent(load.base)}`,
      ...verdict(goal, (goal?.of === "CPU" ? cost : rate).ratio),
    ];
  });
  return table(rateHead, rows);
}

export function memoryTable(scenarios: readonly MemoryScenario[], samples: readonly MemorySample[]): string {
  const rows = scenarios.map(({ title, goal }) => {
    const those = samples.filter((sample) => sample.title === title);
    const rss = compare(those, (sample) => sample.rssBytesEach / 1024);
    const heap = compare(those, (sample) => sample.heapBytesEach / 1024);
    return [
      title,
      rss.own.toFixed(2),
      rss.base.toFixed(2),
      ratio(rss.own, rss.base),
      heap.own.toFixed(2),
      heap.base.toFixed(2),
      ratio(heap.own, heap.base),
      ...verdict(goal, rss.ratio),
    ];
  });
  return table(memoryHead, rows);
}

/** Medians of both, their ratio, and the extremes of the ratio in single rounds, whose two measurements follow each other. */
function compare<T extends { readonly engine: string }>(
  samples: readonly T[],
  figure: (sample: T) => number,
) {
  const ours = samples.filter(isOwn).map(figure);
  const theirs = samples.filter((sample) => !isOwn(sample)).map(figure);
  const { min, max } = summarize(ours.map((value, round) => value / (theirs[round] as number)));
  const medians = { own: summarize(ours).median, base: summarize(theirs).median };
  return { ...medians, ratio: medians.own / medians.base, min, max };
}

function verdict(goal: Goal | undefined, reached: number): readonly [goal: string, verdict: string] {
  if (goal === undefined) return ["-", ""];
  const isMet = goal.is === "≥" ? reached >= goal.value : reached <= goal.value;
  return [`${goal.of} ${goal.is} ×${goal.value.toFixed(1)}`, isMet ? "met" : "missed"];
}
