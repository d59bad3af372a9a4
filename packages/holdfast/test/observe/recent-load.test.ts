import { describe, expect, it } from "vitest";
import { Meters } from "../../src/observe/meters.js";
import { RecentLoad, sumsOf } from "../../src/observe/recent-load.js";

const sample = (at: number) => ({
  at,
  connections: 1,
  subscriptions: 2,
  published: at * 10,
  delivered: 4,
  receivedBytes: 5,
  sentBytes: 6,
  behind: 7,
  loopLagMs: 0.5,
});

describe("recent load", () => {
  it("has what came after a time, oldest first", () => {
    const load = new RecentLoad(3);
    expect(load.after(0)).toEqual([]);
    for (const at of [1, 2]) load.add(sample(at));
    expect(load.after(0)).toEqual([sample(1), sample(2)]);
    expect(load.after(1)).toEqual([sample(2)]);
  });

  it("keeps no more than its number of samples", () => {
    const load = new RecentLoad(3);
    for (let at = 1; at <= 8; at++) load.add(sample(at));
    expect(load.after(0).map(({ at }) => at)).toEqual([6, 7, 8]);
  });

  it("adds up transports and patterns", () => {
    const meters = new Meters();
    for (const codec of ["json", "protobuf"]) {
      const meter = meters.ofConnection("websocket", codec);
      meter.connectionOpened();
      meter.bytesReceived(10);
      meter.bytesSent(100);
    }
    for (const pattern of ["a:{x}", "b"]) {
      const meter = meters.ofPattern(pattern);
      meter.subscriptionAdded();
      meter.publicationSent();
      meter.publicationsDelivered(3);
    }
    expect(sumsOf(meters)).toEqual({
      connections: 2,
      subscriptions: 2,
      published: 2,
      delivered: 6,
      receivedBytes: 20,
      sentBytes: 200,
    });
  });
});
