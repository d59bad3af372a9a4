import { describe, expect, it } from "vitest";
import { framePublications, maxBatchBytes, viewOf } from "../../src/channels/batches.js";
import { Channel } from "../../src/channels/channel.js";
import type { Codec } from "../../src/wire/codec.js";
import { jsonCodec } from "../../src/wire/json-codec.js";
import { clientInfo, countTo, publication } from "./support/entries.js";
import { createPlainEncoding, messagesOf, plainEncoding } from "./support/fake-reader.js";

function channelWith(count: number, data?: string): Channel {
  const channel = new Channel("news", { limits: { maxEntries: 1000, maxBytes: 10_000_000 } });
  channel.open({ epoch: "e1", offset: 0 });
  for (const offset of countTo(count)) channel.append(publication(offset, data), "e1");
  return channel;
}

function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}

function offsetsOf(bytes: Uint8Array | undefined): (number | undefined)[] {
  return bytes === undefined ? [] : messagesOf([bytes]).map(({ push }) => push.pub?.offset);
}

/** Counts how often a push is encoded. */
function createCountingCodec(name: string): { codec: Codec; encoded: () => number } {
  let encoded = 0;
  const codec: Codec = {
    ...jsonCodec,
    name,
    encodePush: (push) => {
      encoded++;
      return jsonCodec.encodePush(push);
    },
  };
  return { codec, encoded: () => encoded };
}

const quiet = viewOf();
const curious = viewOf({ hasJoinLeave: true });

describe("batch", () => {
  it("holds the publications between cursor and head", () => {
    const channel = channelWith(3);
    const batch = channel.batches.get(1, quiet, plainEncoding);
    expect(offsetsOf(batch.framed?.bytes)).toEqual([2, 3]);
    expect(batch).toMatchObject({ cursor: 3, offset: 3 });
  });

  it("is one frame of push messages", () => {
    const channel = channelWith(2);
    expect(textOf(channel.batches.get(0, quiet, plainEncoding).framed?.bytes)).toBe(
      '{"push":{"channel":"news","pub":{"data":1,"offset":1,"epoch":"e1"}}}\n' +
        '{"push":{"channel":"news","pub":{"data":2,"offset":2}}}',
    );
  });

  it("is the same bytes for the same cursor", () => {
    const channel = channelWith(3);
    const first = channel.batches.get(1, quiet, plainEncoding);
    expect(channel.batches.get(1, quiet, plainEncoding).framed?.bytes).toBe(first.framed?.bytes);
    expect(channel.batches.get(2, quiet, plainEncoding).framed?.bytes).not.toBe(first.framed?.bytes);
  });

  it("is rebuilt when the ring has grown", () => {
    const channel = channelWith(3);
    channel.batches.get(1, quiet, plainEncoding);
    channel.append(publication(4), "e1");
    const batch = channel.batches.get(1, quiet, plainEncoding);
    expect(offsetsOf(batch.framed?.bytes)).toEqual([2, 3, 4]);
    expect(batch.cursor).toBe(4);
  });

  it("is rebuilt when a join has arrived", () => {
    const channel = channelWith(1);
    channel.batches.get(0, curious, plainEncoding);
    channel.announce("join", clientInfo("ann"));
    expect(textOf(channel.batches.get(0, curious, plainEncoding).framed?.bytes)).toContain('"join"');
  });

  it("ends with the entry that exceeds its size, and continues from there", () => {
    const data = JSON.stringify("x".repeat(10_000));
    const channel = channelWith(20, data);
    const read: (number | undefined)[] = [];
    let cursor = 0;
    let batches = 0;
    while (cursor < channel.ring.next) {
      const batch = channel.batches.get(cursor, quiet, plainEncoding);
      const length = batch.framed?.bytes?.length ?? 0;
      expect(length).toBeLessThan(maxBatchBytes + 11_000);
      if (batch.cursor < channel.ring.next) expect(length).toBeGreaterThanOrEqual(maxBatchBytes);
      expect(batch.offset).toBe(batch.cursor);
      read.push(...offsetsOf(batch.framed?.bytes));
      cursor = batch.cursor;
      batches++;
    }
    expect(read).toEqual(countTo(20));
    expect(batches).toBe(3);
  });

  it("holds an oversized entry by itself", () => {
    const channel = channelWith(3, JSON.stringify("x".repeat(2 * maxBatchBytes)));
    const batch = channel.batches.get(0, quiet, plainEncoding);
    expect(offsetsOf(batch.framed?.bytes)).toEqual([1]);
    expect(batch).toMatchObject({ cursor: 1, offset: 1 });
  });
});

