import { describe, expect, it } from "vitest";
import { createCounter } from "../../../../packages/holdfast/test/support/counter.js";
import { Outbox } from "../../chat/model/room-sender.js";
import { PageStorage } from "../../shared/session/storage.js";
import { MemoryStorage } from "../shared/memory-storage.js";

const position = { epoch: "e1", offset: 7 };

function createOutbox(area = new MemoryStorage(), ids = createCounter("m")): Outbox {
  return new Outbox(new PageStorage(area, ""), () => 1_700_000_000_000, ids);
}

describe("outbox", () => {
  it("keeps messages in the order they were written, across a reload", () => {
    const area = new MemoryStorage();
    const outbox = createOutbox(area);
    for (const text of ["one", "two", "three"]) outbox.add("lobby", text);
    outbox.add("tech", "elsewhere");
    const reloaded = createOutbox(area);
    expect(reloaded.entriesOf("lobby").map(({ text }) => text)).toEqual(["one", "two", "three"]);
    expect(reloaded.rooms).toEqual(["lobby", "tech"]);
    // Browsers tell the keys of their storage in an order of their own.
    const times = reloaded.entriesOf("lobby").map(({ sentAt }) => sentAt);
    expect(times).toEqual([1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002]);
  });

  it("holds a message that was being sent before a reload as waiting and uncertain", () => {
    const area = new MemoryStorage();
    const outbox = createOutbox(area);
    const { id } = outbox.add("lobby", "one");
    expect(outbox.uncertainOf("lobby")).toEqual([]);
    outbox.markSending(id, position);
    const [entry] = createOutbox(area).uncertainOf("lobby");
    expect(entry).toMatchObject({ id, delivery: { state: "waiting" }, firstTriedAt: position });
  });

  it("remembers where sending was tried first, not last", () => {
    const outbox = createOutbox();
    const { id } = outbox.add("lobby", "one");
    outbox.markSending(id, position);
    outbox.returnUnseen("lobby");
    outbox.markSending(id, { epoch: "e1", offset: 9 });
    expect(outbox.entriesOf("lobby")[0]?.firstTriedAt).toEqual(position);
  });

  it("keeps a refused message, with the reason, until it is retried or deleted", () => {
    const area = new MemoryStorage();
    const outbox = createOutbox(area);
    const { id } = outbox.add("lobby", "one");
    outbox.markSending(id, position);
    outbox.markFailed(id, "permission denied (103)");
    expect(outbox.nextWaiting("lobby")).toBeUndefined();
    expect(outbox.uncertainOf("lobby")).toEqual([]);
    const reloaded = createOutbox(area);
    expect(reloaded.entriesOf("lobby")[0]?.delivery).toEqual({
      state: "failed",
      reason: "permission denied (103)",
    });
    reloaded.markWaiting(id);
    expect(reloaded.nextWaiting("lobby")?.id).toBe(id);
    reloaded.remove(id);
    expect(createOutbox(area).entriesOf("lobby")).toEqual([]);
  });

  it("does not touch what another window of the same person keeps", () => {
    const area = new MemoryStorage();
    const ids = createCounter("m");
    const [first, second] = [createOutbox(area, ids), createOutbox(area, ids)];
    first.add("lobby", "one");
    second.add("lobby", "two");
    expect(createOutbox(area).entriesOf("lobby")).toHaveLength(2);
  });

  it("passes over what can't be a message", () => {
    const area = new MemoryStorage();
    area.setItem("outbox/x", '{"id":"x"}');
    area.setItem("outbox/y", "nonsense");
    expect(createOutbox(area).rooms).toEqual([]);
  });
});
