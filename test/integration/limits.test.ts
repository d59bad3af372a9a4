/** Limits as the published SDK meets them. */
import { describe, expect, it } from "vitest";
import { countTo } from "../../packages/holdfast/test/channels/support/entries.js";
import {
  connectSdk,
  createSdk,
  next,
  subscribeSdk,
} from "../../packages/holdfast/test/support/app-server.js";
import { clientFrame, RawClient, startServer, until } from "../../packages/holdfast/test/support/server.js";

interface Ended {
  readonly code: number;
  readonly reason: string;
}

interface Failure {
  readonly code: number;
  readonly message: string;
  readonly temporary?: boolean;
}

describe("publishing too fast", () => {
  // Nothing is earned back while a test runs.
  const limits = { publishesPerSecond: 1, publishBurst: 3 };

  it("fails with a temporary error that says when to retry, and others continue", async () => {
    const { url } = await startServer({ ...limits, publishBurst: 20 });
    const [client, other] = [await connectSdk(url), await connectSdk(url)];
    const results = await Promise.allSettled(countTo(40).map((n) => client.publish("news", n)));
    const failures = results.flatMap((each) => (each.status === "rejected" ? [each.reason as Failure] : []));
    expect(failures.length).toBeGreaterThanOrEqual(3);
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 111, temporary: true });
      expect(failure.message).toMatch(/1 publications a second of one connection .*; try again in \d+ ms$/);
    }
    await other.publish("news", "of another");
  });

  it("in spite of that ends the connection with 3013, and SDKs reconnect with their subscriptions", async () => {
    const { url } = await startServer({ ...limits });
    const client = await connectSdk(url);
    const news = await subscribeSdk(client, "news");
    const lost = next<Ended>(client, "connecting");
    const again = next(news, "subscribed");
    await Promise.allSettled(countTo(20).map((n) => client.publish("news", n)));
    expect(await lost).toMatchObject({ code: 3013 });
    await again;
  });

  it("counts over all connections of a user", async () => {
    const { url } = await startServer({ userPublishesPerSecond: 1, userPublishBurst: 10 });
    const clients = await Promise.all(countTo(4).map(() => connectSdk(url, { data: { user: "ann" } })));
    const results = await Promise.allSettled(
      clients.flatMap((client) => countTo(8).map((n) => client.publish("news", n))),
    );
    const failures = results.flatMap((each) => (each.status === "rejected" ? [each.reason as Failure] : []));
    expect(failures.length).toBeGreaterThanOrEqual(4);
    for (const failure of failures) expect(failure).toMatchObject({ code: 111 });
    expect(clients.map(({ state }) => state)).toEqual(Array(4).fill("connected"));
  });
});

describe("too many connections of one user", () => {
  it("end the excess one, and its SDK stays away", async () => {
    const { url } = await startServer({ maxUserConnections: 2 });
    const data = { user: "ann" };
    await Promise.all([connectSdk(url, { data }), connectSdk(url, { data })]);
    const third = createSdk(url, { data });
    const ended = next<Ended>(third, "disconnected");
    third.connect();
    expect(await ended).toMatchObject({
      code: 3504,
      reason: "connection limit: a user may have 2 connections",
    });
    await connectSdk(url, { data: { user: "bob" } });
  });
});

describe("sending bytes faster than they are read", () => {
  it("slows the sender, and nothing is lost", async () => {
    const { url, errors } = await startServer({ bytesPerSecond: 200_000, byteBurst: 50_000 });
    const client = await connectSdk(url, { timeout: 20_000 });
    const news = await subscribeSdk(client, "news");
    const text = "x".repeat(20_000);
    await Promise.all(countTo(20).map(() => client.publish("news", text)));
    expect((await news.history({ limit: 0 })).offset).toBe(20);
    expect(client.state).toBe("connected");
    expect(errors).toEqual([]);
  });
});

describe("flooding a session with Ping frames", () => {
  it("is limited to the rate of messages, without effect on others", async () => {
    const { url, port } = await startServer({ bytesPerSecond: 1, byteBurst: 64 * 1024 });
    const client = await connectSdk(url);
    const flooder = await RawClient.upgrade(port);
    const ping = clientFrame(0x9, Buffer.alloc(0));
    flooder.write(Buffer.alloc(10_000 * ping.length, ping));
    await until(() => flooder.received.length > 0);
    for (const n of countTo(3)) await client.publish("news", n);
    // Two bytes each; 64 are within the burst, and one turn goes beyond it.
    expect(flooder.received.length).toBeLessThanOrEqual(2 * 2 * 256);
  });
});
