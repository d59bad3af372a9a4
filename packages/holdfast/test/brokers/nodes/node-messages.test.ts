import { describe, expect, it } from "vitest";
import { encodeMessage } from "../../../src/brokers/nodes/message-format.js";
import { TestNodes } from "./support/test-nodes.js";

/** From the death of a node until all have noticed. */
const deadMs = 6100;

const kindOf = (message: Uint8Array): string =>
  /"kind":"(\w+)"/.exec(Buffer.from(message).toString())?.[1] ?? "";

describe("nodes", () => {
  it("know each other as soon as a hello was answered", async () => {
    const nodes = new TestNodes();
    const [a] = await nodes.start(2);
    const c = await nodes.add();
    await nodes.advance(2);
    expect(await a.ids()).toEqual(["a", "b", "c"]);
    expect(await c.ids()).toEqual(["a", "b", "c"]);
    expect((await a.cluster.nodes()).at(-1)).toEqual({
      id: "c",
      name: "node c",
      version: "1.0.0",
      startedAt: nodes.clock.now() + 2 * 300_000 - 2,
    });
  });

  it("stay while they send beats, whatever their clocks say", async () => {
    const nodes = new TestNodes();
    const all = await nodes.start(3);
    await nodes.advance(60_000, 100);
    for (const node of all) expect(await node.ids()).toEqual(["a", "b", "c"]);
  });

  it("wait for answers to their hello before they say who is there", async () => {
    const nodes = new TestNodes({ helloWaitMs: 250 });
    await nodes.add();
    const b = await nodes.add();
    expect(await nodes.wait(b.ids())).toEqual(["a", "b"]);
  });

  it("are gone at once when they close, and late messages do not bring them back", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    nodes.network.fate = (message) => [kindOf(message) === "beat" ? 500 : 1];
    await nodes.advance(1000);
    await b.close();
    await nodes.advance(2);
    expect(await a.ids()).toEqual(["a"]);
    await nodes.advance(1000);
    expect(await a.ids()).toEqual(["a"]);
  });

  it("are gone within a stated time when they die, and not before", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    b.kill();
    await nodes.advance(3900, 100);
    expect(await a.ids()).toEqual(["a", "b"]);
    await nodes.advance(deadMs - 3900, 100);
    expect(await a.ids()).toEqual(["a"]);
  });

  it("whose connection has ended are gone soon, unless they are heard of again", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    const gone: string[] = [];
    a.messages.watch({ onPeerGone: ({ id }) => void gone.push(id) });
    b.kill();
    nodes.network.lose("b");
    nodes.network.lose("c");
    await nodes.advance(490);
    c.messages.send({ kind: "anything" });
    expect(gone).toEqual([]);
    await nodes.advance(11);
    expect([await a.ids(), gone]).toEqual([["a", "c"], ["b"]]);
    await nodes.advance(3000, 100);
    expect([await a.ids(), gone]).toEqual([["a", "c"], ["b"]]);
  });

  it("whose connection has ended are heard first by a node that stood still", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    const gone: string[] = [];
    a.messages.watch({ onPeerGone: ({ id }) => void gone.push(id) });
    nodes.network.lose("b");
    a.pause();
    await nodes.advance(2000, 100);
    a.resume();
    await nodes.advance(3000, 100);
    expect([await a.ids(), gone]).toEqual([["a", "b"], []]);
    nodes.network.lose("b");
    a.pause();
    b.kill();
    await nodes.advance(2000, 100);
    a.resume();
    await nodes.advance(501);
    expect(gone).toEqual(["b"]);
  });

  it("are known by their next beat if their hello is lost", async () => {
    const nodes = new TestNodes();
    const a = await nodes.add();
    nodes.network.fate = () => [];
    const b = await nodes.add();
    await nodes.advance(10);
    nodes.network.fate = () => [1];
    await nodes.advance(1200);
    for (const node of [a, b]) expect(await node.ids()).toEqual(["a", "b"]);
  });

  it("are asked who they are when anything is heard of an unknown one", async () => {
    const nodes = new TestNodes();
    const a = await nodes.add();
    nodes.network.fate = () => [];
    const b = await nodes.add();
    await nodes.advance(10);
    nodes.network.fate = () => [1];
    b.messages.send({ kind: "anything" });
    await nodes.advance(5);
    for (const node of [a, b]) expect(await node.ids()).toEqual(["a", "b"]);
  });

  it("that stood still do not take the others for dead", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    const gone: string[] = [];
    a.messages.watch({ onPeerGone: ({ id }) => void gone.push(id) });
    a.pause();
    await nodes.advance(60_000, 100);
    expect(await b.ids()).toEqual(["b"]);
    a.resume();
    await nodes.advance(10);
    for (const node of [a, b]) expect(await node.ids()).toEqual(["a", "b"]);
    expect(gone).toEqual([]);
  });

  it("that cannot hear each other are gone for each other, and there again when they can", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    nodes.network.cut("a", "b");
    await nodes.advance(deadMs, 100);
    expect([await a.ids(), await b.ids(), await c.ids()]).toEqual([
      ["a", "c"],
      ["b", "c"],
      ["a", "b", "c"],
    ]);
    nodes.network.heal("a", "b");
    await nodes.advance(1200);
    for (const node of [a, b, c]) expect(await node.ids()).toEqual(["a", "b", "c"]);
  });

  it("whose bus is disconnected are alone after a while, and know the others as soon as it is connected", async () => {
    const nodes = new TestNodes({ helloWaitMs: 50 });
    const [a, b] = await nodes.start(2);
    nodes.network.disconnect("a");
    await nodes.advance(deadMs, 100);
    expect([await a.ids(), await b.ids()]).toEqual([["a"], ["b"]]);
    expect(a.messages.peers("unreachable").map(({ id }) => id)).toEqual(["b"]);
    nodes.network.connect("a");
    expect(await nodes.wait(a.ids())).toEqual(["a", "b"]);
    expect(await b.ids()).toEqual(["a", "b"]);
  });

  it("have time to answer after a disconnect that was almost too long", async () => {
    const nodes = new TestNodes();
    const [a] = await nodes.start(2);
    const gone: string[] = [];
    a.messages.watch({ onPeerGone: ({ id }) => void gone.push(id) });
    await nodes.advance(5490);
    nodes.network.disconnect("a");
    await nodes.advance(4480);
    nodes.network.fate = () => [50];
    nodes.network.connect("a");
    await nodes.advance(1000);
    expect([await a.ids(), gone]).toEqual([["a", "b"], []]);
  });

  it("that do not come back after a disconnect are gone", async () => {
    const nodes = new TestNodes({ helloWaitMs: 50 });
    const [a, b] = await nodes.start(2);
    nodes.network.disconnect("a");
    await nodes.advance(deadMs, 100);
    b.kill();
    nodes.network.connect("a");
    expect(await nodes.wait(a.ids())).toEqual(["a"]);
    expect(a.messages.peers("unreachable")).toEqual([]);
  });

  it("are bounded, which is reported once", async () => {
    const nodes = new TestNodes({ maxNodes: 1 });
    const all = await nodes.start(3);
    await nodes.advance(3000, 100);
    for (const node of all) {
      expect((await node.ids()).length).toBe(2);
      expect(node.messages.sizes.peers).toBe(1);
    }
    expect(nodes.errors.map(({ error }) => String(error))).toEqual(
      all.map(() => expect.stringContaining("more than 1 nodes")),
    );
  });

  it("that are gone are forgotten after a while", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    b.kill();
    await c.close();
    await nodes.advance(deadMs, 100);
    expect(a.messages.sizes.peers).toBe(2);
    await nodes.advance(70_000, 500);
    expect(a.messages.sizes.peers).toBe(0);
  });
});

