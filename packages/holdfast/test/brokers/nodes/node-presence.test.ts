import { describe, expect, it } from "vitest";
import { clientInfo } from "../../channels/support/entries.js";
import { type TestNode, TestNodes } from "./support/test-nodes.js";

const leaseMs = 60_000;
/** From the death of a node until all have noticed. */
const deadMs = 6100;

/** Messages since the last call, but beats. */
function takeMessages(
  nodes: TestNodes,
): { readonly from: string; readonly to: string; readonly text: string }[] {
  return nodes.network.sent
    .splice(0)
    .map(({ from, to, message }) => ({ from, to, text: Buffer.from(message).toString() }))
    .filter(({ text }) => !text.includes('"kind":"beat"'));
}

function subscribe(channel: string, ...nodes: TestNode[]): void {
  for (const { subscribed } of nodes) subscribed.add(channel);
}

describe("entries of several nodes", () => {
  it("are added, renewed and removed without a message", async () => {
    const nodes = new TestNodes();
    const [a] = await nodes.start(2);
    takeMessages(nodes);
    await a.presence.add("news", clientInfo("ann"), leaseMs);
    await a.presence.add("news", clientInfo("ann"), leaseMs);
    await a.presence.remove("news", "ann");
    expect(takeMessages(nodes)).toEqual([]);
  });

  it("are listed from every node, as they were given", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    const ann = { user: "u", client: "ann", connInfo: '{"a":1.0}', chanInfo: '"\\ud800"' };
    const bob = { user: "", client: "bob", connInfo: "1e400" };
    await a.presence.add("news", ann, leaseMs);
    await b.presence.add("news", bob, leaseMs);
    for (const node of [a, b, c]) {
      const entries = await nodes.wait(node.presence.list("news"));
      expect([...entries].sort((x, y) => (x.client < y.client ? -1 : 1))).toStrictEqual([ann, bob]);
    }
  });

  it("end with their lease, by the clock of their node", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    await b.presence.add("news", clientInfo("bob"), 1000);
    await nodes.advance(990, 10);
    expect(await nodes.wait(a.clients("news"))).toEqual(["bob"]);
    await nodes.advance(20);
    expect(await nodes.wait(a.clients("news"))).toEqual([]);
  });

  it("are counted with distinct users, whichever nodes have some", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    const check = async (numClients: number, numUsers: number) => {
      for (const node of [a, b, c])
        expect(await nodes.wait(node.presence.stats("news"))).toEqual({ numClients, numUsers });
    };
    await check(0, 0);
    await b.presence.add("news", clientInfo("b1"), leaseMs);
    await b.presence.add("news", { user: "ann", client: "b2" }, leaseMs);
    await check(2, 2);
    await c.presence.add("news", { user: "ann", client: "c1" }, leaseMs);
    await check(3, 2);
    await a.presence.add("news", { user: "", client: "a1" }, leaseMs);
    await c.presence.add("news", { user: "", client: "c2" }, leaseMs);
    await check(5, 3);
  });

  it("are counted right when this node's first client comes meanwhile", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    await b.presence.add("news", clientInfo("bob"), leaseMs);
    const stats = a.presence.stats("news");
    await nodes.advance(2);
    await a.presence.add("news", clientInfo("ann"), leaseMs);
    expect(await nodes.wait(stats)).toEqual({ numClients: 2, numUsers: 2 });
  });

  it("send users only where several nodes have some", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    await b.presence.add("news", clientInfo("ann"), leaseMs);
    takeMessages(nodes);
    await nodes.wait(a.presence.stats("news"));
    expect(takeMessages(nodes).filter(({ text }) => text.includes('"ann"'))).toEqual([]);
  });

  it("are asked for once by queries at the same time, and again by a later one, whose answer is newer", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    takeMessages(nodes);
    const first = Promise.all([a.clients("news"), a.clients("news"), a.clients("sport")]);
    await nodes.advance(2);
    expect(takeMessages(nodes).filter(({ from }) => from === "a").length).toBe(2);
    // The first request is answered already.
    await b.presence.add("news", clientInfo("ann"), leaseMs);
    const later = Promise.all([a.clients("news"), a.clients("news")]);
    expect(await nodes.wait(first)).toEqual([[], [], []]);
    expect(await nodes.wait(later)).toEqual([["ann"], ["ann"]]);
    expect(takeMessages(nodes).filter(({ from }) => from === "a").length).toBe(1);
  });

  it("have one request on its way at a time", async () => {
    const nodes = new TestNodes();
    const [a] = await nodes.start(2);
    takeMessages(nodes);
    nodes.network.fate = () => [50];
    const requests = () => takeMessages(nodes).filter(({ from }) => from === "a").length;
    const queries = [a.clients("news")];
    for (let n = 0; n < 5; n++) {
      await nodes.advance(5);
      queries.push(a.clients("news"));
    }
    await nodes.advance(5);
    expect(requests()).toBe(1);
    await nodes.wait(Promise.all(queries));
    expect(requests()).toBe(1);
  });

  it("are 10,000 in one channel, in messages of a bounded size", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    const connInfo = JSON.stringify("x".repeat(100));
    for (let n = 0; n < 10_000; n++)
      await b.presence.add("news", { user: `user-${n % 3000}`, client: `c-${n}`, connInfo }, leaseMs);
    takeMessages(nodes);
    expect((await nodes.wait(a.presence.list("news"))).length).toBe(10_000);
    const messages = takeMessages(nodes);
    expect(messages.length).toBeGreaterThan(4);
    expect(Math.max(...messages.map(({ text }) => text.length))).toBeLessThan(257 * 1024);
    expect(await nodes.wait(a.presence.stats("news"))).toEqual({ numClients: 10_000, numUsers: 3000 });
  });
});

