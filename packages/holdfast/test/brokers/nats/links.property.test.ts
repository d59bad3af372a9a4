import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  findLinks,
  type Link,
  type LinkedMessage,
  type Links,
  linksAfter,
  listsOf,
} from "../../../src/brokers/nats/links.js";
import { fuzzRuns } from "../../support/fuzz/seed.js";

interface Message {
  readonly seq: number;
  readonly number: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly links: Links;
}

/** A channel's messages as the server keeps them, with the reads that were made. */
class Stored {
  readonly messages = new Map<number, Message>();
  head: Message | undefined;
  #state: LinkedMessage | undefined;
  reads = 0;

  readonly load = async ({ seq }: Link): Promise<Message | undefined> => {
    this.reads++;
    return this.messages.get(seq);
  };

  /** @param isCold the writer knows nothing but the last message */
  async append(count: number, gap: number, isCold: boolean, removedTo = 0): Promise<void> {
    const { head } = this;
    if (isCold && head) this.#state = this.#stateOf(head, undefined);
    const before = this.#state;
    const links = await linksAfter(before, removedTo, async (link) => (await this.load(link))?.links);
    const firstOffset = (head?.lastOffset ?? 0) + 1;
    const number = (head?.number ?? 0) + 1;
    const seq = (head?.seq ?? 0) + 1 + gap;
    const message = { seq, number, firstOffset, lastOffset: firstOffset + count - 1, links };
    this.head = message;
    this.messages.set(message.seq, message);
    this.#state = this.#stateOf(message, before);
  }

  /** Removes the messages before the one that holds the offset. */
  purge(offset: number): void {
    for (const [seq, { lastOffset }] of this.messages) if (lastOffset < offset) this.messages.delete(seq);
  }

  expected(from: number, to: number): readonly number[] {
    return [...this.messages.values()]
      .filter((each) => each.lastOffset >= from && each.firstOffset <= to)
      .map(({ seq }) => seq);
  }

  #stateOf({ seq, number, firstOffset, links }: Message, before: LinkedMessage | undefined): LinkedMessage {
    return { seq, number, offset: firstOffset, lists: listsOf(number, links, before) };
  }
}

const appends = fc.array(
  fc.record({ count: fc.integer({ min: 1, max: 5 }), gap: fc.nat(3), isCold: fc.boolean() }),
  { minLength: 1, maxLength: 700, size: "max" },
);

describe("links", () => {
  it("lead to exactly the messages that hold a range of offsets", async () => {
    await fc.assert(
      fc.asyncProperty(
        appends,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(400),
        async (all, at, length) => {
          const stored = new Stored();
          for (const { count, gap, isCold } of all) await stored.append(count, gap, isCold);
          const head = stored.head as Message;
          const from = Math.max(1, Math.floor(at * head.lastOffset));
          const to = Math.min(head.lastOffset, from + length);
          const links = await findLinks(head, from, to, stored.load);
          expect(links.map(({ seq }) => seq)).toEqual(stored.expected(from, to));
        },
      ),
      fuzzRuns(60),
    );
  });

  it("lead to what is left where the oldest messages are gone", async () => {
    await fc.assert(
      fc.asyncProperty(appends, fc.double({ min: 0, max: 1, noNaN: true }), async (all, at) => {
        const stored = new Stored();
        const [first, second] = [all.slice(0, all.length / 2), all.slice(all.length / 2)];
        for (const { count, gap, isCold } of first) await stored.append(count, gap, isCold);
        const removedTo = Math.floor(at * (stored.head?.lastOffset ?? 0));
        stored.purge(removedTo + 1);
        for (const { count, gap, isCold } of second) await stored.append(count, gap, isCold, removedTo);
        const head = stored.head as Message;
        const links = await findLinks(head, removedTo + 1, head.lastOffset, stored.load);
        expect(links.map(({ seq }) => seq)).toEqual(stored.expected(removedTo + 1, head.lastOffset));
      }),
      fuzzRuns(60),
    );
  });

  it("find one of 20,000 messages in a few reads, and are few in each", async () => {
    const stored = new Stored();
    for (let n = 0; n < 20_000; n++) await stored.append(1, n % 3, false);
    const head = stored.head as Message;
    for (const offset of [1, 2, 17, 300, 5000, 12_345, 19_999]) {
      stored.reads = 0;
      const [link] = await findLinks(head, offset, offset, stored.load);
      expect(link?.offset).toBe(offset);
      expect(stored.reads).toBeLessThan(10);
    }
    let count = 0;
    for (const { links } of stored.messages.values()) count += links.flat().length;
    expect(count / stored.messages.size).toBeLessThan(10);
  });
});