describe("messages", () => {
  it("of another format are ignored, and reported once", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    const bus = nodes.network.createBus();
    await bus.open("z", { onMessage() {}, onDisconnect() {}, onConnect() {}, onNodeLost() {} });
    const bytes = encodeMessage({ kind: "beat", from: "z" });
    bytes[0] = 9;
    for (let n = 0; n < 5; n++) bus.send(bytes, "a");
    await nodes.advance(10);
    expect(nodes.errors.map(({ error }) => String(error))).toEqual([expect.stringContaining("format 9")]);
    for (const node of [a, b]) expect(await node.ids()).toEqual(["a", "b"]);
  });

  it("of unknown kinds, and unknown fields, are skipped", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    a.messages.send({ kind: "fromTheFuture", body: 1 });
    a.messages.send({ kind: "removed", number: 1, channel: "news", isFromTheFuture: true });
    await nodes.advance(10);
    expect(b.removed).toEqual(["news"]);
    expect(nodes.errors).toEqual([]);
  });

  it("whose handler throws are reported, and the next ones are handled", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    b.messages.on("removed", ({ number }) => {
      if (number === 1) throw new Error("broken handler");
    });
    await a.cluster.announceHistoryRemoved("news");
    await a.cluster.announceHistoryRemoved("sport");
    await nodes.advance(10);
    expect(b.removed).toEqual(["news", "sport"]);
    expect(nodes.errors).toMatchObject([
      { error: { message: "broken handler" }, stage: "message removed of another node" },
    ]);
  });

  it("that are large go in parts", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    const got: unknown[] = [];
    b.messages.on("test", ({ body }) => void got.push(body));
    nodes.network.sent.length = 0;
    const body = "é".repeat(600_000);
    a.messages.send({ kind: "test", body }, "b");
    a.messages.send({ kind: "test", body: "next" }, "b");
    await nodes.advance(10);
    expect(got).toEqual([body, "next"]);
    const sizes = nodes.network.sent.map(({ message }) => message.length);
    expect(sizes.length).toBe(6);
    expect(Math.max(...sizes)).toBeLessThan(257 * 1024);
  });

  it("that are too large are reported and not sent", async () => {
    const nodes = new TestNodes();
    const [a] = await nodes.start(2);
    nodes.network.sent.length = 0;
    a.messages.send({ kind: "test", body: new Uint8Array(65 * 1024 * 1024) }, "b");
    expect(nodes.network.sent).toEqual([]);
    expect(nodes.errors.map(({ error }) => String(error))).toEqual([
      expect.stringMatching(/message of kind test has \d+ bytes; at most 67108864/),
    ]);
  });
});
