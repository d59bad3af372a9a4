/** Virtual users against a server in this process, whose pings come sooner than in a run. */
import { describe, expect, it, onTestFinished } from "vitest";
import { startServer, until } from "../../../holdfast/test/support/server.js";
import { RequestText } from "../../src/node/request-text.js";
import type { LabTransport } from "../../src/report/index.js";
import { Tally, trafficSince } from "../../src/traffic.js";
import { createUser } from "../../src/user-load.js";
import { labChannel, type UserContext, type VirtualUser } from "../../src/users/virtual-user.js";

async function openUser(transport: LabTransport, port: number): Promise<{ user: VirtualUser; tally: Tally }> {
  const tally = new Tally();
  const context: UserContext = {
    port,
    tally,
    requests: new RequestText("browser", port),
    intervalMs: 50,
    waitMs: 500,
    random: () => 0,
    onDelivery: () => {},
  };
  const user = createUser(transport, context, 0, 1);
  onTestFinished(() => user.end());
  await user.open();
  return { user, tally };
}

describe("virtual users", () => {
  it.each<LabTransport>(["http-stream", "websocket", "websocket-h2"])(
    "%s: answers the server's pings, which would end the connection otherwise",
    async (transport) => {
      const { port, errors } = await startServer({ pingIntervalMs: 400, pongTimeoutMs: 300 });
      const { user, tally } = await openUser(transport, port);
      const before = tally.snapshot();
      await until(() => tally.frames >= before.frames + 2);
      const { requests, cuts, bytesUp } = trafficSince(before, tally.snapshot());
      expect([cuts, tally.errors, user.isOpen]).toEqual([0, 0, true]);
      expect(bytesUp).toBeGreaterThan(0);
      if (transport === "http-stream") expect(requests).toBeGreaterThan(1);
      expect(errors).toEqual([]);
    },
  );

  it("long-poll: asks again when nothing has come, and counts the answer as empty", async () => {
    const { port, server } = await startServer();
    const { user, tally } = await openUser("long-poll", port);
    await until(() => tally.emptyResponses >= 2);
    expect(tally.responses).toBe(tally.emptyResponses + 1);
    await server.publish(labChannel, "#1;xxxx");
    await until(() => user.check.received === 1);
  });

  it("poll: reads a compressed answer", async () => {
    const { port, server } = await startServer();
    const { user, tally } = await openUser("poll", port);
    const before = tally.snapshot();
    for (let i = 1; i <= 3; i++) await server.publish(labChannel, `#${i};${"x".repeat(20_000)}`);
    await until(() => user.check.received === 3);
    expect(trafficSince(before, tally.snapshot()).bytesDown).toBeLessThan(20_000);
    expect(user.check).toMatchObject({ duplicates: 0, outOfOrder: 0 });
  });

  it("notes what the server refuses, and gives up", async () => {
    const { port } = await startServer({ rulesFor: () => undefined });
    const { user, tally } = await openUser("poll", port);
    expect(user.isOpen).toBe(false);
    expect(tally.firstErrors[0]).toMatch(/^the server answered 404: .*"code":102/);
  });

  it("notes that the server could not go on from a position", async () => {
    const { port, server } = await startServer();
    const { tally } = await openUser("poll", port);
    await server.publish(labChannel, "#1;xxxx");
    await server.removeHistory(labChannel);
    await server.publish(labChannel, "#2;xxxx");
    await until(() => tally.errors > 0);
    expect(tally.firstErrors[0]).toMatch(/could not recover from [\w-]+:\d/);
  });
});
