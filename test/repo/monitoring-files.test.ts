/** The dashboard and the alerts of examples/monitoring: their metrics and labels exist, and each metric of a node is on the dashboard. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Metric } from "../../packages/holdfast/src/observe/metric.js";
import { metrics } from "../../packages/holdfast/src/observe/metrics.js";

const folder = join(import.meta.dirname, "../../examples/monitoring");
const read = (name: string) => readFileSync(join(folder, name), "utf8");

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

const { panels } = JSON.parse(read("grafana-dashboard.json")) as { readonly panels: readonly Panel[] };
const { groups } = parse(read("alerts.yaml")) as { groups: readonly { readonly rules: readonly Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);
const targets = panels.flatMap(({ title, targets: own = [] }) => own.map((target) => ({ title, ...target })));

const byName = new Map<string, Metric>(
  metrics.flatMap((metric) =>
    metric.type === "histogram"
      ? ["_bucket", "_sum", "_count"].map((suffix) => [metric.name + suffix, metric] as const)
      : [[metric.name, metric] as const],
  ),
);
/** Of every target of Prometheus, and of workers. */
const commonLabels = ["job", "instance", "worker"];

/** Metrics in an expression of PromQL, each with the labels that it is selected or grouped by. */
function usesIn(expr: string): { readonly names: readonly string[]; readonly labels: readonly string[] } {
  const names = expr.match(/\b(?:holdfast|process|nodejs)_\w+/g) ?? [];
  const selected = [...expr.matchAll(/(\w+)=~?"/g)].map(([, label]) => label as string);
  const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));
  return { names, labels: [...selected, ...grouped] };
}

function expectKnown(expr: string, isUp = false): void {
  const { names, labels } = usesIn(expr);
  if (!isUp) expect(names.length, expr).toBeGreaterThan(0);
  for (const name of names) {
    const metric = byName.get(name);
    expect(metric, name).toBeDefined();
    const own = [...(metric?.labels ?? []), ...commonLabels, ...(name.endsWith("_bucket") ? ["le"] : [])];
    for (const label of labels) expect(own, `${label} in ${expr}`).toContain(label);
    // A counter says something only by its growth, and buckets by their shares.
    if (metric?.type !== "gauge") expect(expr).toMatch(/\b(rate|increase)\(/);
    if (name.endsWith("_bucket")) expect(expr).toMatch(/^histogram_quantile\(.*by \(le/);
  }
}

describe("the dashboard", () => {
  it.each(targets)("shows metrics that exist: $title", ({ expr, legendFormat }) => {
    expectKnown(expr);
    const { labels } = usesIn(expr);
    for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
      expect([...labels, ...commonLabels]).toContain(label);
  });

  it("shows all that a node counts", () => {
    const shown = new Set(
      targets.flatMap(({ expr }) => usesIn(expr).names.map((name) => byName.get(name)?.name)),
    );
    const hidden = metrics.map(({ name }) => name).filter((name) => !shown.has(name));
    expect(hidden).toEqual([
      "holdfast_transport_writes_total",
      "holdfast_node_num_channels",
      "holdfast_client_subscriptions_accepted_total",
      "holdfast_node_publications_received_total",
      "holdfast_node_pending_deliveries",
      "holdfast_client_recovered_publications_total",
      "holdfast_node_build",
      "holdfast_node_num_nodes",
      "holdfast_node_num_users",
      "holdfast_node_sockets",
      "holdfast_node_event_loop_utilization",
      "process_start_time_seconds",
      "nodejs_external_memory_bytes",
    ]);
  });

  it("has panels with distinct ids that do not overlap", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});

describe("the alerts", () => {
  it.each(alerts)("$alert is about metrics that exist, and says what to do", (rule) => {
    expectKnown(rule.expr, rule.alert === "HoldfastDown");
    expect(["page", "ticket"]).toContain(rule.labels.severity);
    expect(Object.keys(rule.annotations)).toEqual(["summary", "do"]);
  });
});
