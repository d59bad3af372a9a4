/** Publishing: offsets, order, positions and epochs. */
import { describe, expect, it } from "vitest";
import type { NewPublication } from "../../../packages/holdfast/src/channels/log.js";
import { ample, countTo, offsetsIn, publishMany, query, type Section } from "./fixture.js";

export function describePublishing({ start, itWith, numberOf }: Section): void {
  const forgetsIdleLogsAfterMs = numberOf("forgetsIdleLogsAfterMs");

  describe("publishing", () => {
    it("counts offsets from 1 without gaps", async () => {
      const { broker } = await start();
      const offsets: number[] = [];
      for (let i = 0; i < 5; i++) {
        const { position, isDuplicate } = await broker.log.publish(
          "news",
          { data: "{}" },
          { retention: ample },
        );
        expect(isDuplicate).toBe(false);
        offsets.push(position.offset);
      }
      expect(offsets).toEqual([1, 2, 3, 4, 5]);
      expect(await offsetsIn(broker.log, "news")).toEqual([1, 2, 3, 4, 5]);
    });

    it("counts each channel by itself", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 3);
      const { position } = await broker.log.publish("sport", { data: "1" }, { retention: ample });
      expect(position.offset).toBe(1);
    });

    it("appends publishes that run at the same time in the order of the calls", async () => {
      const { broker } = await start();
      const publishes = countTo(50).map((n) =>
        broker.log.publish("news", { data: String(n) }, { retention: ample }),
      );
      const results = await Promise.all(publishes);
      expect(results.map(({ position }) => position.offset)).toEqual(countTo(50));
      const { publications } = await broker.log.history("news", query());
      expect(publications.map(({ offset, data }) => `${offset}: ${data}`)).toEqual(
        countTo(50).map((n) => `${n}: ${n}`),
      );
    });

    itWith("hasMaps")("suppresses versions that are not newer than the log's", async () => {
      const { broker } = await start();
      const put = (data: string, number: number, epoch = "e", options = {}) =>
        broker.log.publish("news", { data, version: { number, epoch } }, { retention: ample, ...options });
      expect(await put("1", 5)).toMatchObject({ position: { offset: 1 } });
      await publishMany(broker.log, "news", 1);
      const once = { idempotencyKey: "a", sender: "s" };
      for (const number of [5, 4])
        expect(await put("old", number)).toMatchObject({ position: { offset: 2 }, suppressed: "version" });
      expect(await put("old", 3, "e", once)).toMatchObject({ suppressed: "version", isDuplicate: false });
      expect(await put("old", 3, "e", once)).toMatchObject({ suppressed: "version", isDuplicate: true });
      const [first, second] = await Promise.all([put("2", 6), put("old", 6)]);
      expect(first).toMatchObject({ position: { offset: 3 } });
      expect(second).toMatchObject({ suppressed: "version" });
      expect((await put("3", 1, "f")).position.offset).toBe(4);
      expect(await offsetsIn(broker.log, "news")).toEqual([1, 2, 3, 4]);
    });

    itWith("hasMaps", "survivesRestart")("knows the newest version after a restart", async () => {
      const { broker, reopen } = await start();
      const put = (log: typeof broker.log, number: number) =>
        log.publish("news", { data: "1", version: { number, epoch: "e" } }, { retention: ample });
      await put(broker.log, 5);
      await publishMany(broker.log, "news", 20);
      await broker.close();
      const { log } = await reopen();
      expect(await put(log, 5)).toMatchObject({ position: { offset: 21 }, suppressed: "version" });
      expect((await put(log, 6)).position.offset).toBe(22);
    });

    it("makes a publication readable before the publish resolves", async () => {
      const { broker } = await start();
      for (const n of countTo(10)) {
        const { position } = await broker.log.publish("news", { data: String(n) }, { retention: ample });
        const { publications } = await broker.log.history("news", query({ sinceOffset: n - 1 }));
        expect(publications.at(-1)).toMatchObject({ offset: position.offset, data: String(n) });
      }
    });

    it("keeps data, info and tags as they came, and adds a time", async () => {
      const { broker } = await start();
      const publication: NewPublication = {
        data: '{"text":"naïve 🚀","n":[1,null,"\\n"]}',
        info: { user: "ann", client: "c-1", connInfo: '{"name":"Ann"}', chanInfo: "[1]" },
        tags: { lang: "en", place: "Malmö" },
      };
      await broker.log.publish("news", publication, { retention: ample });
      const { publications } = await broker.log.history("news", query());
      expect(publications).toEqual([{ ...publication, offset: 1, time: expect.any(Number) }]);
    });

    itWith("canMoveTime")("stamps the time of the publish", async () => {
      const { broker, advance, now } = await start();
      await broker.log.publish("news", { data: "1" }, { retention: ample });
      const first = now();
      await advance(1234);
      await broker.log.publish("news", { data: "2" }, { retention: ample });
      const { publications } = await broker.log.history("news", query());
      expect(publications.map(({ time }) => time)).toEqual([first, first + 1234]);
    });

    it("changes nothing in what is passed in", async () => {
      const { broker } = await start();
      await broker.log.subscribe("news");
      const info = Object.freeze({ user: "ann", client: "c-1" });
      const tags = Object.freeze({ lang: "en" });
      const publication = Object.freeze({ data: "1", info, tags });
      await broker.log.publish("news", publication, Object.freeze({ retention: ample, idempotencyKey: "k" }));
      await broker.presence.add("news", info, 60_000);
      expect(publication).toEqual({ data: "1", info: { user: "ann", client: "c-1" }, tags: { lang: "en" } });
    });

    it("leaves what it has handed out as it was", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      await publishMany(broker.log, "news", 2);
      await idle();
      const page = await broker.log.history("news", query());
      const before = JSON.stringify([page, events.publications]);
      const retention = { ...ample, maxEntries: 1 };
      for (let i = 0; i < 100; i++) await broker.log.publish("sport", { data: "0" }, { retention });
      await broker.log.publish("news", { data: "3" }, { retention });
      expect(JSON.stringify([page, events.publications.slice(0, 2)])).toBe(before);
    });
  });

  describe("position", () => {
    it("of a new channel is offset 0 of an epoch that has a name", async () => {
      const { broker } = await start();
      const position = await broker.log.subscribe("news");
      expect(position.offset).toBe(0);
      expect(position.epoch).not.toBe("");
    });

    it("is the head wherever it is handed out", async () => {
      const { broker } = await start();
      const { epoch } = await broker.log.subscribe("news");
      await publishMany(broker.log, "news", 3);
      const head = { epoch, offset: 3 };
      expect((await broker.log.history("news", query())).position).toEqual(head);
      expect((await broker.log.history("news", query({ sinceOffset: 1, maxEntries: 1 }))).position).toEqual(
        head,
      );
      expect(await broker.log.subscribe("news")).toEqual(head);
      const { position } = await broker.log.publish("news", { data: "4" }, { retention: ample });
      expect(position).toEqual({ epoch, offset: 4 });
    });

    it("keeps its epoch over unsubscribing and time", async () => {
      const { broker, advance } = await start();
      const { epoch } = await broker.log.subscribe("news");
      await publishMany(broker.log, "news", 1);
      await broker.log.unsubscribe("news");
      await advance(60_000);
      expect(await broker.log.subscribe("news")).toEqual({ epoch, offset: 1 });
    });

    it("has the epoch that history made when it was asked first", async () => {
      const { broker } = await start();
      const { publications, position } = await broker.log.history("news", query());
      expect(publications).toEqual([]);
      expect(position.offset).toBe(0);
      expect(position.epoch).not.toBe("");
      const published = await broker.log.publish("news", { data: "1" }, { retention: ample });
      expect(published.position).toEqual({ epoch: position.epoch, offset: 1 });
    });

    itWith("canMoveTime", "forgetsIdleLogsAfterMs")(
      "has a new epoch when the log was forgotten and starts afresh",
      async () => {
        const { broker, advance } = await start();
        const retention = { ...ample, ttlMs: 1000 };
        const first = await broker.log.publish("news", { data: "1" }, { retention });
        // Some minutes more, for brokers that look only now and then.
        await advance(forgetsIdleLogsAfterMs + 10 * 60_000);
        const second = await broker.log.publish("news", { data: "2" }, { retention });
        expect(second.position.offset).toBe(1);
        expect(second.position.epoch).not.toBe(first.position.epoch);
      },
    );
  });
}
