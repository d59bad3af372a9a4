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

describe("channel that has been opened", () => {
  it("stands where the broker subscribed", () => {
    const channel = openChannel(7);
    expect(channel.position).toEqual({ epoch: "e1", offset: 7 });
    expect(channel.seen).toBe(7);
    expect(channel.ring.next - channel.ring.first).toBe(0);
  });

  it("keeps what events brought before, when the epoch is the same", () => {
    const channel = new Channel("news", { limits: limits });
    expect(channel.append(publication(5), "e1")).toBe("appended");
    channel.open({ epoch: "e1", offset: 4 });
    expect(channel.position).toEqual({ epoch: "e1", offset: 5 });
    expect(channel.seen).toBe(5);
  });

  it("knows that there is more than the events brought before", () => {
    const channel = new Channel("news", { limits: limits });
    channel.append(publication(5), "e1");
    channel.open({ epoch: "e1", offset: 8 });
    expect(channel.head).toBe(5);
    expect(channel.seen).toBe(8);
  });

  it("drops what events brought before of another epoch", () => {
    const channel = new Channel("news", { limits: limits });
    channel.append(publication(5), "old");
    channel.open({ epoch: "new", offset: 2 });
    expect(channel.position).toEqual({ epoch: "new", offset: 2 });
    expect(channel.seen).toBe(2);
    expect(channel.ring.next - channel.ring.first).toBe(0);
  });
});

describe("publication that comes", () => {
  it("is appended when it is the next one", () => {
    const channel = openChannel(3);
    expect(channel.append(publication(4), "e1")).toBe("appended");
    expect(channel.append(publication(5), "e1")).toBe("appended");
    expect(channel.position).toEqual({ epoch: "e1", offset: 5 });
    expect(channel.ring.at(channel.ring.first)).toMatchObject({ kind: "pub", offset: 4 });
  });

  it("is ignored when it is known", () => {
    const channel = openChannel(3);
    receiveMany(channel, 5, 4);
    for (const offset of [1, 3, 4, 5]) expect(channel.append(publication(offset), "e1")).toBe("ignored");
    expect(channel.head).toBe(5);
    expect(channel.ring.next - channel.ring.first).toBe(2);
  });

  it("shows a gap when one before it is missing, and is not taken", () => {
    const channel = openChannel(3);
    expect(channel.append(publication(5), "e1")).toBe("gap");
    expect(channel.head).toBe(3);
    expect(channel.seen).toBe(5);
    expect(channel.append(publication(4), "e1")).toBe("appended");
    expect(channel.append(publication(5), "e1")).toBe("appended");
  });

  it("shows a gap when it is of another epoch, and is not taken", () => {
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

describe("join or leave that comes", () => {
  it("stands in the ring between the publications, without an offset of its own", () => {
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

  it("is the place of the next publication while the ring has it", () => {
    const channel = openChannel();
    receiveMany(channel, 2);
    channel.announce("join", clientInfo("ann"));
    receiveMany(channel, 3, 3);
    expect(channel.ring.at(channel.cursorAfter(0))).toMatchObject({ kind: "pub", offset: 1 });
    expect(channel.ring.at(channel.cursorAfter(2))).toMatchObject({ kind: "pub", offset: 3 });
  });

  it("lies before the ring when the next publication has fallen out", () => {
    const channel = openChannel();
    receiveMany(channel, 10);
    expect(channel.cursorAfter(5)).toBeLessThan(channel.ring.first);
    expect(channel.cursorAfter(6)).toBe(channel.ring.first);
  });

  it("lies before the ring when the ring never had the next publication", () => {
    const channel = openChannel(5);
    expect(channel.cursorAfter(3)).toBeLessThan(channel.ring.first);
    expect(channel.cursorAfter(5)).toBe(channel.ring.next);
  });
});

describe("restart", () => {
  it("forgets the ring and begins again at the position", () => {
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
