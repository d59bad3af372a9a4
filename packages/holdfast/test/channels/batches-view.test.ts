import { describe, expect, it } from "vitest";
import { publicationsFor, toDelta, viewAfterPublication, viewOf } from "../../src/channels/batches.js";
import { Channel } from "../../src/channels/channel.js";
import { plainEncoding } from "./support/fake-reader.js";

const text = (n: number) => JSON.stringify({ title: "the same in all of them, and long enough", n });
const publication = (offset: number) => ({ offset, data: text(offset), time: 0 });
const limits = { maxEntries: 100, maxBytes: 1_000_000 };

interface Sent {
  readonly data: string;
  readonly delta?: boolean;
  readonly offset: number;
}

function read(channel: Channel, cursor: number, view = viewOf({ isDelta: true })): Sent[] {
  const { framed } = channel.batches.get(cursor, view, plainEncoding);
  return Buffer.from(framed?.bytes ?? [])
    .toString()
    .split("\n")
    .map((line) => (JSON.parse(line) as { push: { pub: Sent } }).push.pub);
}

function channelWith(count: number): Channel {
  const channel = new Channel("news", { limits });
  channel.open({ epoch: "e", offset: 0 });
  for (let offset = 1; offset <= count; offset++) channel.append(publication(offset), "e");
  return channel;
}

describe("payloads as patches", () => {
  it("start with a full payload for a reader that has none, also after other readers", () => {
    const [first, second] = read(channelWith(3), 1);
    expect(first).toMatchObject({ offset: 2, data: text(2) });
    expect(first?.delta).toBeUndefined();
    expect(second).toMatchObject({ offset: 3, delta: true });
    expect(second?.data).not.toBe(text(3));
  });

  it("continue with a patch for a reader that has the previous payload", () => {
    const channel = channelWith(3);
    const next = viewAfterPublication(viewOf({ isDelta: true }));
    expect(read(channel, 2, next)).toMatchObject([{ offset: 3, delta: true }]);
    expect(read(channel, 2)).toMatchObject([{ offset: 3, data: text(3) }]);
  });

  it("apply to the immediately preceding publication only", () => {
    expect(toDelta(publication(3), publication(2))).toMatchObject({ delta: "patch" });
    expect(toDelta(publication(3), publication(1))).toEqual({ ...publication(3), delta: "full" });
    expect(toDelta(publication(3), undefined)).toEqual({ ...publication(3), delta: "full" });
  });

  it("are never of bytes, which are sent whole", () => {
    const bytes = (offset: number) => ({ ...publication(offset), data: Buffer.from(text(offset)) });
    expect(toDelta(bytes(3), bytes(2))).toEqual({ ...bytes(3), delta: "full" });
    expect(toDelta(bytes(3), publication(2))).toEqual({ ...bytes(3), delta: "full" });
    expect(toDelta(publication(3), bytes(2))).toEqual({ ...publication(3), delta: "full" });
  });

  it("are kept apart from full payloads of other readers", () => {
    const channel = channelWith(2);
    const patches = read(channel, 1, viewAfterPublication(viewOf({ isDelta: true })));
    expect(read(channel, 1, viewOf())).toMatchObject([{ data: JSON.parse(text(2)) }]);
    expect(patches[0]?.delta).toBe(true);
  });

  it("are not sent to readers with a filter, which skip publications", () => {
    const filter = { key: "f", weight: 1, passes: () => true };
    const view = viewOf({ isDelta: true, filter });
    expect(publicationsFor(view, [publication(1), publication(2)]).map(({ delta }) => delta)).toEqual([
      undefined,
      undefined,
    ]);
  });
});
