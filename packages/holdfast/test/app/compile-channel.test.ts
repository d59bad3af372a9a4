import { describe, expect, it } from "vitest";
import { compileMap, scoreOf } from "../../src/app/compile-channel.js";
import { channel, createServer, defineApp } from "../../src/index.js";

const lease = 60_000;

describe("options of a map", () => {
  it("come to bounds of keys and rules", () => {
    expect(compileMap("map", {}, lease)).toEqual({
      rules: { keysOf: "any", isOrdered: false },
      keys: { maxKeys: 10_000, maxBytes: 8 * 1024 * 1024 },
    });
    expect(
      compileMap("map", { keys: "user", ttl: "5s", maxKeys: 3, maxBytes: 4, score: "n" }, lease),
    ).toEqual({
      rules: { keysOf: "user", isOrdered: true },
      keys: { maxKeys: 3, maxBytes: 4, ttlMs: 5000 },
    });
  });

  it("of a list keep entries for a lease at least", () => {
    const ttlOf = (ttl: "5s" | "5m" | undefined) =>
      compileMap("map", { subscribersOf: "chat", ...(ttl && { ttl }) }, lease).keys.ttlMs;
    expect(ttlOf(undefined)).toBe(lease);
    expect(ttlOf("5s")).toBe(lease);
    expect(ttlOf("5m")).toBe(300_000);
    expect(compileMap("map", { subscribersOf: "chat" }, lease).rules).toEqual({ type: "clients" });
    expect(compileMap("map", { subscribersOf: "chat", by: "user" }, lease).rules).toEqual({ type: "users" });
  });

  it.each([
    [{ keys: "owner" }, 'map.keys must be "any", "client" or "user"'],
    [{ ttl: "soon" }, "map.ttl must be a number of milliseconds or a text such as"],
    [{ ttl: 0 }, "map.ttl must be"],
    [{ maxKeys: 0 }, "map.maxKeys must be an integer of at least 1"],
    [{ maxBytes: 1.5 }, "map.maxBytes must be an integer of at least 1"],
    [{ score: 5 }, "map.score must be a function or the name of a field"],
    [{ score: "" }, "map.score must be"],
    [{ by: "user" }, "map.by must be omitted without subscribersOf"],
    [{ subscribersOf: 1 }, "map.subscribersOf must be the pattern of a channel"],
    [{ subscribersOf: "a", by: "role" }, 'map.by must be "client" or "user"'],
    [{ subscribersOf: "a", score: "n" }, "map.score must be omitted in a list of subscribers"],
    [{ subscribersOf: "a", keys: "any" }, "map.keys must be omitted in a list of subscribers"],
    [{ order: "key" }, "map.order"],
    [null, "map must be an object"],
  ])("are refused by name: %j", (options, words) => {
    expect(() => compileMap("map", options as object, lease)).toThrow(
      expect.objectContaining({ code: "HF_OPTION_INVALID", message: expect.stringContaining(words) }),
    );
  });

  it.each([
    [{ map: {} }, 'map must be omitted unless kind is "map"'],
    [{ kind: "map", recoveryMode: "cache" }, "recoveryMode must be"],
    [{ kind: "map", remove: 1 }, "remove must be a function"],
  ])("fit the channel: %j", (options, words) => {
    const app = defineApp({ channels: { a: channel(options as object) } });
    expect(() => createServer(app)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(words) }),
    );
  });

  it.each([
    ["room:{room}", { "room:{room}": channel({}) }, undefined],
    ["none:{room}", {}, "none:{room}"],
    ["hall:{hall}", { "hall:{hall}": channel({}) }, "hall:{hall}"],
    ["plain", { plain: channel({}) }, "plain"],
    ["here:{room}", {}, "here:{room}"],
  ])(
    "name a channel of the same parameters whose subscribers are listed: %s",
    (subscribersOf, others, refused) => {
      const app = defineApp({
        channels: { ...others, "here:{room}": channel({ kind: "map", map: { subscribersOf } }) },
      });
      if (refused === undefined) expect(() => createServer(app)).not.toThrow();
      else
        expect(() => createServer(app)).toThrow(
          expect.objectContaining({
            message: expect.stringContaining(
              `channels["here:{room}"].map.subscribersOf must be the pattern of another channel`,
            ),
          }),
        );
    },
  );
});

describe("score", () => {
  it("is a field of the data, or what a function makes of it", () => {
    expect(scoreOf("n", '{"n":-1.5}', "c")).toBe(-1.5);
    expect(scoreOf((data) => (data as { n: number }).n * 2, '{"n":4}', "c")).toBe(8);
  });

  it.each(["{}", "null", '{"n":"1"}', "[]", "5"])("is refused of data without the field: %s", (data) => {
    expect(scoreOf("n", data, "c")).toMatchObject({
      refusal: { code: 107, message: expect.stringContaining("data.n must be a number") },
    });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, "1", undefined])(
    "of a function has to be finite: %s",
    (value) => {
      expect(() => scoreOf(() => value as number, "1", "c")).toThrow(/the score function of c returned/);
    },
  );
});
