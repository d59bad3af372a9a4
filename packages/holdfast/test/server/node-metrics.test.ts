import { describe, expect, it } from "vitest";
import type { ClusterAnswer, ClusterCommand } from "../../src/channels/cluster.js";
import { Meters } from "../../src/observe/meters.js";
import { NodeMetrics } from "../../src/server/node-metrics.js";
import { parseExposition } from "../observe/support/exposition.js";
import { FakeClock } from "../support/fake-clock.js";

const sizes = {
  users: 1,
  sockets: 0,
  ringBytes: 0,
  behind: 0,
  heldBytes: 0,
  deliveries: 0,
  openRequests: 0,
  waitingRequests: 0,
  bodyBytes: 0,
  responseBytes: 0,
  startedAt: 0,
  version: "0",
};

const noAnswer: ClusterAnswer = { outcomes: new Map(), silent: [] };

function create(options: {
  worker?: string;
  group?: string;
  send?: (command: ClusterCommand) => ClusterAnswer;
}) {
  const { worker = "1", group, send = () => noAnswer } = options;
  const clock = new FakeClock();
  const meters = new Meters();
  const asked: ClusterCommand[] = [];
  const metrics = new NodeMetrics({
    meters,
    cluster: {
      id: `node ${worker}`,
      nodes: async () => [],
      send: async (command) => {
        asked.push(command);
        return send(command);
      },
    },
    clock,
    sizes: () => sizes,
    group,
    worker,
  });
  return { metrics, meters, clock, asked };
}

const usersOf = (text: string) =>
  Object.fromEntries(parseExposition(text).get("holdfast_node_num_users")?.samples ?? []);

describe("a scrape", () => {
  it("of a process on its own asks no other, and has no label for it", async () => {
    const { metrics, asked } = create({});
    expect(usersOf(await metrics.scrape())).toEqual({ holdfast_node_num_users: 1 });
    expect(asked).toEqual([]);
  });

  it("of one worker has what all workers of its group count, each with its label", async () => {
    const other = create({ worker: "2", group: "host:9" }).metrics;
    const stranger = create({ worker: "3", group: "host:8" }).metrics;
    const { metrics } = create({
      group: "host:9",
      send: (command) => {
        const { group } = command as Extract<ClusterCommand, { kind: "metrics" }>;
        const outcomes = new Map([
          ["node 1", { data: metrics.answer(group) }],
          ["node 2", { data: other.answer(group) }],
          ["node 3", { data: stranger.answer(group) }],
          // An older version does not know the query.
          ["node 4", { error: { code: 100, message: "internal server error", isTemporary: true } }],
        ]);
        return { outcomes, silent: ["node 5"] };
      },
    });
    expect(usersOf(await metrics.scrape())).toEqual({
      'holdfast_node_num_users{worker="1"}': 1,
      'holdfast_node_num_users{worker="2"}': 1,
    });
  });

  it("still has what the worker itself counts when the broker cannot be reached", async () => {
    const { metrics } = create({
      group: "host:9",
      send: () => {
        throw new Error("unreachable");
      },
    });
    expect(usersOf(await metrics.scrape())).toEqual({ 'holdfast_node_num_users{worker="1"}': 1 });
  });

  it("is shared by those who ask at the same time", async () => {
    const { metrics, asked } = create({ group: "host:9" });
    const texts = await Promise.all([metrics.scrape(), metrics.scrape(), metrics.scrape()]);
    expect(new Set(texts).size).toBe(1);
    expect(asked).toHaveLength(1);
    await metrics.scrape();
    expect(asked).toHaveLength(2);
  });
});

it("the lag of the event loop is how late a timer was, until measuring stops", () => {
  const { metrics, meters, clock } = create({});
  metrics.start();
  clock.advance(500);
  clock.stop(750);
  clock.advance(0);
  expect(meters.loopLag.distribution.sum).toBe(0.25);
  metrics.stop();
  expect(clock.timers).toBe(0);
});

describe("what a node did lately", () => {
  it("is a sample every two seconds, with the longest delay of the event loop since", () => {
    const { metrics, meters, clock } = create({});
    metrics.start();
    meters.ofConnection("websocket", "json").connectionOpened();
    for (let i = 0; i < 4; i++) clock.advance(500);
    meters.ofPattern("").publicationSent();
    for (let i = 0; i < 4; i++) clock.advance(500);
    metrics.stop();
    const [first, second, ...more] = metrics.load(0);
    expect(more).toEqual([]);
    expect(first).toMatchObject({ connections: 1, published: 0, behind: 0, loopLagMs: 0 });
    expect(second).toMatchObject({ published: 1 });
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBe(2000);
    expect(metrics.load(first?.at ?? 0)).toEqual([second]);
  });

  it("stands beside its health: process, broker, and the store if it has one open", () => {
    const { metrics, meters } = create({});
    meters.errorReported();
    meters.brokerLost();
    expect(metrics.health("redis")).toMatchObject({
      broker: "redis",
      isBrokerReachable: false,
      brokerDisconnects: 1,
      errors: 1,
      residentBytes: expect.any(Number),
    });
    expect(metrics.health("redis").store).toBeUndefined();
    meters.store.watch(() => ({ indexBytes: 1, journalBytes: 2, pendingBytes: 3, channels: 4 }));
    meters.store.committedIn(5, 10);
    expect(metrics.health("lmdb").store).toEqual({
      ...{ indexBytes: 1, journalBytes: 2, pendingBytes: 3, channels: 4 },
      ...{ publications: 10, commits: 1, commitSeconds: 0.005 },
    });
  });
});
