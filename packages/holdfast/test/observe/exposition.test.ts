import { describe, expect, it } from "vitest";
import { formatExposition } from "../../src/observe/exposition.js";
import { parseExposition } from "./support/exposition.js";

const pings = "holdfast_client_ping_pong_duration_seconds";

describe("the exposition format (Prometheus, text 0.0.4)", () => {
  it("has help, type and samples of each metric that was read", () => {
    const readings = { holdfast_node_num_users: [[[], 3] as const], unknown_metric: [[[], 1] as const] };
    expect(formatExposition([{ worker: undefined, readings }])).toBe(
      [
        "# HELP holdfast_node_num_users Distinct users with connections to the node; all anonymous ones count as one",
        "# TYPE holdfast_node_num_users gauge",
        "holdfast_node_num_users 3",
        "",
      ].join("\n"),
    );
  });

  it("escapes backslashes, quotes and line breaks in label values", () => {
    const samples = [[['a"b\\c\nd'], 1]] as const;
    const text = formatExposition([{ worker: undefined, readings: { holdfast_node_num_channels: samples } }]);
    expect(text).toContain('holdfast_node_num_channels{channel_pattern="a\\"b\\\\c\\nd"} 1\n');
    expect(parseExposition(text).get("holdfast_node_num_channels")?.samples.size).toBe(1);
  });

  it("writes buckets cumulatively, and the last one without a bound", () => {
    const counts = Array.from({ length: 17 }, (_, i) => i);
    const samples = [[["websocket", "json"], { counts, sum: 1.25 }]] as const;
    const text = formatExposition([{ worker: undefined, readings: { [pings]: samples } }]);
    const labels = 'transport="websocket",codec="json"';
    const found = parseExposition(text).get(pings)?.samples;
    expect(found?.get(`${pings}_bucket{${labels},le="0.0001"}`)).toBe(0);
    expect(found?.get(`${pings}_bucket{${labels},le="0.0005"}`)).toBe(3);
    expect(found?.get(`${pings}_bucket{${labels},le="+Inf"}`)).toBe(136);
    expect(found?.get(`${pings}_count{${labels}}`)).toBe(136);
    expect(found?.get(`${pings}_sum{${labels}}`)).toBe(1.25);
  });

  it("keeps the samples of several workers in one family, each labelled with its worker", () => {
    const readings = { holdfast_node_num_users: [[[], 3] as const] };
    const text = formatExposition([
      { worker: "11", readings },
      { worker: "12", readings },
    ]);
    expect([...(parseExposition(text).get("holdfast_node_num_users")?.samples.keys() ?? [])]).toEqual([
      'holdfast_node_num_users{worker="11"}',
      'holdfast_node_num_users{worker="12"}',
    ]);
  });

  it("writes numbers that are none in Prometheus' words", () => {
    const write = (value: number) =>
      formatExposition([{ worker: undefined, readings: { holdfast_node_num_users: [[[], value]] } }]);
    expect(write(Number.NaN)).toMatch(/ NaN\n$/);
    expect(write(Number.POSITIVE_INFINITY)).toMatch(/ \+Inf\n$/);
    expect(write(1e21)).toMatch(/ 1e\+21\n$/);
  });
});