describe("node that cannot be asked", () => {
  it("makes list and stats reject while it counts as alive, and is left out when it is dead", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    await a.presence.add("news", clientInfo("ann"), leaseMs);
    await b.presence.add("news", clientInfo("bob"), leaseMs);
    b.kill();
    const unavailable = { code: "HF_BROKER_UNAVAILABLE", message: expect.stringContaining("b") };
    await expect(nodes.wait(a.presence.list("news"))).rejects.toMatchObject(unavailable);
    await expect(nodes.wait(c.presence.stats("news"))).rejects.toMatchObject(unavailable);
    await nodes.advance(deadMs, 100);
    expect(await nodes.wait(a.clients("news"))).toEqual(["ann"]);
    expect(await nodes.wait(c.presence.stats("news"))).toEqual({ numClients: 1, numUsers: 1 });
  });

  it("is left out if it closes while it is asked", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    await b.presence.add("news", clientInfo("bob"), leaseMs);
    nodes.network.cut("a", "b");
    const listed = a.clients("news");
    await nodes.advance(5);
    nodes.network.heal("a", "b");
    await b.close();
    expect(await nodes.wait(listed, 100)).toEqual([]);
  });

  it("makes list and stats reject at once while the bus is disconnected", async () => {
    const nodes = new TestNodes({ helloWaitMs: 50 });
    const [a, b] = await nodes.start(2);
    await b.presence.add("news", clientInfo("bob"), leaseMs);
    nodes.network.disconnect("a");
    for (const afterMs of [0, 2 * deadMs]) {
      await nodes.advance(afterMs, 100);
      const unavailable = { code: "HF_BROKER_UNAVAILABLE" };
      await expect(nodes.wait(a.presence.list("news"), 1)).rejects.toMatchObject(unavailable);
      await expect(nodes.wait(a.presence.stats("news"), 1)).rejects.toMatchObject(unavailable);
    }
    nodes.network.connect("a");
    expect(await nodes.wait(a.clients("news"))).toEqual(["bob"]);
  });
});

describe("announcements", () => {
  it("reach every subscribed node in order, and no other", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    subscribe("news", a, b);
    await c.join("news", "cid");
    await c.leave("news", "cid");
    await a.join("news", "ann");
    await nodes.advance(5);
    expect(b.announced).toEqual(["join news cid", "leave news cid", "join news ann"]);
    expect(a.announced.sort()).toEqual([...b.announced].sort());
    expect(c.announced).toEqual([]);
  });
});

describe("client that moves to another node", () => {
  it("is listed there alone, and is announced on no node, neither then nor when the node that it has left ends", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    subscribe("news", a, b, c);
    await a.join("news", "x");
    await nodes.advance(5);
    const before = [a, b, c].map(({ announced }) => announced.splice(0));
    expect(before).toEqual([["join news x"], ["join news x"], ["join news x"]]);
    await b.presence.move("news", clientInfo("x"), { from: "a", leaseMs, owner: undefined });
    await nodes.advance(5);
    for (const node of [a, b, c]) expect(await nodes.wait(node.clients("news"))).toEqual(["x"]);
    a.kill();
    await nodes.advance(deadMs, 100);
    expect([b.announced, c.announced]).toEqual([[], []]);
    expect(await nodes.wait(c.clients("news"))).toEqual(["x"]);
    await b.leave("news", "x");
    await nodes.advance(5);
    expect([b.announced, c.announced]).toEqual([["leave news x"], ["leave news x"]]);
  });
});

