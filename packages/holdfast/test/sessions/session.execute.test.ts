import { describe, expect, it } from "vitest";
import type { Reply } from "../../src/wire/messages.js";
import { createSessionNode } from "./support/session-node.js";

const subscribe = {
  channel: "news",
  recover: false,
  epoch: "",
  offset: 0,
  positioned: false,
  recoverable: false,
  joinLeave: false,
  wantsDelta: false,
  flag: 0,
};

describe("command executed without a frame", () => {
  it("runs like a framed one, and is answered in the transport's codec", async () => {
    const { open } = await createSessionNode();
    const client = open();
    client.session.execute({ id: 7, method: "connect", params: { data: '{"user":"ann"}' } });
    await client.settle();
    expect(client.reply(7)?.connect).toMatchObject({ client: client.session.id });
    expect(client.session.user).toBe("ann");
  });

  it("passes its reply to the caller, whose answer precedes later output", async () => {
    const { open, publish } = await createSessionNode();
    const client = open();
    const replies: Reply[] = [];
    const onReply = (reply: Reply) => {
      replies.push(reply);
      return "method" in reply && reply.method === "subscribe" ? '{"subscribed":true}' : undefined;
    };
    client.session.execute({ id: 1, method: "connect", params: {} }, onReply);
    client.session.execute({ id: 2, method: "subscribe", params: subscribe }, onReply);
    await client.settle();
    await publish("news");
    await client.settle();
    expect(replies.map((reply) => reply.id)).toEqual([1, 2]);
    const lines = client.transport.writes.flat().join("\n").split("\n");
    expect(lines[0]).toBe('{"subscribed":true}');
    expect(lines[1]).toContain('"pub"');
  });

  it("passes errors to the caller, too", async () => {
    const { open } = await createSessionNode();
    const client = open();
    const replies: Reply[] = [];
    client.session.execute({ id: 1, method: "connect", params: {} }, (reply) => void replies.push(reply));
    client.session.execute({ id: 2, method: "invalid", message: "m" }, (reply) => void replies.push(reply));
    await client.settle();
    expect(replies[1]).toMatchObject({ id: 2, error: { code: 107 } });
  });
});
