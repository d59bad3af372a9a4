/** Connections come and go, and leave nothing behind. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { MemoryBroker, ServerStats } from "../../packages/holdfast/src/index.js";
import { endWithTest } from "../../packages/holdfast/test/support/child-process.js";
import {
  clientFrame,
  RawClient,
  startServer,
  textFrame,
  until,
} from "../../packages/holdfast/test/support/server.js";

const rounds = 50;
const connectionsPerRound = 100;

interface Report {
  readonly stats: ServerStats;
  readonly broker: MemoryBroker["sizes"];
  readonly heapBytes: number;
  readonly timers: number;
  readonly errors: readonly string[];
}

/** A server whose memory is its own: nothing that this test holds counts. */
async function startProcess() {
  const child = fork(join(import.meta.dirname, "../../packages/holdfast/test/support/server-process.mjs"), {
    execArgv: ["--expose-gc"],
  });
  endWithTest(child);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const report = async (): Promise<Report> => {
    child.send("report");
    const [answer] = await once(child, "message");
    return answer as Report;
  };
  return { port, report };
}

function expectEmpty(stats: ServerStats): void {
  expect(stats).toEqual({
    connections: 0,
    users: 0,
    subscriptions: 0,
    unsentBytes: 0,
    heldBytes: 0,
    behind: 0,
    cutOff: 0,
    ringBytes: 0,
    channels: 0,
    sockets: 0,
    openRequests: 0,
    bodyBytes: 0,
    responseBytes: 0,
    requests: 0,
    waitingRequests: 0,
    deadlines: 0,
    deliveries: 0,
  });
}

async function openAndSubscribe(port: number, user: string, channel: string): Promise<RawClient> {
  const client = await RawClient.upgrade(port);
  const subscribe = { id: 2, subscribe: { channel, join_leave: true } };
  client.write(textFrame({ id: 1, connect: { data: { user } } }, subscribe));
  return client;
}

describe("5,000 connections that open and close", () => {
  it("leave empty tables, no timers, and the heap near its start", async () => {
    const { port, report } = await startProcess();
    const idle = await report();
    const openRound = async (round: number) => {
      const clients = await Promise.all(
        Array.from({ length: connectionsPerRound }, (_, i) =>
          openAndSubscribe(port, `user-${i % 10}`, `channel-${i % 7}`),
        ),
      );
      await until(async () => (await report()).stats.subscriptions === connectionsPerRound);
      const { stats } = await report();
      expect(stats).toMatchObject({ connections: connectionsPerRound, users: 10, channels: 7 });
      // Half say goodbye, the others just go.
      for (const [i, client] of clients.entries()) {
        if ((i + round) % 2 === 0) client.write(clientFrame(0x8, Buffer.from([0x03, 0xe8])));
        else client.socket.destroy();
      }
      await until(async () => (await report()).stats.connections === 0);
      for (const client of clients) client.socket.destroy();
      await until(async () => (await report()).stats.sockets === 0);
    };
    // The first rounds compile code and fill caches.
    for (let round = 0; round < 5; round++) await openRound(round);
    const before = await report();
    for (let round = 5; round < rounds; round++) await openRound(round);
    await until(async () => (await report()).stats.deliveries === 0);
    const after = await report();
    expectEmpty(after.stats);
    expect(after.broker).toMatchObject({ presences: 0, subscribed: 0 });
    // What watches connections and requests goes on for a second.
    await until(async () => (await report()).timers === idle.timers);
    expect(after.errors).toEqual([]);
    // 4,500 connections that were kept would hold 20 MB and more.
    expect(after.heapBytes - before.heapBytes).toBeLessThan(2 * 1024 * 1024);
  }, 120_000);
});

describe("closed connection", () => {
  it("by the client: presence leaves and others are told", async () => {
    const { server, port } = await startServer();
    const ann = await openAndSubscribe(port, "ann", "room");
    const bob = await openAndSubscribe(port, "bob", "room");
    await until(() => server.stats().subscriptions === 2);
    bob.write(clientFrame(0x8, Buffer.concat([Buffer.from([0x0f, 0xa1]), Buffer.from("bye")])));
    expect(await bob.readClose()).toEqual({ code: 4001, reason: "bye" });
    const text = await readUntil(ann, '"leave"');
    expect(text).toMatch(/"leave":\{"info":\{"user":"bob"/);
    ann.write(textFrame({ id: 9, presence: { channel: "room" } }));
    const presence = await readUntil(ann, '"id":9');
    expect(presence).toContain('"user":"ann"');
    expect(presence).not.toContain('"user":"bob"');
  });

  it("by the server: every client gets 3001, and the tables are empty", async () => {
    const { server, port } = await startServer();
    const clients = await Promise.all([1, 2, 3].map((i) => openAndSubscribe(port, `user-${i}`, "room")));
    await until(() => server.stats().subscriptions === 3);
    const answer = async (client: RawClient) => {
      const close = await client.readClose();
      client.write(clientFrame(0x8, Buffer.from([0x0b, 0xb9])));
      return close;
    };
    const [closes] = await Promise.all([Promise.all(clients.map(answer)), server.close()]);
    expect(closes).toEqual(closes.map(() => ({ code: 3001, reason: "shutdown" })));
    expectEmpty(server.stats());
  });

  it("by the server, and does not answer: its socket is cut in time", async () => {
    const { server, port } = await startServer({ closeTimeoutMs: 200 });
    const client = await openAndSubscribe(port, "ann", "room");
    await until(() => server.stats().subscriptions === 1);
    await server.close();
    await until(() => client.hasClosed);
    expectEmpty(server.stats());
  });

  it("gets nothing after the Close frame, whatever is published", async () => {
    const { port } = await startServer();
    const ann = await openAndSubscribe(port, "ann", "room");
    const bob = await openAndSubscribe(port, "bob", "room");
    await readUntil(bob, '"id":2');
    ann.write(clientFrame(0x8, Buffer.from([0x03, 0xe8])));
    bob.write(textFrame({ id: 3, publish: { channel: "room", data: "late" } }));
    await readUntil(bob, '"late"');
    await ann.readClose();
    await until(() => ann.hasEnded);
    expect(ann.received.length).toBe(0);
  });
});

async function readUntil(client: RawClient, text: string): Promise<string> {
  for (;;) {
    const { payload } = await client.readFrame();
    if (payload.includes(text)) return payload.toString();
  }
}