describe("announcements that are lost or late", () => {
  it("of a leave, before the client joins again, leave it joined", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    subscribe("news", a);
    await b.join("news", "x");
    await nodes.advance(5);
    nodes.network.fate = () => [];
    await b.leave("news", "x");
    nodes.network.fate = () => [1];
    await b.join("news", "x");
    await b.leave("news", "x");
    await nodes.advance(5);
    expect(a.announced).toEqual(["join news x", "leave news x"]);
  });

  it("of a join, before the client leaves, say nothing of it", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    subscribe("news", a);
    await a.join("news", "ann");
    await nodes.advance(5);
    nodes.network.fate = () => [];
    await b.join("news", "x");
    nodes.network.fate = () => [1];
    await b.leave("news", "x");
    await nodes.advance(5);
    expect(a.announced).toEqual(["join news ann"]);
  });

  it("of clients that could not be asked for are passed on", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    await b.presence.add("news", clientInfo("x"), leaseMs);
    subscribe("news", a);
    nodes.network.fate = (message) => (Buffer.from(message).includes('"kind":"answer"') ? [] : [1]);
    await a.join("news", "ann");
    await nodes.advance(2500, 10);
    await b.leave("news", "x");
    await nodes.advance(5);
    expect(a.announced).toEqual(["join news ann", "leave news x"]);
  });

  it("are told once if an answer of their node overtakes them", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    subscribe("news", a);
    await a.join("news", "ann");
    await nodes.advance(5);
    nodes.network.fate = (message) => [Buffer.from(message).toString().includes('"kind":"join"') ? 20 : 1];
    nodes.network.disconnect("b");
    nodes.network.connect("b");
    await b.join("news", "x");
    await nodes.advance(10);
    expect(a.announced).toEqual(["join news ann", "join news x"]);
    await nodes.advance(30);
    expect(a.announced).toEqual(["join news ann", "join news x"]);
  });

  it("are believed rather than an older answer of their node", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    subscribe("news", a);
    await b.presence.add("news", clientInfo("x"), leaseMs);
    nodes.network.fate = (message) => [Buffer.from(message).toString().includes('"kind":"answer"') ? 20 : 1];
    await a.join("news", "ann");
    await nodes.advance(5);
    await b.leave("news", "x");
    await b.join("news", "y");
    await nodes.advance(50);
    expect(a.announced).toEqual(["join news ann", "leave news x", "join news y"]);
    b.kill();
    await nodes.advance(deadMs, 100);
    expect(a.announced.slice(3)).toEqual(["leave news y"]);
  });
});

