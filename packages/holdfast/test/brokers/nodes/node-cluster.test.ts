import { describe, expect, it } from "vitest";
import type { ClusterCommand } from "../../../src/channels/cluster.js";
import { TestNodes } from "./support/test-nodes.js";

const command: ClusterCommand = { kind: "send", target: { user: "ann" }, data: '"1"' };

describe("smoke", () => {
  it("works", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    expect(await a.ids()).toEqual(["a", "b", "c"]);
    expect(await c.ids()).toEqual(["a", "b", "c"]);
    const answer = await nodes.wait(a.cluster.send(command));
    expect([...answer.outcomes.keys()].sort()).toEqual(["a", "b", "c"]);
    expect(answer.silent).toEqual([]);
    expect(b.commands).toEqual([command]);
    await b.cluster.announceHistoryRemoved("news");
    await nodes.advance(10);
    expect(a.removed).toEqual(["news"]);
    for (const n of [a, b, c]) n.subscribed.add("news");
    await b.presence.add("news", { user: "bob", client: "b1", connInfo: "[1]" }, 60_000);
    await b.presence.announce("news", "join", { user: "bob", client: "b1", connInfo: "[1]" });
    await nodes.advance(10);
    expect(await nodes.wait(a.presence.list("news"))).toEqual([
      { user: "bob", client: "b1", connInfo: "[1]" },
    ]);
    expect(await nodes.wait(a.presence.stats("news"))).toEqual({ numClients: 1, numUsers: 1 });
    nodes.network.kill("b");
    await nodes.advance(7000, 50);
    expect(a.announced).toEqual(["join news b1", "leave news b1"]);
    expect(await nodes.wait(a.presence.list("news"))).toEqual([]);
    expect(await a.ids()).toEqual(["a", "c"]);
    await c.close();
    await nodes.advance(10);
    expect(await a.ids()).toEqual(["a"]);
    expect(nodes.errors).toEqual([]);
  });
});
