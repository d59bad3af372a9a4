/** Payloads: text and bytes come back as they were published, wherever they are read. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isBinary, type Payload } from "../../../packages/holdfast/src/wire/payload.js";
import { fuzzRuns } from "../../../packages/holdfast/test/support/fuzz/seed.js";
import { ample, type BrokerUnderTest, query, type Section } from "./fixture.js";

const allBytes = Uint8Array.from({ length: 256 }, (_, value) => value);
const large = Uint8Array.from({ length: 64 * 1024 }, (_, index) => (index * index) >> 3);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(new Uint8Array(), allBytes, large, allBytes.subarray(100, 200)),
  // Bytes of a text are bytes, too.
  fc.constantFrom("null", '{"text":"naïve 🚀"}', "\ud83d").map((text) => new TextEncoder().encode(text)),
);
const text = fc.json({ maxDepth: 1 });
const payloads = fc.array(fc.oneof({ weight: 3, arbitrary: bytes }, text), { minLength: 1, maxLength: 6 });
const keyed = { ...ample, keys: { maxKeys: 1000, maxBytes: 10_000_000 } };

/** Compares in one step, however large. */
function shown(data: Payload): string {
  return isBinary(data) ? `bytes ${Buffer.from(data).toString("base64")}` : `text ${data}`;
}

interface Published {
  readonly channel: string;
  readonly expected: readonly string[];
}

export function describePayloads({ start, has, itWith }: Section): void {
  const hasMaps = has("hasMaps");

  async function publishAll(
    { broker }: BrokerUnderTest,
    channel: string,
    data: readonly Payload[],
  ): Promise<Published> {
    for (const [index, each] of data.entries())
      await broker.log.publish(channel, hasMaps ? { data: each, key: String(index) } : { data: each }, {
        retention: hasMaps ? keyed : ample,
      });
    return { channel, expected: data.map(shown) };
  }

  async function expectToRead(
    { broker }: Pick<BrokerUnderTest, "broker">,
    { channel, expected }: Published,
  ): Promise<void> {
    const { publications } = await broker.log.history(channel, query());
    expect(publications.map(({ data }) => shown(data))).toEqual(expected);
    const backwards = await broker.log.history(channel, query({ isReverse: true }));
    expect(backwards.publications.map(({ data }) => shown(data))).toEqual(expected.toReversed());
    if (!hasMaps) return;
    const keys = await broker.log.keys(channel, { maxEntries: 1000, maxBytes: 10_000_000 });
    expect(keys.publications.map(({ data }) => shown(data))).toEqual(expected);
    const value = await broker.log.value(channel, "0");
    expect(value && shown(value.data)).toBe(expected[0]);
  }

  describe("text and bytes", () => {
    it("come back as they were published, from events, history and keys", async () => {
      const opened = await start();
      const { broker, events, idle } = opened;
      let channels = 0;
      const property = fc.asyncProperty(payloads, async (data) => {
        const channel = `channel-${++channels}`;
        await broker.log.subscribe(channel);
        const published = await publishAll(opened, channel, data);
        await expectToRead(opened, published);
        await idle();
        const told = events.publications.splice(0).filter((event) => event.channel === channel);
        expect(told.map(({ publication }) => shown(publication.data))).toEqual(published.expected);
        await broker.log.unsubscribe(channel);
      });
      await fc.assert(property, fuzzRuns(50));
    });

    it("count toward the bounds of a page, which has at least one", async () => {
      const opened = await start();
      await publishAll(opened, "news", [large, allBytes, allBytes, allBytes]);
      const sizes = async (sinceOffset: number) => {
        const page = await opened.broker.log.history("news", query({ sinceOffset, maxBytes: 600 }));
        return page.publications.map(({ data }) => data.length);
      };
      expect([await sizes(0), await sizes(1)]).toEqual([[large.length], [256, 256]]);
    });

    itWith("survivesRestart")("come back after a restart", async () => {
      const opened = await start();
      const published: Published[] = [];
      for (const data of fc.sample(payloads, { ...fuzzRuns(20), numRuns: 20 }))
        published.push(await publishAll(opened, `channel-${published.length}`, data));
      await opened.broker.close();
      const broker = await opened.reopen();
      for (const each of published) await expectToRead({ broker }, each);
    });
  });
}
