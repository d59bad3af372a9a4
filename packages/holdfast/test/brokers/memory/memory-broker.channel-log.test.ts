import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ample, countTo, query } from "../../../../../test/conformance/broker/fixture.js";
import { MemoryChannelLog } from "../../../src/brokers/memory/memory-broker.js";
import type { HistoryQuery, Retention } from "../../../src/channels/log.js";

interface Kept {
  readonly offset: number;
  readonly data: string;
  readonly time: number;
}

/** The same log as a plain array that is looked through anew each time. */
class NaiveLog {
  kept: Kept[] = [];
  head = 0;
  retention: Retention | undefined;

  append(data: string, retention: Retention, time: number): void {
    this.kept.push({ offset: ++this.head, data, time });
    this.retention = retention;
    this.trim(time);
  }

  trim(now: number): void {
    const { maxEntries = 0, ttlMs = 0 } = this.retention ?? {};
    while (this.kept.length > maxEntries) this.kept.shift();
    while (this.kept[0] && now - this.kept[0].time >= ttlMs) this.kept.shift();
  }

  read({ sinceOffset, maxEntries, maxBytes, isReverse }: HistoryQuery): number[] {
    const ordered = isReverse ? this.kept.toReversed() : this.kept;
    const isBeyond = (offset: number) =>
      sinceOffset === undefined || (isReverse ? offset < sinceOffset : offset > sinceOffset);
    const page: number[] = [];
    let bytes = 0;
    for (const { offset, data } of ordered.filter((entry) => isBeyond(entry.offset))) {
      bytes += data.length;
      if (page.length === maxEntries || (page.length > 0 && bytes > maxBytes)) break;
      page.push(offset);
    }
    return page;
  }
}

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("append" as const), size: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(400) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      query: fc.record(
        {
          sinceOffset: fc.nat(120),
          maxEntries: fc.nat(20),
          maxBytes: fc.nat(200),
          isReverse: fc.boolean(),
        },
        { requiredKeys: ["maxEntries", "maxBytes", "isReverse"] },
      ),
    }),
  },
);

describe("log in memory", () => {
  it("matches a plain array for any appends, waits and reads", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 300, size: "max" }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 1000 }),
        (steps, maxEntries, ttlMs) => {
          const retention = { ...ample, maxEntries, ttlMs };
          let now = 1000;
          const log = new MemoryChannelLog("e", now);
          const naive = new NaiveLog();
          for (const each of steps) {
            if (each.kind === "wait") now += each.ms;
            else if (each.kind === "append") {
              const data = JSON.stringify("x".repeat(each.size));
              log.append({ data }, retention, now);
              naive.append(data, retention, now);
            } else {
              naive.trim(now);
              const { sinceOffset, ...rest } = each.query;
              const asked = sinceOffset === undefined ? rest : { ...rest, sinceOffset };
              const page = log.read(asked, now);
              expect(page.publications.map(({ offset }) => offset)).toEqual(naive.read(asked));
              expect(page.position).toEqual({ epoch: "e", offset: naive.head });
              expect(log.length).toBe(naive.kept.length);
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("counts bytes of added and dropped entries, down to zero", () => {
    const log = new MemoryChannelLog("e", 0);
    for (let i = 0; i < 100; i++) log.append({ data: "x".repeat(i) }, { ...ample, ttlMs: 1000 }, i);
    expect(log.bytes).toBeGreaterThan(100 * 50);
    log.trim(10_000);
    expect(log.length).toBe(0);
    expect(log.bytes).toBe(0);
  });

  it("keeps its entries in order while dropped ones are trimmed", () => {
    const log = new MemoryChannelLog("e", 0);
    for (let i = 1; i <= 1000; i++) {
      log.append({ data: String(i) }, { ...ample, maxEntries: 10 }, 0);
      const { publications } = log.read(query(), 0);
      expect(publications.map(({ data }) => Number(data))).toEqual(countTo(i, Math.max(1, i - 9)));
    }
  });

  it("follows the retention of the last publish", () => {
    const log = new MemoryChannelLog("e", 0);
    for (let i = 0; i < 10; i++) log.append({ data: "1" }, ample, 0);
    log.append({ data: "1" }, { ...ample, maxEntries: 2 }, 0);
    expect(log.length).toBe(2);
  });
});