describe("node that dies", () => {
  it("has leaves announced for its clients whose joins were heard and that have not left, once", async () => {
    const nodes = new TestNodes();
    const [a, b, c] = await nodes.start(3);
    subscribe("news", a, b, c);
    for (const client of ["x", "y", "z"]) await b.join("news", client);
    await b.leave("news", "y");
    await c.join("news", "cid");
    await nodes.advance(5);
    b.kill();
    const before = a.announced.length;
    await nodes.advance(3 * deadMs, 100);
    for (const node of [a, c])
      expect(node.announced.slice(before).sort()).toEqual(["leave news x", "leave news z"]);
  });

  it("has leaves announced for clients that came before this node's readers", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    await b.join("news", "x");
    await b.join("news", "y");
    await nodes.advance(5);
    subscribe("news", a);
    await a.join("news", "ann");
    await nodes.advance(5);
    await b.leave("news", "y");
    await nodes.advance(5);
    b.kill();
    await nodes.advance(deadMs, 100);
    expect(a.announced).toEqual(["join news ann", "leave news y", "leave news x"]);
    expect(a.presence.sizes.remoteClients).toBe(0);
  });

  it("has no leaves announced in channels that this node has left, which it forgets", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    subscribe("news", a);
    subscribe("sport", a);
    for (const channel of ["news", "sport"]) await b.join(channel, "x");
    await nodes.advance(5);
    expect(a.presence.sizes).toEqual({ channels: 0, followed: 2, remoteClients: 2 });
    a.subscribed.clear();
    await b.join("news", "y");
    await nodes.advance(5);
    expect(a.presence.sizes).toEqual({ channels: 0, followed: 1, remoteClients: 1 });
    b.kill();
    await nodes.advance(deadMs, 100);
    expect(a.announced).toEqual(["join news x", "join sport x"]);
    await nodes.advance(10_000, 100);
    expect(a.presence.sizes).toEqual({ channels: 0, followed: 0, remoteClients: 0 });
  });

  it("that was only cut off has its clients announced as joined again, once, with those that came meanwhile", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    subscribe("news", a, b);
    await a.join("news", "ann");
    for (const client of ["x", "y"]) await b.join("news", client);
    await nodes.advance(5);
    nodes.network.cut("a", "b");
    await nodes.advance(deadMs, 100);
    await b.leave("news", "y");
    await b.join("news", "z");
    const [beforeA, beforeB] = [a.announced.length, b.announced.length];
    expect(a.announced.slice(-2)).toEqual(["leave news x", "leave news y"]);
    expect(b.announced).toContain("leave news ann");
    nodes.network.heal("a", "b");
    await nodes.advance(3000, 10);
    expect(a.announced.slice(beforeA)).toEqual(["join news x", "join news z"]);
    expect(b.announced.slice(beforeB)).toEqual(["join news ann"]);
  });

  it("or was disconnected for a moment is asked what has changed, on both sides", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    subscribe("news", a, b);
    for (const client of ["x", "y"]) await b.join("news", client);
    await nodes.advance(5);
    for (const disconnected of ["b", "a"]) {
      nodes.network.disconnect(disconnected);
      await b.leave("news", disconnected === "b" ? "x" : "y");
      await b.join("news", `${disconnected}-1`);
      await nodes.advance(100);
      nodes.network.connect(disconnected);
      await nodes.advance(5);
    }
    expect(a.announced).toEqual([
      "join news x",
      "join news y",
      "leave news x",
      "join news b-1",
      "leave news y",
      "join news a-1",
    ]);
  });

  it("keeps the clients that have no entry when it was disconnected for a moment", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    subscribe("news", a);
    await b.presence.announce("news", "join", clientInfo("x"));
    await nodes.advance(5);
    nodes.network.disconnect("b");
    nodes.network.connect("b");
    await nodes.advance(5);
    expect(a.announced).toEqual(["join news x"]);
  });

  it("is asked for its clients in a few channels at a time, however many there are", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    const channels = Array.from({ length: 350 }, (_, n) => `news-${n}`);
    for (const channel of channels) {
      subscribe(channel, a);
      await b.join(channel, `x-${channel}`);
    }
    await nodes.advance(20);
    nodes.network.cut("a", "b");
    await nodes.advance(deadMs, 100);
    nodes.network.heal("a", "b");
    nodes.network.fate = () => [20];
    const joins = () => a.announced.filter((line) => line.startsWith("join")).length - channels.length;
    await nodes.advance(1200);
    expect(joins()).toBe(350);
    let pending = 0;
    nodes.network.cut("a", "b");
    await nodes.advance(deadMs, 100);
    nodes.network.heal("a", "b");
    for (let ms = 0; ms < 1300; ms++) {
      await nodes.advance(1);
      pending = Math.max(pending, a.requests.pending);
    }
    expect(joins()).toBe(700);
    expect(pending).toBe(1);
  });

  it("has no more clients kept than the bound", async () => {
    const nodes = new TestNodes({ presence: { maxRemoteClients: 3 } });
    const [a, b] = await nodes.start(2);
    subscribe("news", a);
    await a.join("news", "ann");
    await nodes.advance(5);
    for (const client of ["v", "w", "x", "y", "z"]) await b.join("news", client);
    await nodes.advance(5);
    expect(a.announced.length).toBe(6);
    expect(a.presence.sizes.remoteClients).toBe(3);
    await b.leave("news", "z");
    await nodes.advance(5);
    b.kill();
    await nodes.advance(deadMs, 100);
    expect(a.announced.slice(6)).toEqual(["leave news z", "leave news v", "leave news w", "leave news x"]);
  });

  it("asks the others in one request for the channels of one turn", async () => {
    const nodes = new TestNodes();
    const [a, b] = await nodes.start(2);
    const channels = Array.from({ length: 50 }, (_, n) => `news-${n}`);
    for (const channel of channels) {
      subscribe(channel, a);
      await b.presence.add(channel, clientInfo("x"), leaseMs);
    }
    takeMessages(nodes);
    await Promise.all(channels.map((channel) => a.presence.announce(channel, "join", clientInfo("ann"))));
    await nodes.advance(5);
    expect(takeMessages(nodes).filter(({ text }) => text.includes('"kind":"ask"')).length).toBe(1);
    expect(a.presence.sizes).toEqual({ channels: 0, followed: 50, remoteClients: 50 });
  });
});
