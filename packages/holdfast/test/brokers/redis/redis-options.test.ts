import { describe, expect, it } from "vitest";
import { resolveRedisOptions } from "../../../src/brokers/redis/redis-options.js";

const resolve = (url: string) => resolveRedisOptions({ url });

describe("URL of a broker for Redis", () => {
  it("names one server, with user, password and database", () => {
    expect(resolve("redis://ann:p%40ss%2F@cache.example:7000/3")).toMatchObject({
      mode: "single",
      addresses: [{ host: "cache.example", port: 7000 }],
      username: "ann",
      password: "p@ss/",
      db: 3,
      isTls: false,
      prefix: "holdfast",
    });
    expect(resolve("rediss://:secret@[::1]?prefix=app&servername=cache")).toMatchObject({
      addresses: [{ host: "::1", port: 6379 }],
      username: undefined,
      password: "secret",
      isTls: true,
      prefix: "app",
      tls: { servername: "cache" },
    });
  });

  it("names sentinels and their master", () => {
    expect(resolve("redis-sentinel://a,b:26380/main?db=2&sentinelPassword=s")).toMatchObject({
      mode: "sentinel",
      addresses: [
        { host: "a", port: 26379 },
        { host: "b", port: 26380 },
      ],
      masterName: "main",
      db: 2,
      sentinelPassword: "s",
    });
  });

  it.each(["redis-cluster://a,b:7001", "redis://a,b:7001?cluster=true"])(
    "names nodes of a cluster: %s",
    (url) => {
      expect(resolve(url)).toMatchObject({
        mode: "cluster",
        addresses: [
          { host: "a", port: 6379 },
          { host: "b", port: 7001 },
        ],
      });
    },
  );

  it.each([
    ["localhost:6379", /must be a URL such as/],
    ["redis://a,b", /redis-cluster:\/\//],
    ["redis://a:99999", /ports from 1 to 65535/],
    ["redis://", /must have hosts/],
    ["redis://a/one", /number of a database/],
    ["redis-sentinel://a", /name of the master/],
    ["redis-cluster://a/1", /only one/],
    ["redis://a?prefx=b", /unknown prefx in its query; known: allowEviction, cluster/],
    ["redis://a?prefix={b}", /redis.prefix must be 1 to 100 characters without braces/],
    ["redis://a?commandTimeoutMs=soon", /redis.commandTimeoutMs must be an integer/],
    ["redis://a?metaTtlMs=1000", /redis.metaTtlMs must be an integer from 3600000/],
    ["redis://a?servername=b", /redis.tls must be left out unless the URL begins with rediss/],
    ["redis://ann:top%secret@a", /percent-encoded/],
    ["redis://ann:top-secret@a b", /comma-separated/],
  ])("is refused, without the password, if it is wrong: %s", (url, message) => {
    expect(() => resolve(url)).toThrow(message);
    expect(() => resolve(url)).not.toThrow(/secret/);
  });
});
