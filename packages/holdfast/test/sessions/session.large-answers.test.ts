import { describe, expect, it } from "vitest";
import { insecureAuth } from "../../src/sessions/identity.js";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode } from "./support/session-node.js";

const info = { name: "x".repeat(3000) };

/** A channel whose presence takes about 3 KB a client. */
async function createCrowd(size: number, limits = {}) {
  const node = await createSessionNode({ authenticate: insecureAuth, limits });
  for (const number of countTo(size)) {
    const member = node.open();
    await member.ask(
      { id: 1, connect: { data: { user: `user-${number}`, info } } },
      { id: 2, subscribe: { channel: "crowd" } },
    );
  }
  return node;
}

describe("large reply", () => {
  it("for presence over its limit is refused, and names the alternative", async () => {
    const { connect } = await createCrowd(5, { maxPresenceBytes: 10_000 });
    const client = await connect();
    await client.ask(
      { id: 2, presence: { channel: "crowd" } },
      { id: 3, presence_stats: { channel: "crowd" } },
    );
    expect(client.reply(2)?.error).toEqual({
      code: 106,
      message: "limit exceeded: 5 clients are too many for one reply; use presence_stats",
    });
    expect(client.reply(3)?.presence_stats).toEqual({ num_clients: 5, num_users: 5 });
  });

  it("is produced one at a time, so an unread peer holds one, not sixteen", async () => {
    const { connect } = await createCrowd(20, { maxUnsentBytes: 20_000 });
    const client = await connect();
    client.transport.isFull = true;
    await client.ask(...countTo(16).map((index) => ({ id: index + 1, presence: { channel: "crowd" } })));
    expect(client.session.unsentBytes).toBeGreaterThan(50_000);
    expect(client.session.unsentBytes).toBeLessThan(150_000);
    client.transport.isFull = false;
    for (const _round of countTo(20)) {
      client.transport.drain();
      await client.settle();
    }
    for (const index of countTo(16))
      expect(Object.keys(client.reply(index + 1)?.presence?.presence ?? {})).toHaveLength(20);
  });

  it("of history and recovery includes publishers' info in its size", async () => {
    const { connect, open } = await createSessionNode({ authenticate: insecureAuth });
    const publisher = open();
    await publisher.ask({ id: 1, connect: { data: { user: "ann", info } } });
    for (const index of countTo(100))
      await publisher.ask({ id: index + 1, publish: { channel: "news", data: index } });
    const client = await connect();
    await client.ask({ id: 2, history: { channel: "news", limit: -1 } });
    const { publications = [] } = client.reply(2)?.history ?? {};
    expect(publications.length).toBeGreaterThan(30);
    expect(JSON.stringify(publications).length).toBeLessThan(160_000);
    await client.ask({ id: 3, subscribe: { channel: "news", recover: true, offset: 0 } });
    const recovered = client.reply(3)?.subscribe?.publications ?? [];
    expect(recovered.length).toBeGreaterThan(10);
    expect(JSON.stringify(recovered).length).toBeLessThan(90_000);
  });
});

describe("unknown kinds of subscription and publication", () => {
  it.each([
    [{ subscribe: { channel: "news", type: 1 } }, 103, "this channel is not a map: subscribe without type"],
    [
      { subscribe: { channel: "news", type: 4 } },
      108,
      "this channel is not polled: subscribe without type 4",
    ],
    [{ subscribe: { channel: "news", type: 5 } }, 108, "type 5 is not supported by this server"],
    [{ publish: { channel: "news", type: 1, key: "a", data: 1 } }, 107, "this channel is not a map"],
    [{ publish: { channel: "news", type: 2, key: "a", data: 1 } }, 108, "type 2 is not supported"],
    [{ publish: { channel: "news", key: "a", removed: true } }, 107, "removed is for maps only"],
  ])("%j is refused instead of doing something else", async (command, code, words) => {
    const { broker, connect } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, ...command });
    expect(client.reply(2)?.error).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(broker.count("publish")).toBe(0);
  });
});
