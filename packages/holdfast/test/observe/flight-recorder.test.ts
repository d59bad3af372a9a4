import { describe, expect, it } from "vitest";
import { FlightRecorder } from "../../src/observe/flight-recorder.js";
import type { ConnectionNote } from "../../src/sessions/recorder.js";
import { parseTagsFilter, type TagsFilter } from "../../src/wire/tags-filter.js";

const MiB = 1024 * 1024;

function setUp(maxBytes = MiB) {
  let now = 1000;
  const recorder = new FlightRecorder({ clock: { now: () => now }, maxBytes });
  const note = (user: string, client: string): ConnectionNote => ({
    ...{ user, client, transport: "websocket", openedAt: now },
  });
  return {
    recorder,
    note,
    at: (time: number) => {
      now = time;
    },
  };
}

const subscribed = { kind: "subscribed", epoch: "e", start: 0, head: 0, isByServer: false } as const;

describe("flight recorder", () => {
  it("recalls a user's connections with what concerns the channel, and nobody else's", () => {
    const { recorder, note, at } = setUp();
    const [ann, bo] = [note("ann", "a"), note("bo", "b")];
    recorder.record(ann, { kind: "connected" });
    at(1001);
    recorder.record(ann, { ...subscribed, channel: "news" });
    recorder.record(ann, { ...subscribed, channel: "other" });
    recorder.record(bo, { ...subscribed, channel: "news" });
    at(1002);
    recorder.record(ann, { kind: "closed", code: 3012, reason: "no pong" });
    const { connections, recordedSince } = recorder.recall({ channel: "news", user: "ann" }, []);
    expect(recordedSince).toBe(1000);
    expect(connections).toEqual([
      {
        ...{ user: "ann", client: "a", transport: "websocket" },
        ...{ openedAt: 1000, connectedAt: 1000, closedAt: 1002 },
        events: [
          { kind: "connected", at: 1000 },
          { ...subscribed, channel: "news", at: 1001 },
          { kind: "closed", code: 3012, reason: "no pong", at: 1002 },
        ],
      },
    ]);
    expect(recorder.recall({ channel: "news", user: "ann", client: "b" }, []).connections).toEqual([]);
  });

  it("keeps the events around the publication where there are many", () => {
    const { recorder, note, at } = setUp();
    const ann = note("ann", "a");
    at(1001);
    recorder.record(ann, { ...subscribed, channel: "news" });
    for (let i = 0; i < 100; i++) {
      at(2000 + i);
      recorder.record(ann, { kind: "behind", since: 2000 + i, readsLog: false, isCaughtUp: true });
    }
    const publication = { epoch: "e", offset: 1, time: 2050 };
    const [facts] = recorder.recall({ channel: "news", user: "ann", publication }, []).connections;
    const times = facts?.events.map((event) => event.at) ?? [];
    expect(times[0]).toBe(1001);
    expect(times).toHaveLength(40);
    expect(times).toContain(2050);
    expect(times).toContain(2051);
  });

  it("says whether a filter lets the publication through, and never shows the filter", () => {
    const { recorder, note } = setUp();
    const filter = parseTagsFilter({ key: "city", cmp: "eq", val: "Rome" }) as TagsFilter;
    recorder.record(note("ann", "a"), { ...subscribed, channel: "news", filter });
    const ask = (tags?: Readonly<Record<string, string>>) =>
      recorder.recall(
        {
          ...{ channel: "news", user: "ann" },
          publication: { epoch: "e", offset: 1, time: 1, ...(tags && { tags }) },
        },
        [],
      ).connections;
    expect(ask({ city: "Rome" })[0]?.events[0]).toMatchObject({ isFiltered: false });
    expect(ask({ city: "Oslo" })[0]?.events[0]).toMatchObject({ isFiltered: true });
    expect(JSON.stringify(ask())).not.toContain("Rome");
    // No longer kept: its tags are unknown.
    const publication = { epoch: "e", offset: 1 };
    const [facts] = recorder.recall({ channel: "news", user: "ann", publication }, []).connections;
    expect(facts?.events[0]).not.toHaveProperty("isFiltered");
  });

  it("stays within its bytes, whoever fills it, and says since when it knows everything", () => {
    const { recorder, note, at } = setUp();
    const bounds: number[] = [];
    for (let i = 0; i < 30_000; i++) {
      at(1000 + i);
      recorder.record(note(`user ${i}`, `client ${i}`), { kind: "connected" });
      recorder.recordPublish({ channel: "news", by: "key", kind: "published", idempotencyKey: `key ${i}` });
      if (i % 1000 === 0) bounds.push(recorder.bytes);
    }
    expect(Math.max(...bounds)).toBeLessThanOrEqual(MiB);
    const { recordedSince, connections } = recorder.recall({ channel: "news", user: "user 0" }, []);
    expect(connections).toEqual([]);
    expect(recordedSince).toBeGreaterThan(20_000);
    expect(recorder.recall({ channel: "news", user: "user 29999" }, []).connections).toHaveLength(1);
  });

  it("lets publishes not take the room of connections", () => {
    const { recorder, note } = setUp();
    recorder.record(note("ann", "a"), { kind: "connected" });
    for (let i = 0; i < 20_000; i++)
      recorder.recordPublish({
        channel: "news",
        by: "ann",
        kind: "refused",
        code: 103,
        reason: "permission denied",
      });
    expect(recorder.recall({ channel: "news", user: "ann" }, []).connections).toHaveLength(1);
  });

  it("clips long reasons, and bounds reasons of refusals before the user is known", () => {
    const { recorder, note } = setUp();
    recorder.record(note("ann", "a"), { kind: "closed", code: 3500, reason: "x".repeat(10_000) });
    const [facts] = recorder.recall({ channel: "news", user: "ann" }, []).connections;
    expect(facts?.events[0]).toMatchObject({ reason: "x".repeat(300) });
    for (let i = 0; i < 1000; i++) recorder.turnAway(`from https://${i}.example`);
    for (let i = 0; i < 3; i++) recorder.turnAway("full");
    const { turnedAway } = recorder.recall({ channel: "news", user: "ann" }, []);
    expect(turnedAway).toHaveLength(20);
    expect(turnedAway.at(-1)).toMatchObject({ reason: "full", count: 3 });
  });

  it("lists a user's refusals, and of publishes those with the key, or else those that came to nothing", () => {
    const { recorder } = setUp();
    recorder.recordRefusal({ user: "ann", client: "a", code: 109, reason: "token expired" });
    recorder.recordRefusal({ user: "bo", client: "b", code: 109, reason: "token expired" });
    recorder.recordPublish({ channel: "news", by: "key", kind: "published", idempotencyKey: "k", offset: 1 });
    recorder.recordPublish({ channel: "news", by: "key", kind: "unacknowledged", reason: "broker is full" });
    recorder.recordChannel({ kind: "history removed", channel: "news" });
    recorder.recordChannel({ kind: "history removed", channel: "other" });
    const all = recorder.recall({ channel: "news", user: "ann" }, []);
    expect(all.refusals).toEqual([{ client: "a", code: 109, reason: "token expired", at: 1000 }]);
    expect(all.publishes.map(({ kind }) => kind)).toEqual(["unacknowledged"]);
    expect(all.channel).toHaveLength(1);
    const ofKey = recorder.recall({ channel: "news", user: "ann", idempotencyKey: "k" }, []);
    expect(ofKey.publishes.map(({ offset }) => offset)).toEqual([1]);
  });

  it("names open connections of which nothing is kept, and leaves out those farthest from the publication", () => {
    const { recorder, note, at } = setUp();
    const old = note("ann", "old");
    const [open] = recorder.recall({ channel: "news", user: "ann" }, [old]).connections;
    expect(open).toMatchObject({ client: "old", events: [] });
    for (let i = 0; i < 80; i++) {
      at(10_000 + i * 1000);
      const each = note("ann", `client ${i}`);
      recorder.record(each, { kind: "connected" });
      recorder.record(each, { kind: "closed", code: 0, reason: "" });
    }
    const publication = { epoch: "e", offset: 1, time: 10_000 };
    const { connections, omitted } = recorder.recall({ channel: "news", user: "ann", publication }, [old]);
    expect(connections).toHaveLength(50);
    expect(omitted).toBe(31);
    expect(connections.map(({ client }) => client)).toContain("client 0");
    expect(connections.map(({ client }) => client)).not.toContain("client 79");
  });
});