describe("joins and leaves in a batch", () => {
  it("are included in order for readers that want them", () => {
    const channel = channelWith(1);
    channel.announce("join", clientInfo("ann"));
    channel.append(publication(2), "e1");
    channel.announce("leave", clientInfo("ann"));
    const { framed, cursor, offset } = channel.batches.get(0, curious, plainEncoding);
    const kinds = messagesOf([framed?.bytes as Uint8Array]).map(({ push }) => Object.keys(push)[1]);
    expect(kinds).toEqual(["pub", "join", "pub", "leave"]);
    expect({ cursor, offset }).toEqual({ cursor: 4, offset: 2 });
  });

  it("are left out for other readers, whose cursors still pass them", () => {
    const channel = channelWith(1);
    channel.announce("join", clientInfo("ann"));
    channel.append(publication(2), "e1");
    channel.announce("leave", clientInfo("ann"));
    const { framed, cursor, offset } = channel.batches.get(0, quiet, plainEncoding);
    expect(offsetsOf(framed?.bytes)).toEqual([1, 2]);
    expect({ cursor, offset }).toEqual({ cursor: 4, offset: 2 });
  });

  it("produce no bytes for other readers when alone", () => {
    const channel = channelWith(1);
    channel.announce("join", clientInfo("ann"));
    const batch = channel.batches.get(1, quiet, plainEncoding);
    expect(batch).toEqual({ bytes: undefined, cursor: 2, offset: 1, publications: 0 });
  });
});

describe("encoding", () => {
  it("happens once per publication and codec, whatever the cursors and framings", () => {
    const { codec, encoded } = createCountingCodec("json");
    const channel = channelWith(3);
    const framings = [
      { ...createPlainEncoding(), codec },
      { ...createPlainEncoding(), codec },
    ];
    for (const encoding of framings)
      for (const cursor of [0, 1, 2]) channel.batches.get(cursor, quiet, encoding);
    channel.append(publication(4), "e1");
    for (const encoding of framings) channel.batches.get(0, quiet, encoding);
    expect(encoded()).toBe(4);
  });

  it("happens once for each codec", () => {
    const one = createCountingCodec("one");
    const two = createCountingCodec("two");
    const channel = channelWith(3);
    for (const { codec } of [one, two]) channel.batches.get(0, quiet, { ...createPlainEncoding(), codec });
    expect([one.encoded(), two.encoded()]).toEqual([3, 3]);
  });

  it("frames once per encoding", () => {
    const channel = channelWith(3);
    const other = createPlainEncoding();
    const bytes = channel.batches.get(0, quiet, plainEncoding).framed?.bytes;
    const otherBytes = channel.batches.get(0, quiet, other).framed?.bytes;
    expect(otherBytes).not.toBe(bytes);
    expect(otherBytes).toEqual(bytes);
    expect(channel.batches.get(0, quiet, other).framed?.bytes).toBe(otherBytes);
  });
});

describe("publications of the log as a frame", () => {
  it("look like a batch of the ring", () => {
    const channel = channelWith(3);
    const framed = framePublications(
      channel,
      countTo(3).map((n) => publication(n)),
      plainEncoding,
    );
    const batch = channel.batches.get(0, quiet, plainEncoding);
    expect(framed?.bytes).toEqual(batch.framed?.bytes);
    expect(framed?.payload()).toBe(batch.framed?.payload());
    expect(textOf(framed?.bytes)).toBe(framed?.payload());
  });

  it("are empty when there are none", () => {
    expect(framePublications(channelWith(0), [], plainEncoding)).toBeUndefined();
  });
});
