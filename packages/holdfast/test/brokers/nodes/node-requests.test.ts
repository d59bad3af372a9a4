import { describe, expect, it } from "vitest";
import { type TestNode, TestNodes, type TestNodesOptions } from "./support/test-nodes.js";

const timeoutMs = 3000;

interface Served {
  readonly nodes: TestNodes;
  readonly a: TestNode;
  readonly b: TestNode;
  /** What b was asked, in order. */
  readonly asked: unknown[];
  readonly ask: (body: unknown, topic?: string) => ReturnType<TestNode["requests"]["ask"]>;
}

/** Two nodes, of which b serves an ordered topic and an unordered one. */
async function serve(
  handle: (body: unknown) => unknown = (body) => `answer ${body}`,
  options: TestNodesOptions = {},
): Promise<Served> {
  const nodes = new TestNodes(options);
  const [a, b] = await nodes.start(2);
  const asked: unknown[] = [];
  const run = (body: unknown) => {
    asked.push(body);
    return handle(body);
  };
  for (const { requests } of [a, b]) {
    requests.serve("ordered", run, { isOrdered: true });
    requests.serve("any", run);
  }
  const ask = (body: unknown, topic = "ordered") => a.requests.ask(topic, body, { nodes: ["b"], timeoutMs });
  return { nodes, a, b, asked, ask };
}

/** Loses the next messages of a kind from a node, as many as given. */
function lose(nodes: TestNodes, kind: "ask" | "answer", count: number): void {
  let left = count;
  nodes.network.fate = (message) => {
    const isOfKind = Buffer.from(message).toString().includes(`"kind":"${kind}"`);
    return isOfKind && left-- > 0 ? [] : [1];
  };
}

describe("request", () => {
  it("resolves with the answers of all", async () => {
    const { nodes, a, b, ask } = await serve(async (body) => ({ got: body }));
    expect(await nodes.wait(ask([1]))).toEqual({
      answers: new Map([["b", { got: [1] }]]),
      faults: new Map(),
      silent: [],
    });
    expect([a.requests.pending, b.requests.pending]).toEqual([0, 0]);
  });

  it("of no node resolves at once", async () => {
    const { a } = await serve();
    expect((await a.requests.ask("any", 1, { nodes: [], timeoutMs })).silent).toEqual([]);
  });

  it.each(["ordered", "any"])("that is lost is sent again (%s)", async (topic) => {
    const { nodes, asked, ask } = await serve();
    lose(nodes, "ask", 1);
    const started = nodes.clock.now();
    const { answers } = await nodes.wait(ask("x", topic));
    expect(answers.get("b")).toBe("answer x");
    expect(asked).toEqual(["x"]);
    expect(nodes.clock.now() - started).toBeLessThan(timeoutMs / 2);
  });

  it("whose answer is lost is answered the same again, and not run twice", async () => {
    let runs = 0;
    const { nodes, ask } = await serve(() => ++runs);
    lose(nodes, "answer", 1);
    expect((await nodes.wait(ask("x"))).answers.get("b")).toBe(1);
    expect(runs).toBe(1);
  });

  it("that is doubled is run once", async () => {
    const { nodes, asked, ask } = await serve();
    nodes.network.fate = () => [1, 1, 40];
    await nodes.wait(ask("x"));
    await nodes.advance(100);
    expect(asked).toEqual(["x"]);
  });

  it("names nodes that do not answer in time, and frees everything", async () => {
    const { nodes, a, ask } = await serve(() => new Promise(() => {}));
    const answered = ask("x");
    await nodes.advance(timeoutMs - 100, 10);
    expect(a.requests.pending).toBe(1);
    await nodes.advance(200, 10);
    expect((await answered).silent).toEqual(["b"]);
    expect(a.requests.pending).toBe(0);
  });

  it("does not wait for a node that is gone", async () => {
    const { nodes, b, ask } = await serve(() => new Promise(() => {}));
    const answered = ask("x");
    await nodes.advance(10);
    await b.close();
    await nodes.advance(10);
    expect((await answered).silent).toEqual(["b"]);
  });

  it("whose handler fails names the fault, which is reported where it was", async () => {
    const { nodes, ask } = await serve(() => {
      throw new Error("broken handler");
    });
    expect((await nodes.wait(ask("x"))).faults).toEqual(new Map([["b", "broken handler"]]));
    expect(nodes.errors).toMatchObject([{ stage: "request ordered of another node" }]);
  });

  it("of an unknown topic is not answered", async () => {
    const { nodes, ask } = await serve();
    expect((await nodes.wait(ask("x", "fromTheFuture"))).silent).toEqual(["b"]);
  });

  it("is refused when too many wait", async () => {
    const { ask } = await serve(() => new Promise(() => {}), { maxPending: 3 });
    for (let n = 0; n < 3; n++) void ask(n);
    await expect(async () => await ask(3)).rejects.toMatchObject({
      code: "HF_BROKER_FULL",
      message: expect.stringContaining("3 requests"),
    });
  });

  it("ends when this node closes", async () => {
    const { nodes, a, ask } = await serve(() => new Promise(() => {}));
    const answered = ask("x");
    await a.close();
    await nodes.advance(1);
    expect((await answered).silent).toEqual(["b"]);
  });
});

