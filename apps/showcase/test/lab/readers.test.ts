/** The page's readers against a real server, with the browser's interfaces from an independent library. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { EventSource, fetch, WebSocket } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { startServer, until } from "../../../../packages/holdfast/test/support/server.js";
import type { LabTransport } from "../../../../packages/lab/src/report/index.js";
import type { ReaderContext } from "../../lab/model/reader.js";
import { createReader } from "../../lab/model/readers.js";
import { Tally } from "../../lab/model/tally.js";
import { browserTransports } from "../../lab/server/protocol.js";

/** A line that can be broken: every connection is reset. */
async function openLine(target: number) {
  const sockets = new Set<Socket>();
  const proxy = createTcpServer((near) => {
    const far = connect(target, "127.0.0.1");
    sockets.add(near);
    for (const socket of [near, far])
      socket.on("error", () => {}).on("close", () => [near, far].map((each) => each.destroy()));
    near.once("close", () => sockets.delete(near));
    near.pipe(far).pipe(near);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  onTestFinished(() => {
    cut();
    proxy.close();
  });
  return { port: (proxy.address() as AddressInfo).port, cut };
}

async function startReader(transport: LabTransport, more: Partial<ReaderContext> = {}) {
  const { server, port } = await startServer();
  const line = await openLine(port);
  const tally = new Tally(() => 5000, 0);
  const reader = createReader(transport, {
    base: `http://127.0.0.1:${line.port}`,
    channel: "lab",
    intervalMs: 20,
    tally,
    fetch: fetch as unknown as typeof globalThis.fetch,
    EventSource: EventSource as unknown as ReaderContext["EventSource"],
    WebSocket: WebSocket as unknown as ReaderContext["WebSocket"],
    later: (_, task) => {
      const timer = setTimeout(task, 5);
      return () => clearTimeout(timer);
    },
    random: () => 0.5,
    now: () => performance.now(),
    onChange: () => {},
    ...more,
  });
  onTestFinished(() => reader.stop());
  let n = 0;
  const publish = async (count: number) => {
    for (let index = 0; index < count; index++) await server.publish("lab", { n: ++n, at: 4990, pad: "x" });
  };
  return { server, reader, tally, publish, line, base: `http://127.0.0.1:${line.port}` };
}

describe.each(browserTransports)("%s", (transport) => {
  it("gets every message once and in order, also over a broken line", async () => {
    const { reader, tally, publish, line } = await startReader(transport);
    reader.start();
    await reader.opened;
    await publish(3);
    await until(() => tally.check.received === 3);
    for (let round = 1; round <= 3; round++) {
      line.cut();
      await publish(2);
      await until(() => tally.check.received === 3 + 2 * round);
    }
    expect([tally.check.duplicates, tally.check.outOfOrder, tally.check.missedOf(9)]).toEqual([0, 0, 0]);
    expect(tally.deliveries).toBe(9);
    expect(tally.latency.summary()).toMatchObject({ count: 9, p50Ms: 10, maxMs: 10 });
    if (transport !== "poll") expect(tally.cuts).toBeGreaterThan(0);
    expect(tally.errors).toBe(0);
  });

  it("asks nothing more once it is stopped", async () => {
    const { reader, base, tally, publish, server } = await startReader(transport);
    reader.start();
    await reader.opened;
    if (transport === "long-poll") await until(() => server.stats().waitingRequests === 1);
    reader.stop();
    await until(() => server.stats().connections === 0 && server.stats().waitingRequests === 0);
    const { requests } = tally;
    const other = await startReader(transport, { base });
    other.reader.start();
    await other.reader.opened;
    await publish(1);
    // What one that goes on has got, this one would have got as well.
    await until(() => other.tally.check.received === 1);
    expect([tally.requests, tally.deliveries]).toEqual([requests, 0]);
  });
});

describe("polls", () => {
  it("are mostly empty, which is counted", async () => {
    const { reader, tally, publish } = await startReader("poll");
    reader.start();
    await until(() => tally.responses === 10);
    expect([tally.emptyResponses, tally.requests]).toEqual([
      10,
      expect.toSatisfy((count: number) => count >= 10),
    ]);
    await publish(1);
    await until(() => tally.check.received === 1);
    expect(tally.responses - tally.emptyResponses).toBe(1);
  });

  it("that wait answer when there is something", async () => {
    const { reader, tally, publish } = await startReader("long-poll");
    reader.start();
    await reader.opened;
    const before = tally.emptyResponses;
    for (let count = 1; count <= 4; count++) {
      await publish(1);
      await until(() => tally.check.received === count);
    }
    expect(tally.emptyResponses).toBe(before);
  });
});

describe("a reader that finds nobody", () => {
  it("says so, and tries on", async () => {
    const { reader, tally, line } = await startReader("websocket", { base: "http://127.0.0.1:9" });
    line.cut();
    reader.start();
    await until(() => tally.errors >= 3);
    expect(tally.firstErrors).toHaveLength(3);
    expect(reader.isOpen).toBe(false);
  });

  it("is none for what browsers have not", async () => {
    await expect(startReader("websocket-h2")).rejects.toThrow("websocket-h2 is not available in a browser");
  });
});
