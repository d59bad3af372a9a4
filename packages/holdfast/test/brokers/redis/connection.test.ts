import { expect, it, vi } from "vitest";
import { resolveRedisOptions } from "../../../src/brokers/redis/redis-options.js";
import { FakeClock } from "../../support/fake-clock.js";

vi.mock("ioredis", () => {
  throw new Error("Cannot find package 'ioredis'");
});

it("a connection without the client library tells how to install it", async () => {
  // Another test may have imported both already.
  vi.resetModules();
  const { Connection } = await import("../../../src/brokers/redis/connection.js");
  const opening = Connection.open({
    address: { host: "127.0.0.1", port: 1 },
    settings: resolveRedisOptions({ url: "redis://127.0.0.1:1" }),
    clock: new FakeClock(),
    onEnd() {},
  });
  await expect(opening).rejects.toMatchObject({
    code: "HF_BROKER_UNSUPPORTED",
    message: "the broker for Redis needs the package ioredis: npm install ioredis@5",
  });
});
