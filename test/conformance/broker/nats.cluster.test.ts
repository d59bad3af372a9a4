/** A cluster of three servers that keep each stream three times: what is acknowledged stays, whichever server fails. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  killAll,
  type NatsServer,
  type NatsServers,
  noNatsClusterReason,
  startNatsServers,
  startTogether,
} from "../../../packages/holdfast/test/support/nats-servers.js";
import { ample, countTo, offsetsIn, publishMany, query } from "./fixture.js";
import { type NatsNode, NatsNodes, until } from "./nats-nodes.js";

const replicated = { replicas: 3 } as const;
const retention = { ...ample, maxEntries: 100_000 };

const skipped = noNatsClusterReason === undefined ? "" : ` (${noNatsClusterReason})`;

describe.skipIf(noNatsClusterReason !== undefined)(`cluster of NATS${skipped}`, { timeout: 120_000 }, () => {
  let nats: NatsServers;
  let nodes: NatsNodes;

  beforeAll(async () => {
    nats = await startNatsServers(3);
  });
  afterAll(() => nats.stop());
  beforeEach(() => {
    nodes = new NatsNodes(nats.addresses);
  });
  afterEach(() => nodes.close());

  const open = (): Promise<NatsNode> => nodes.open(replicated);

  async function leaderOf(channel: string, { broker }: NatsNode): Promise<NatsServer> {
    await publishMany(broker.log, channel, 1, retention);
    const streams = await nodes.streams();
    const leader = streams.find(({ state }) => state.messages > 0)?.cluster?.leader;
    return nats.servers[Number(leader?.slice("test-".length))] as NatsServer;
  }

  /** Publishes in a loop until it is stopped, and notes what was acknowledged, by offset. */
  function publishAlways({ broker }: NatsNode, channel: string) {
    const acknowledged = new Map<number, string>();
    let isStopped = false;
    let numFailed = 0;
    const run = async (publisher: number) => {
      for (let n = 0; !isStopped; n++) {
        const data = JSON.stringify(`${publisher}-${n}`);
        try {
          const { position } = await broker.log.publish(channel, { data }, { retention });
          expect(acknowledged.has(position.offset)).toBe(false);
          acknowledged.set(position.offset, data);
        } catch {
          numFailed++;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    };
    const all = Promise.all(countTo(5).map(run));
    return {
      acknowledged,
      get numFailed() {
        return numFailed;
      },
      stop: async () => {
        isStopped = true;
        await all;
      },
    };
  }

  async function expectAllKept(node: NatsNode, channel: string, acknowledged: ReadonlyMap<number, string>) {
    const all: string[] = [];
    for (;;) {
      const page = await node.broker.log.history(channel, query({ sinceOffset: all.length }));
      for (const { offset, data } of page.publications) {
        expect(offset).toBe(all.length + 1);
        all.push(data as string);
      }
      if (page.publications.length === 0) break;
    }
    for (const [offset, data] of acknowledged) expect([offset, all[offset - 1]]).toEqual([offset, data]);
  }

  it("gives positions that are no older than what any node has published", async () => {
    const [a, b] = [await open(), await open()];
    for (const n of countTo(100)) {
      const { position } = await a.broker.log.publish("a", { data: `${n}` }, { retention });
      expect((await b.broker.log.heads(["a"])).get("a")).toEqual(position);
      const page = await b.broker.log.history("a", query({ sinceOffset: n - 1 }));
      expect(page.publications.map(({ data }) => data)).toEqual([`${n}`]);
    }
  });

  it("reads publications that are nearly as large as the server takes", async () => {
    const [a, b] = [await open(), await open()];
    const data = JSON.stringify("x".repeat(1_000_000));
    await b.broker.log.subscribe("a");
    const { position } = await a.broker.log.publish("a", { data }, { retention });
    expect((await b.broker.log.heads(["a"])).get("a")).toEqual(position);
    const { publications } = await b.broker.log.history("a", query());
    expect(publications.map((each) => each.data.length)).toEqual([data.length]);
    await until("the event has come", () => b.events.publications.length === 1);
  });

  it("tells a node that has just subscribed of everything from its position on", async () => {
    const [a, b] = [await open(), await open()];
    for (const n of countTo(30)) {
      const channel = `channel-${n}`;
      const { offset } = await b.broker.log.subscribe(channel);
      expect(offset).toBe(0);
      await a.broker.log.publish(channel, { data: "1" }, { retention });
    }
    await until("all events have come", () => b.events.publications.length === 30);
  });

  it("gives each offset one content, however many nodes publish to a channel at once", async () => {
    const all = [await open(), await open(), await open(), await open()];
    const [reader] = all as [NatsNode];
    await reader.broker.log.subscribe("a");
    const data = new Map<number, string>();
    const firsts = new Set<number>();
    let duplicates = 0;
    for (const round of countTo(60)) {
      const published = all.flatMap(({ broker }, node) =>
        countTo(4).map(async (n) => {
          // Nodes share the keys of a round.
          const isKeyed = n === 4;
          const text = JSON.stringify(isKeyed ? `${round}` : `${round}-${node}-${n}`);
          const options = isKeyed ? { retention, idempotencyKey: `${round}` } : { retention };
          const result = await broker.log.publish("a", { data: text }, options);
          const { offset } = result.position;
          // The node that was first may learn of it last.
          if (result.isDuplicate) duplicates++;
          else {
            expect(firsts.has(offset)).toBe(false);
            firsts.add(offset);
          }
          if (data.has(offset)) expect(data.get(offset)).toBe(text);
          data.set(offset, text);
        }),
      );
      await Promise.all([
        ...published,
        ...all.map(async ({ broker }) => {
          const head = (await broker.log.heads(["a"])).get("a");
          const { publications, position } = await broker.log.history("a", query());
          expect(position.offset).toBeGreaterThanOrEqual(head?.offset ?? 0);
          expect(publications.map(({ offset }) => offset)).toEqual(countTo(publications.length));
        }),
      ]);
    }
    const count = 60 * (4 * 3 + 1);
    expect(duplicates).toBe(60 * 3);
    expect([...data.keys()].sort((x, y) => x - y)).toEqual(countTo(count));
    for (const node of all) await expectAllKept(node, "a", data);
    for (const { broker } of all) expect((await broker.log.heads(["a"])).get("a")?.offset).toBe(count);
    await until("the last event has come", () => reader.events.offsets("a").includes(count));
    for (const { publication } of reader.events.publications)
      expect(publication.data).toBe(data.get(publication.offset));
    for (const { errors } of all) expect(errors).toEqual([]);
  });

  it("makes its streams once when several nodes start at once", async () => {
    const all = await Promise.all(countTo(4).map(() => nodes.open(replicated)));
    for (const { broker } of all) await broker.log.publish("a", { data: "1" }, { retention });
    expect(await offsetsIn((all[0] as NatsNode).broker.log, "a")).toEqual(countTo(4));
  });

  it("keeps what was acknowledged, and goes on, when the leader of a stream dies", async () => {
    const [a, b] = [await open(), await open()];
    await b.broker.log.subscribe("a");
    const leader = await leaderOf("a", a);
    const load = publishAlways(a, "a");
    await until("publications run", () => load.acknowledged.size > 100);
    await leader.signal("SIGKILL");
    const before = load.acknowledged.size;
    await until("they run again", () => load.acknowledged.size > before + 500);
    await load.stop();
    await expectAllKept(b, "a", load.acknowledged);
    await leader.start();
    const head = (await b.broker.log.heads(["a"])).get("a");
    expect(head?.offset).toBeGreaterThanOrEqual(Math.max(...load.acknowledged.keys()));
  });

  it("goes on while a server stands still, and has it catch up afterwards", async () => {
    const [a, b] = [await open(), await open()];
    const leader = await leaderOf("a", a);
    const other = nats.servers.find((server) => server !== leader) as NatsServer;
    const load = publishAlways(a, "a");
    await until("publications run", () => load.acknowledged.size > 100);
    await other.signal("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await other.signal("SIGCONT");
    const before = load.acknowledged.size;
    await until("they still run", () => load.acknowledged.size > before + 500);
    await load.stop();
    await expectAllKept(b, "a", load.acknowledged);
  });

  it("keeps every log when all servers are killed, whatever was trimmed or removed before", async () => {
    const [a, b] = [await open(), await open()];
    await publishMany(a.broker.log, "kept", 20, retention);
    for (const n of countTo(5)) {
      await Promise.all([a, b].map(({ broker }) => publishMany(broker.log, `first-${n}`, 5, retention)));
      await publishMany(b.broker.log, `short-${n}`, 200, { ...ample, maxEntries: 2 });
    }
    await publishMany(a.broker.log, "removed", 5, retention);
    await a.broker.log.removeHistory("removed");
    await until("logs are trimmed", async () => {
      const stored = (await nodes.streams()).reduce((sum, { state }) => sum + state.messages, 0);
      return stored < 20 + 5 * 10 + 5 * 100 + 1 + 50;
    });
    await killAll(nats.servers);
    const channels = ["kept", "removed", ...countTo(5).flatMap((n) => [`first-${n}`, `short-${n}`])];
    const kept = new Map<string, readonly number[]>();
    let node: NatsNode | undefined;
    await startTogether({
      start: () => Promise.all(nats.servers.map((server) => server.start())),
      kill: () => killAll(nats.servers),
      // Streams have no leaders at first, and may change them.
      isReady: async () => {
        node ??= await open();
        for (const channel of channels)
          if (!kept.has(channel)) kept.set(channel, await offsetsIn(node.broker.log, channel));
        return (await node.broker.log.heads(["removed"])).get("removed")?.offset === 5;
      },
    });
    expect(kept.get("kept")).toEqual(countTo(20));
    for (const n of countTo(5)) {
      expect(kept.get(`first-${n}`)).toEqual(countTo(10));
      expect(kept.get(`short-${n}`)).toEqual([199, 200]);
    }
    expect(kept.get("removed")).toEqual([]);
  });

  it("refuses publications without a majority, and takes them again with one", async () => {
    const a = await open();
    await publishMany(a.broker.log, "a", 3, retention);
    const [first, second] = nats.servers as readonly [NatsServer, NatsServer];
    await Promise.all([first.signal("SIGKILL"), second.signal("SIGKILL")]);
    await expect(a.broker.log.publish("a", { data: "4" }, { retention })).rejects.toMatchObject({
      code: "HF_BROKER_UNAVAILABLE",
    });
    await startTogether({
      start: () => Promise.all([first.start(), second.start()]),
      kill: () => killAll([first, second]),
      isReady: async () => {
        await a.broker.log.publish("a", { data: "5" }, { retention });
        return true;
      },
    });
    const offsets = await offsetsIn(a.broker.log, "a");
    expect(offsets).toEqual(countTo(offsets.length));
    const turns = a.events.connection.map((_, i) => (i % 2 === 0 ? "disconnect" : "reconnect"));
    expect(a.events.connection).toEqual(turns);
  });
});
