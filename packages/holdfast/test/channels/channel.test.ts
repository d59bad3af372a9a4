import { describe, expect, it } from "vitest";
import { Channel } from "../../src/channels/channel.js";
import { clientInfo, countTo, publication } from "./support/entries.js";

const limits = { maxEntries: 4, maxBytes: 1_000_000 };

function openChannel(offset = 0, epoch = "e1"): Channel {
  const channel = new Channel("news", { limits: limits });
  channel.open({ epoch, offset });
  return channel;
}

function receiveMany(channel: Channel, last: number, first = 1): void {
  for (const offset of countTo(last, first)) channel.append(publication(offset), channel.epoch);
}

describe("opened channel", () => {
  it("starts at the position where the broker subscribed", () => {
    const channel = openChannel(7);
    expect(channel.position).toEqual({ epoch: "e1", offset: 7 });
    expect(channel.seen).toBe(7);
    expect(channel.ring.next - channel.ring.first).toBe(0);
  });

  it("keeps earlier events of the same epoch", () => {
    const channel = new Channel("news", { limits: limits });
    expect(channel.append(publication(5), "e1")).toBe("appended");
    channel.open({ epoch: "e1", offset: 4 });
    expect(channel.position).toEqual({ epoch: "e1", offset: 5 });
    expect(channel.seen).toBe(5);
  });

  it("detects publications beyond the earlier events", () => {
    const channel = new Channel("news", { limits: limits });
    channel.append(publication(5), "e1");
    channel.open({ epoch: "e1", offset: 8 });
    expect(channel.head).toBe(5);
    expect(channel.seen).toBe(8);
  });

  it("drops earlier events of another epoch", () => {
    const channel = new Channel("news", { limits: limits });
    channel.append(publication(5), "old");
    channel.open({ epoch: "new", offset: 2 });
    expect(channel.position).toEqual({ epoch: "new", offset: 2 });
    expect(channel.seen).toBe(2);
    expect(channel.ring.next - channel.ring.first).toBe(0);
  });
});

describe("incoming publication", () => {
  it("is appended when its offset is next", () => {
    const channel = openChannel(3);
    expect(channel.append(publication(4), "e1")).toBe("appended");
    expect(channel.append(publication(5), "e1")).toBe("appended");
    expect(channel.position).toEqual({ epoch: "e1", offset: 5 });
    expect(channel.ring.at(channel.ring.first)).toMatchObject({ kind: "pub", offset: 4 });
  });

  it("is ignored when its offset is known", () => {
    const channel = openChannel(3);
    receiveMany(channel, 5, 4);
    for (const offset of [1, 3, 4, 5]) expect(channel.append(publication(offset), "e1")).toBe("ignored");
    expect(channel.head).toBe(5);
    expect(channel.ring.next - channel.ring.first).toBe(2);
  });

  it("signals a gap and is not appended when an earlier one is missing", () => {
    const channel = openChannel(3);
    expect(channel.append(publication(5), "e1")).toBe("gap");
    expect(channel.head).toBe(3);
    expect(channel.seen).toBe(5);
    expect(channel.append(publication(4), "e1")).toBe("appended");
    expect(channel.append(publication(5), "e1")).toBe("appended");
  });

  it("signals a gap and is not appended when its epoch differs", () => {
    const channel = openChannel(3);
    expect(channel.append(publication(4), "e2")).toBe("gap");
    expect(channel.append(publication(1), "e2")).toBe("gap");
    expect(channel.position).toEqual({ epoch: "e1", offset: 3 });
  });

  it("counts its text toward the ring's bytes", () => {
    const channel = new Channel("news", { limits: { maxEntries: 100, maxBytes: 20_000 } });
    channel.open({ epoch: "e1", offset: 0 });
    for (const offset of countTo(10)) channel.append(publication(offset, "x".repeat(5000)), "e1");
    expect(channel.head).toBe(10);
    expect(channel.ring.next - channel.ring.first).toBeLessThanOrEqual(4);
  });
});

describe("incoming join or leave", () => {
  it("is placed in the ring between publications, without an offset", () => {
    const channel = openChannel();
    receiveMany(channel, 1);
    channel.announce("join", clientInfo("ann"));
    receiveMany(channel, 2, 2);
    channel.announce("leave", clientInfo("ann"));
    const entries = countTo(3, 0).map((at) => channel.ring.at(at));
    expect(entries.map(({ kind, offset }) => `${kind} ${offset}`)).toEqual([
      "pub 1",
      "join 1",
      "pub 2",
      "leave 2",
    ]);
    expect(channel.head).toBe(2);
  });
});

describe("cursor after an offset", () => {
  it("is the end of the ring for the head", () => {
    const channel = openChannel(3);
    receiveMany(channel, 5, 4);
    expect(channel.cursorAfter(5)).toBe(channel.ring.next);
  });

  it("is the sequence number of the next publication while the ring has it", () => {
    const channel = openChannel();
    receiveMany(channel, 2);
    channel.announce("join", clientInfo("ann"));
    receiveMany(channel, 3, 3);
    expect(channel.ring.at(channel.cursorAfter(0))).toMatchObject({ kind: "pub", offset: 1 });
    expect(channel.ring.at(channel.cursorAfter(2))).toMatchObject({ kind: "pub", offset: 3 });
  });

  it("is before the ring when the next publication was evicted", () => {
    const channel = openChannel();
    receiveMany(channel, 10);
    expect(channel.cursorAfter(5)).toBeLessThan(channel.ring.first);
    expect(channel.cursorAfter(6)).toBe(channel.ring.first);
  });

  it("is before the ring when the ring never had the next publication", () => {
    const channel = openChannel(5);
    expect(channel.cursorAfter(3)).toBeLessThan(channel.ring.first);
    expect(channel.cursorAfter(5)).toBe(channel.ring.next);
  });
});

describe("restart", () => {
  it("clears the ring and restarts at the position", () => {
    const channel = openChannel();
    receiveMany(channel, 3);
    channel.restart({ epoch: "e2", offset: 1 });
    expect(channel.position).toEqual({ epoch: "e2", offset: 1 });
    expect(channel.seen).toBe(1);
    expect(channel.ring.first).toBe(channel.ring.next);
    expect(channel.append(publication(2), "e1")).toBe("gap");
    expect(channel.append(publication(2), "e2")).toBe("appended");
  });
});
