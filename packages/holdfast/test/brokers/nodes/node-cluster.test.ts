import { describe, expect, it } from "vitest";
import type { ClusterCommand } from "../../../src/channels/cluster.js";
import { replyError } from "../../../src/wire/codes.js";
import { TestNodes } from "./support/test-nodes.js";

const target = { user: "ann" };
const command: ClusterCommand = { kind: "send", target, data: '"1"' };

describe("command", () => {
  it("reaches every living node, and this one at once", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    const answered = a.cluster.send(command);
    expect(a.commands).toEqual([command]);
    const { outcomes, silent } = await nodes.wait(answered);
    expect([...outcomes.keys()].sort()).toEqual(["a", "b", "c"]);
    expect(silent).toEqual([]);
    for (const node of [b, c]) expect(node.commands).toEqual([command]);
  });

  it("for one node reaches it alone", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    b.answer = async () => ({ data: "taken" });
    const { outcomes } = await nodes.wait(a.cluster.send({ kind: "stats" }, "b"));
    expect(outcomes).toEqual(new Map([["b", { data: "taken" }]]));
    expect((await nodes.wait(a.cluster.send({ kind: "stats" }, "a"))).outcomes).toEqual(new Map([["a", {}]]));
    expect([a.commands.length, b.commands.length, c.commands.length]).toEqual([1, 1, 0]);
  });

  it("has the exact bytes that it was given", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    const data = new Uint8Array([0, 255, 128, 10]);
    await nodes.wait(a.cluster.send({ kind: "emulate", session: "s", data }, "b"));
    expect(b.commands).toEqual([{ kind: "emulate", session: "s", data }]);
  });

  it("that a handler rejects is an internal error of that node alone, and reported", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    b.answer = () => Promise.reject(new Error("broken handler"));
    const { outcomes } = await nodes.wait(a.cluster.send(command));
    expect(outcomes).toEqual(
      new Map([
        ["a", {}],
        ["b", { error: replyError("internal") }],
      ]),
    );
    expect(nodes.errors).toMatchObject([{ stage: "command send of the cluster" }]);
  });

  it.each(["a", "b"])("names node %s if it does not answer in time", async (id) => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    const slow = id === "a" ? a : b;
    slow.answer = () => new Promise(() => {});
    const { outcomes, silent } = await nodes.wait(a.cluster.send(command));
    expect(silent).toEqual([id]);
    expect([...outcomes.keys()]).toEqual([id === "a" ? "b" : "a"]);
  });

  it("names a node that dies while it is waited for, at once", async () => {
    const nodes = new TestNodes({ deadAfterMs: 1000, beatIntervalMs: 200 });
    const [a, b] = await nodes.start(2);
    b.kill();
    const answered = a.cluster.send(command);
    await nodes.advance(1500, 10);
    expect((await answered).silent).toEqual(["b"]);
    expect((await nodes.wait(a.cluster.send(command), 1)).silent).toEqual([]);
  });

  it("names the nodes that a disconnected bus cannot reach", async () => {
    const nodes = new TestNodes({ helloWaitMs: 50 });
    const [a] = await nodes.start(2);
    nodes.network.disconnect("a");
    await nodes.advance(7000, 100);
    expect(await a.ids()).toEqual(["a"]);
    expect((await nodes.wait(a.cluster.send(command), 1)).silent).toEqual(["b"]);
    nodes.network.connect("a");
    const { outcomes, silent } = await nodes.wait(a.cluster.send(command));
    expect([[...outcomes.keys()].sort(), silent]).toEqual([["a", "b"], []]);
  });

  it("is refused when too many wait", async () => {
    const nodes = new TestNodes({ maxCommands: 2 });
    const a = await nodes.add();
    a.answer = () => new Promise(() => {});
    const waiting = [a.cluster.send(command), a.cluster.send(command)];
    await expect(a.cluster.send(command)).rejects.toMatchObject({ code: "HF_BROKER_FULL" });
    await nodes.wait(Promise.all(waiting));
    a.answer = async () => ({});
    expect((await a.cluster.send(command)).silent).toEqual([]);
  });

  it("rejects when the cluster is closed meanwhile", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    b.answer = () => new Promise(() => {});
    const answered = a.cluster.send(command);
    await nodes.advance(5);
    await a.close();
    await expect(answered).rejects.toMatchObject({ code: "HF_BROKER_CLOSED" });
  });
});

describe("removal of history", () => {
  it("is known to every node, and to this one at once", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    await a.cluster.announceHistoryRemoved("news");
    expect(a.removed).toEqual(["news"]);
    await nodes.advance(5);
    expect([b.removed, c.removed]).toEqual([["news"], ["news"]]);
  });

  it("that was lost is found by the next beat", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    await a.cluster.announceHistoryRemoved("one");
    await nodes.advance(5);
    nodes.network.fate = () => [];
    await a.cluster.announceHistoryRemoved("two");
    await a.cluster.announceHistoryRemoved("three");
    await nodes.advance(5);
    nodes.network.fate = () => [1];
    await nodes.advance(1200);
    expect(b.removed).toEqual(["one", "two", "three"]);
  });

  it("that was lost is found by the next removal, in order", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    nodes.network.fate = () => [];
    await a.cluster.announceHistoryRemoved("one");
    nodes.network.fate = () => [1];
    await a.cluster.announceHistoryRemoved("two");
    await nodes.advance(5);
    expect(b.removed).toEqual(["one", "two"]);
  });

  it("during a partition is known when it is over", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    nodes.network.cut("a", "b");
    await nodes.advance(7000, 100);
    await a.cluster.announceHistoryRemoved("news");
    await nodes.advance(7000, 100);
    nodes.network.heal("a", "b");
    await nodes.advance(1200);
    expect(b.removed).toEqual(["news"]);
  });

  it("is told to a node that comes later, whose copies may be older", async () => {
    const nodes = new TestNodes();
    const a = await nodes.add();
    await a.cluster.announceHistoryRemoved("news");
    const b = await nodes.add();
    await nodes.advance(10);
    expect(b.removed).toEqual(["news"]);
  });

  it("counts for every subscribed channel if too many were missed", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    b.subscribed.add("mine").add("other");
    nodes.network.fate = () => [];
    for (let n = 0; n <= 1000; n++) await a.cluster.announceHistoryRemoved(`news-${n}`);
    nodes.network.fate = () => [1];
    await nodes.advance(1200);
    expect(b.removed).toEqual(["mine", "other"]);
    await a.cluster.announceHistoryRemoved("next");
    await nodes.advance(5);
    expect(b.removed).toEqual(["mine", "other", "next"]);
  });
});
