/** Metrics as text: the exposition format 0.0.4 of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/). */
import type { Distribution } from "./histogram.js";
import type { Metric, Sample } from "./metric.js";
import { metrics, type Readings } from "./metrics.js";

export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** The readings of one process. */
export interface Exposed {
  /** Undefined if it is the only one, and then no label says which. */
  readonly worker: string | undefined;
  readonly readings: Readings;
}

/** One text of the readings of several processes, each labelled with its own. */
export function formatExposition(exposed: readonly Exposed[]): string {
  const lines: string[] = [];
  for (const metric of metrics) {
    const samples = exposed.flatMap(({ worker, readings }) =>
      (readings[metric.name] ?? []).map((sample) => ({ worker, sample })),
    );
    if (samples.length === 0) continue;
    lines.push(`# HELP ${metric.name} ${escapeHelp(metric.help)}`, `# TYPE ${metric.name} ${metric.type}`);
    for (const { worker, sample } of samples) formatSample(metric, worker, sample, lines);
  }
  lines.push("");
  return lines.join("\n");
}

function formatSample(
  metric: Metric,
  worker: string | undefined,
  [values, value]: Sample,
  lines: string[],
): void {
  const labels = (metric.labels ?? []).map((name, i) => labelPair(name, values[i] ?? ""));
  if (worker !== undefined) labels.push(labelPair("worker", worker));
  if (typeof value === "number") lines.push(`${metric.name}${inBraces(labels)} ${formatNumber(value)}`);
  else formatDistribution(metric, labels, value, lines);
}

/** Buckets are cumulative, each with all that is at most its bound. */
function formatDistribution(
  { name, bounds = [] }: Metric,
  labels: readonly string[],
  { counts, sum }: Distribution,
  lines: string[],
): void {
  let total = 0;
  for (const [i, count] of counts.entries()) {
    total += count;
    const bound = i < bounds.length ? String(bounds[i]) : "+Inf";
    lines.push(`${name}_bucket${inBraces([...labels, labelPair("le", bound)])} ${total}`);
  }
  lines.push(
    `${name}_sum${inBraces(labels)} ${formatNumber(sum)}`,
    `${name}_count${inBraces(labels)} ${total}`,
  );
}

function inBraces(labels: readonly string[]): string {
  return labels.length === 0 ? "" : `{${labels.join(",")}}`;
}

function labelPair(name: string, value: string): string {
  return `${name}="${value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')}"`;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return Number.isNaN(value) ? "NaN" : String(value);
}
