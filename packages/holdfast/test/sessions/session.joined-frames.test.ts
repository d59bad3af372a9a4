import { describe, expect, it } from "vitest";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode } from "./support/session-node.js";

describe("output of a session in one turn", () => {
  it("is one frame when it has a reply, followed by later publications", async () => {
    const { connect } = await createSessionNode({ ringLimits: { maxEntries: 4 } });
    const publisher = await connect();
    await publisher.ask(...countTo(40).map((n) => ({ id: n + 1, publish: { channel: "news", data: n } })));
    const client = await connect();
    const before = client.transport.writes.length;
    const recover = { channel: "news", recover: true, epoch: "", offset: 0 };
    await client.ask(
      { id: 2, subscribe: recover },
      ...countTo(20).map((n) => ({ id: n + 2, publish: { channel: "news", data: -n } })),
    );
    const writes = client.transport.writes.slice(before);
    expect(writes.some(([frame]) => /"id":\d+,.*"push":/s.test(frame as string))).toBe(true);
    for (const frames of writes)
      if (frames.some((frame) => frame.includes('"id":'))) expect(frames).toHaveLength(1);
    const recovered = client.reply(2)?.subscribe?.publications ?? [];
    const offsets = [...recovered, ...client.pushes("news")].map(({ offset }) => offset);
    expect(offsets).toEqual(countTo(60));
  });

  it("is the shared bytes when it has no output of its own", async () => {
    const { connect } = await createSessionNode({});
    const readers = [await connect(), await connect()] as const;
    for (const reader of readers) await reader.ask({ id: 2, subscribe: { channel: "news" } });
    const parts: (readonly Uint8Array[])[] = [];
    for (const { transport } of readers) transport.write = (written) => void parts.push(written);
    const publisher = await connect();
    await publisher.ask({ id: 2, publish: { channel: "news", data: 1 } });
    for (const reader of readers) await reader.settle();
    expect(parts).toHaveLength(2);
    expect(parts[0]?.[0]).toBe(parts[1]?.[0]);
  });
});
