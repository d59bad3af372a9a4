/** Channels without a log: names that are free, and positions in them that hold all the same. */
import { describe, expect, it } from "vitest";
import type { Broker } from "../../../packages/holdfast/src/channels/broker.js";
import { ample, client, neighbourOf, query, type Section } from "./fixture.js";

const none = { ...ample, maxEntries: 0 };
const keyed = { ...ample, keys: { maxKeys: 10, maxBytes: 100_000 } };
const clientsPublish = { retention: ample, owner: "user:ann" };

/** Everything that can be asked of a channel but a publication. */
const questions: readonly [string, (broker: Broker, channel: string) => Promise<unknown>][] = [
  [
    "subscribing and leaving",
    (broker, name) => broker.log.subscribe(name).then(() => broker.log.unsubscribe(name)),
  ],
  ["reading history", (broker, name) => broker.log.history(name, query())],
  ["recovering", (broker, name) => broker.log.history(name, query({ sinceOffset: 7 }))],
  ["asking who is there", (broker, name) => broker.presence.list(name)],
  ["counting who is there", (broker, name) => broker.presence.stats(name)],
  [
    "coming and going",
    (broker, name) =>
      broker.presence.add(name, client("ann"), 60_000).then(() => broker.presence.remove(name, "ann")),
  ],
  ["announcing", (broker, name) => broker.presence.announce(name, "join", client("ann"))],
  ["removing its history", (broker, name) => broker.log.removeHistory(name)],
];

const questionsOfMaps: typeof questions = [
  ["reading keys", (broker, name) => broker.log.keys(name, { maxEntries: 10, maxBytes: 1000 })],
  ["reading a key", (broker, name) => broker.log.value(name, "a")],
  ["renewing a key", (broker, name) => broker.log.renewKey(name, "a")],
  [
    "removing a key",
    (broker, name) =>
      broker.log.publish(name, { key: "a", data: "null", isRemoved: true }, { retention: keyed }),
  ],
];

