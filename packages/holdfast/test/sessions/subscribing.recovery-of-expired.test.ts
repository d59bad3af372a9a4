import { describe, expect, it } from "vitest";
import { createSessionNode } from "./support/session-node.js";

describe("recovery of expired publications", () => {
  it("fails, though they were read for another client before", async () => {
    const { clock, connect, publish } = await createSessionNode({ retention: { ttlMs: 5000 } });
    const since = { channel: "news", recover: true, epoch: "epoch-1", offset: 2 };
    await publish("news", 5);
    clock.advance(4000);
    const early = await connect();
    await early.ask({ id: 2, subscribe: since });
    expect(early.reply(2)?.subscribe).toMatchObject({ recovered: true });
    expect(early.offsets("news")).toEqual([3, 4, 5]);
    clock.advance(2000);
    const late = await connect();
    await late.ask({ id: 2, subscribe: since });
    expect(late.reply(2)?.subscribe).toMatchObject({ epoch: "epoch-1", offset: 5, was_recovering: true });
    expect(late.reply(2)?.subscribe?.recovered).toBeUndefined();
    expect(late.offsets("news")).toEqual([]);
  });
});
