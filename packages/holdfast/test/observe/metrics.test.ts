import { describe, expect, it } from "vitest";
import { Meters } from "../../src/observe/meters.js";
import type { ObservedNode } from "../../src/observe/metric.js";
import { metrics, readMetrics } from "../../src/observe/metrics.js";

function observe(meters: Meters): ObservedNode {
  return {
    meters,
    sizes: {
      users: 1,
      sockets: 2,
      ringBytes: 3,
      behind: 4,
      heldBytes: 5,
      deliveries: 6,
      openRequests: 7,
      waitingRequests: 8,
      bodyBytes: 9,
      responseBytes: 10,
      startedAt: 11_000,
      version: "1.2.3",
    },
    use: { cpuSeconds: 12, residentBytes: 13, heapBytes: 14, externalBytes: 15, loopUtilization: 0.5 },
    nodes: 2,
  };
}

/** A node on which everything has happened once. */
function busyMeters(): Meters {
  const meters = new Meters();
  const pattern = meters.ofPattern("chat:{room}");
  pattern.channelOpened();
  pattern.subscriptionAdded();
  pattern.publicationSent();
  pattern.publicationReceived();
  pattern.publicationsDelivered(5);
  const connection = meters.ofConnection("websocket", "json");
  connection.connectionOpened();
  connection.bytesReceived(10);
  connection.bytesSent(20);
  connection.pingAnswered(3);
  meters.ofCommand("publish").done(2);
  meters.ofApiCall("publish").done(2, 102);
  meters.replyFailed(103);
  meters.disconnected(3001);
  meters.unsubscribed(2500);
  meters.webSocketClosed(1002);
  meters.limitHit("maxConnections");
  meters.recoveredBy(true, 4);
  meters.recoveredBy(false, 0);
  meters.store.watch(() => ({ indexBytes: 1, journalBytes: 2, pendingBytes: 3, channels: 4 }));
  return meters;
}

describe("metrics", () => {
  it("have distinct names, as Prometheus asks for: total for counters, units of one kind", () => {
    expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
    for (const { name, type, help } of metrics) {
      expect(name).toMatch(/^(holdfast|process|nodejs)(_[a-z]+)+$/);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      if (type === "histogram") expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/^[A-Z1-9].*[^.]$/);
    }
  });

  it("have as many values as labels, and a number or, for a histogram, a count for each bucket", () => {
    const readings = readMetrics(observe(busyMeters()));
    for (const { name, labels = [], type, bounds = [] } of metrics) {
      expect([name, readings[name]?.length]).not.toEqual([name, 0]);
      for (const [values, value] of readings[name] ?? []) {
        expect([name, values.length]).toEqual([name, labels.length]);
        if (type !== "histogram") expect([name, typeof value]).toEqual([name, "number"]);
        else expect(value).toMatchObject({ counts: expect.objectContaining({ length: bounds.length + 1 }) });
      }
    }
  });

  it("read what was counted", () => {
    const readings = readMetrics(observe(busyMeters()));
    expect(readings).toMatchObject({
      holdfast_node_deliveries_total: [[["chat:{room}"], 5]],
      holdfast_client_connections_inflight: [[["websocket", "json"], 1]],
      holdfast_transport_sent_bytes_total: [[["websocket", "json"], 20]],
      holdfast_client_num_reply_errors_total: [[["103"], 1]],
      holdfast_client_num_server_disconnects_total: [[["3001"], 1]],
      holdfast_client_recover_total: [
        [["true"], 1],
        [["false"], 1],
      ],
      holdfast_api_command_errors_total: [[["publish", "102"], 1]],
      holdfast_node_limits_hit_total: [[["maxConnections"], 1]],
      holdfast_store_logs: [[[], 4]],
      holdfast_node_build: [[["1.2.3"], 1]],
      process_start_time_seconds: [[[], 11]],
    });
  });

  it("survive the way to another process", () => {
    const readings = readMetrics(observe(busyMeters()));
    expect(JSON.parse(JSON.stringify(readings))).toEqual(readings);
  });

  it("leave out the sizes of a store that another process has", () => {
    expect(readMetrics(observe(new Meters())).holdfast_store_logs).toEqual([]);
  });
});