export function describeNames({ start, has, describeWith, itWith, numberOf }: Section): void {
  const maxChannels = numberOf("maxChannels");
  const forgetsIdleLogsAfterMs = numberOf("forgetsIdleLogsAfterMs");

  describe("channel that nobody has published in", () => {
    const expectNothingLeftAfter = async (ask: (typeof questions)[number][1]) => {
      const { broker, idle, sizes } = await start();
      const before = sizes();
      for (let n = 0; n < 50; n++) await ask(broker, `news-${n}`);
      await idle();
      expect(sizes()).toEqual(before);
    };

    it.each(questions)("leaves nothing behind after %s", (_name, ask) => expectNothingLeftAfter(ask));
    for (const [name, ask] of questionsOfMaps)
      itWith("hasMaps")(`leaves nothing behind after ${name}`, () => expectNothingLeftAfter(ask));

    it("has one position for all who ask, and the first publication follows it", async () => {
      const { broker } = await start();
      const position = await broker.log.subscribe("news");
      expect(position.offset).toBe(0);
      expect((await broker.log.history("news", query())).position).toEqual(position);
      if (has("hasMaps"))
        expect((await broker.log.keys("news", { maxEntries: 1, maxBytes: 1 })).position).toEqual(position);
      const first = await broker.log.publish("news", { data: "1" }, { retention: ample });
      expect(first.position).toEqual({ epoch: position.epoch, offset: 1 });
    });

    it("has the same position for who asks later, also after all have left", async () => {
      const { broker } = await start();
      const position = await broker.log.subscribe("news");
      await broker.log.unsubscribe("news");
      expect(await broker.log.subscribe("news")).toEqual(position);
      await broker.log.unsubscribe("news");
      const { position: first } = await broker.log.publish("news", { data: "1" }, { retention: ample });
      expect(first.epoch).toBe(position.epoch);
    });
  });

  describeWith("forgetsIdleLogsAfterMs")("channel whose log was forgotten", () => {
    it("begins in another epoch, for whoever asks", async () => {
      const { broker, advance } = await start();
      const { position } = await broker.log.publish("news", { data: "1" }, { retention: none });
      await advance(2 * forgetsIdleLogsAfterMs + 60_000);
      const later = await broker.log.subscribe("news");
      expect(later.offset).toBe(0);
      expect(later.epoch).not.toBe(position.epoch);
      const again = await broker.log.publish("news", { data: "2" }, { retention: ample });
      expect(again.position).toEqual({ epoch: later.epoch, offset: 1 });
    });

    it("keeps the epoch that a reader was given while others are forgotten", async () => {
      const { broker, advance } = await start();
      const position = await broker.log.subscribe("quiet");
      await broker.log.publish(neighbourOf("quiet"), { data: "1" }, { retention: none });
      await advance(2 * forgetsIdleLogsAfterMs + 60_000);
      expect((await broker.log.history("quiet", query())).position).toEqual(position);
      const first = await broker.log.publish("quiet", { data: "1" }, { retention: ample });
      expect(first.position).toEqual({ epoch: position.epoch, offset: 1 });
    });
  });

  describeWith("hasMaps")("keys of a map that users set", () => {
    const retention = { ...ample, keys: { maxKeys: 20, maxBytes: 100_000 } };
    const set = (broker: Broker, key: string, owner?: string) =>
      broker.log.publish(
        "map",
        { key, data: "1" },
        owner === undefined ? { retention } : { retention, owner },
      );

    it.each(["user:mallory", "address:10.0.0.1"])(
      "are bounded for each of them (%s) once half are taken",
      async (owner) => {
        const { broker } = await start();
        for (let n = 0; n < 10; n++) await set(broker, `m-${n}`, owner);
        await expect(set(broker, "m-10", owner)).rejects.toMatchObject({
          code: "HF_MAP_FULL",
          message: expect.stringMatching(/maxUserKeys/),
        });
        await set(broker, "m-0", owner);
        for (let n = 0; n < 2; n++) await set(broker, `a-${n}`, "user:ann");
        await expect(set(broker, "a-2", "user:ann")).rejects.toMatchObject({ code: "HF_MAP_FULL" });
        for (let n = 0; n < 8; n++) await set(broker, `s-${n}`);
        await broker.log.publish("map", { key: "a-0", data: "null", isRemoved: true }, { retention });
        await set(broker, "a-2", "user:ann");
      },
    );

    it("are counted in the order of the calls when they come at once", async () => {
      const { broker } = await start();
      for (let n = 0; n < 10; n++) await set(broker, `s-${n}`);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 9 }, (_, n) => set(broker, `m-${n}`, "user:mallory")),
      );
      expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBe(2);
    });
  });

  describeWith("maxIdempotencyKeys")("idempotency keys that users use", () => {
    it("are bounded for each of them once half are used, leave room for the server, and are free again in time", async () => {
      const { broker, advance } = await start();
      const use = (key: string, owner?: string) =>
        broker.log.publish(
          "news",
          { data: "1" },
          { retention: ample, idempotencyKey: key, ...(owner !== undefined && { owner }) },
        );
      let used = 0;
      const count = async (owner: string) => {
        for (let n = 0; n < 300; n++) {
          const isTaken = await use(`${owner}-${n}`, owner).then(
            () => true,
            () => false,
          );
          if (!isTaken) return;
          used++;
        }
      };
      await count("user:mallory");
      expect(used).toBe(numberOf("maxIdempotencyKeys") / 2);
      await expect(use("another", "user:mallory")).rejects.toMatchObject({
        code: "HF_BROKER_FULL",
        message: expect.stringMatching(/maxUserPercent/),
      });
      expect(await use("user:mallory-0", "user:mallory")).toMatchObject({ isDuplicate: true });
      await use("first", "user:ann");
      for (let n = 0; n < 40; n++) await count(`user:${n}`);
      await expect(use("second", "user:ann")).rejects.toMatchObject({ code: "HF_BROKER_FULL" });
      const own = async (n = 0): Promise<number> => {
        const error = await use(`by the server ${n}`).then(
          () => undefined,
          (each: unknown) => each,
        );
        if (error === undefined && n < 300) return await own(n + 1);
        expect(error).toMatchObject({ code: "HF_BROKER_FULL" });
        return n;
      };
      // The users' keys and the one of ann's; the server may use all that is left, and no more.
      const usedByServer = await own();
      expect(usedByServer).toBeGreaterThan(0);
      expect(used + 1 + usedByServer).toBe(numberOf("maxIdempotencyKeys"));
      expect(await use("by the server 0")).toMatchObject({ isDuplicate: true });
      await advance(6 * 60_000);
      await use("another", "user:mallory");
    });
  });

  describeWith("maxChannels")("names that users take", () => {
    const fill = async (broker: Broker, owner: string | undefined, retention = ample) => {
      let taken = 0;
      for (; taken <= maxChannels; taken++) {
        const options = owner === undefined ? { retention } : { retention, owner };
        try {
          await broker.log.publish(`of-${owner}-${taken}`, { data: "1" }, options);
        } catch (error) {
          return { taken, error };
        }
      }
      throw new Error("nothing was refused");
    };

    it("are bounded for each of them once half are taken, and the error says so", async () => {
      const { broker } = await start();
      const { taken, error } = await fill(broker, "user:mallory");
      expect(taken).toBe(maxChannels / 2);
      expect(error).toMatchObject({
        code: "HF_BROKER_FULL",
        message: expect.stringMatching(/maxUserPercent/),
      });
      await broker.log.publish("new-room", { data: "1" }, clientsPublish);
      await broker.log.publish(
        "of-user:mallory-1",
        { data: "2" },
        { ...clientsPublish, owner: "user:mallory" },
      );
    });

    it("leave room for the server, however many they are, and all can be read", async () => {
      const { broker } = await start();
      for (let n = 0; n < 60; n++) await fill(broker, `address:10.0.0.${n}`);
      await expect(broker.log.publish("new-room", { data: "1" }, clientsPublish)).rejects.toMatchObject({
        code: "HF_BROKER_FULL",
        message: expect.stringMatching(/maxChannels/),
      });
      await broker.log.publish("by-the-server", { data: "1" }, { retention: ample });
      expect((await broker.log.subscribe("another")).offset).toBe(0);
      const { publications } = await broker.log.history("of-address:10.0.0.0-0", query());
      expect(publications).toHaveLength(1);
    });

    it("leave room for what is reserved, where the server has used all of its own", async () => {
      const { broker } = await start();
      await fill(broker, undefined);
      await broker.log.publish("reserved", { data: "1" }, { retention: ample, isReserved: true });
    });

    it("are free again once their logs hold nothing", async () => {
      const { broker, advance } = await start();
      await fill(broker, "user:mallory", { ...ample, ttlMs: 60_000 });
      await fill(broker, undefined, { ...ample, ttlMs: 60_000 });
      await advance(10 * 60_000);
      const tries: unknown[] = [];
      for (let n = 0; n < 20; n++) {
        const isTaken = await broker.log
          .publish("new-room", { data: "1" }, { ...clientsPublish, owner: "user:mallory" })
          .then(
            () => true,
            () => false,
          );
        tries.push(isTaken);
        if (isTaken) break;
        await advance(60_000);
      }
      expect(tries.at(-1)).toBe(true);
    });
  });
}
