import { describe, expect, it } from "vitest";
import { LabelledCounts, Meters } from "../../src/observe/meters.js";

describe("labels", () => {
  it("beyond the bound are counted together", () => {
    const counts = new LabelledCounts();
    for (let code = 0; code < 1000; code++) counts.add(code, 2);
    const all = new Map(counts);
    expect(all.size).toBe(201);
    expect(all.get("0")).toBe(2);
    expect(all.get("other")).toBe(1600);
  });

  it("of patterns beyond the bound share a meter", () => {
    const meters = new Meters();
    for (let i = 0; i < 1000; i++) meters.ofPattern(`p${i}`).publicationSent();
    const all = [...meters.patterns];
    expect(all).toHaveLength(201);
    expect(all.find(({ pattern }) => pattern === "other")?.published).toBe(800);
  });
});

it("channels without a pattern share a meter", () => {
  const meters = new Meters();
  expect(meters.ofPattern()).toBe(meters.ofPattern(""));
});

it("connections are counted by transport and codec", () => {
  const meters = new Meters();
  const webSockets = meters.ofConnection("websocket", "json");
  webSockets.connectionOpened();
  webSockets.connectionOpened();
  webSockets.connectionEnded(true);
  meters.ofConnection("sse", "json").connectionOpened();
  expect([...meters.connections]).toMatchObject([
    { transport: "websocket", codec: "json", open: 1, opened: 2, left: 1 },
    { transport: "sse", codec: "json", open: 1, opened: 1, left: 0 },
  ]);
});

it("a store is asked for its sizes as long as it is open", () => {
  const { store } = new Meters();
  expect(store.sizes).toBeUndefined();
  const sizes = { indexBytes: 1, journalBytes: 2, pendingBytes: 3, channels: 4 };
  store.watch(() => sizes);
  expect(store.sizes).toBe(sizes);
  store.watch(undefined);
  expect(store.sizes).toBeUndefined();
});