describe("ordered requests", () => {
  it("are run in their order, however their messages come", async () => {
    const { nodes, asked, ask } = await serve();
    let delayMs = 100;
    nodes.network.fate = () => {
      delayMs -= 10;
      return [delayMs];
    };
    const all = [1, 2, 3, 4, 5].map((n) => ask(n));
    delayMs = 100;
    await nodes.wait(Promise.all(all));
    expect(asked).toEqual([1, 2, 3, 4, 5]);
  });

  it("wait for one that was lost until it is sent again", async () => {
    const { nodes, asked, ask } = await serve();
    lose(nodes, "ask", 1);
    const all = [1, 2, 3].map((n) => ask(n));
    await nodes.advance(500, 10);
    expect(asked).toEqual([]);
    await nodes.wait(Promise.all(all));
    expect(asked).toEqual([1, 2, 3]);
  });

  it("wait for each that is missing before them", async () => {
    const { nodes, asked, ask } = await serve();
    const delays = [100, 1, 200, 1];
    nodes.network.fate = (message) => {
      const isAsk = Buffer.from(message).toString().includes('"kind":"ask"');
      return [isAsk ? (delays.shift() ?? 1) : 1];
    };
    const all = [1, 2, 3, 4].map((n) => ask(n));
    await nodes.wait(Promise.all(all));
    expect(asked).toEqual([1, 2, 3, 4]);
  });

  it("do not wait any more for one that is given up meanwhile", async () => {
    const { nodes, asked, ask } = await serve();
    nodes.network.cut("a", "b");
    void ask("first");
    await nodes.advance(2500, 10);
    const second = ask("second");
    await nodes.advance(800, 10);
    nodes.network.heal("a", "b");
    const started = nodes.clock.now();
    await nodes.wait(second);
    expect(asked).toEqual(["second"]);
    // With the second try, a second after the first.
    expect(nodes.clock.now() - started).toBeLessThan(300);
  });

  it("are run at once if their sender says nothing of their order", async () => {
    const { nodes, a, asked } = await serve();
    a.messages.send({ kind: "ask", topic: "ordered", number: 7, body: "x" }, "b");
    await nodes.advance(5);
    expect(asked).toEqual(["x"]);
  });

  it("are remembered until their sender knows the answer", async () => {
    const { nodes, a, ask } = await serve();
    await nodes.wait(ask(1));
    const repeat = { kind: "ask", topic: "ordered", number: 1, body: 1, after: 0, oldest: 1, timeoutMs };
    const answersTo = async (message: typeof repeat) => {
      nodes.network.sent.length = 0;
      a.messages.send(message, "b");
      await nodes.advance(5);
      return nodes.network.sent.filter(({ from }) => from === "b").length;
    };
    expect(await answersTo(repeat)).toBe(1);
    await nodes.wait(ask(2));
    expect(await answersTo(repeat)).toBe(0);
  });

  it("skip one that never comes, for good", async () => {
    const { nodes, asked, ask } = await serve();
    let lost = 0;
    nodes.network.fate = (message) => {
      const isFirst = Buffer.from(message).toString().includes('"body":"first"');
      // The second try comes after the others were run without it.
      if (isFirst) return lost++ === 0 ? [] : [1000];
      return [1];
    };
    const first = ask("first");
    const later = await nodes.wait(Promise.all([ask("second"), ask("third")]));
    expect(later.map(({ answers }) => answers.get("b"))).toEqual(["answer second", "answer third"]);
    expect((await nodes.wait(first)).silent).toEqual(["b"]);
    await nodes.advance(2000, 10);
    expect(asked).toEqual(["second", "third"]);
  });

  it("do not wait for one that the sender has given up", async () => {
    const { nodes, asked, ask } = await serve();
    nodes.network.cut("a", "b");
    const first = ask("first");
    await nodes.advance(3100, 10);
    nodes.network.heal("a", "b");
    expect((await first).silent).toEqual(["b"]);
    const started = nodes.clock.now();
    await nodes.wait(ask("second"));
    expect(asked).toEqual(["second"]);
    expect(nodes.clock.now() - started).toBeLessThan(100);
  });

  it("do not wait for the answers of those before", async () => {
    let finish = (): void => {};
    const { nodes, asked, ask } = await serve((body) =>
      body === "slow"
        ? new Promise<string>((resolve) => {
            finish = () => resolve("late");
          })
        : "fast",
    );
    const slow = ask("slow");
    expect((await nodes.wait(ask("next"))).answers.get("b")).toBe("fast");
    expect(asked).toEqual(["slow", "next"]);
    finish();
    expect((await nodes.wait(slow)).answers.get("b")).toBe("late");
  });

  it("are done once by a node that was taken for dead in between", async () => {
    const { nodes, a, asked, ask } = await serve();
    await nodes.wait(ask(1));
    nodes.network.cut("a", "b");
    await nodes.advance(7000, 100);
    expect(a.messages.isLiving("b")).toBe(false);
    nodes.network.heal("a", "b");
    await nodes.advance(1200);
    nodes.network.fate = () => [1, 2];
    await nodes.wait(ask(2));
    expect(asked).toEqual([1, 2]);
  });
});
