import { describe, expect, it } from "vitest";
import { Continuity, Ledger } from "../../bench/support/recovering-client.js";

function readerOf(start: number, ...entries: readonly (readonly [offset: number, sequence: number])[]) {
  const reader = new Continuity();
  reader.begin("epoch", start);
  for (const [offset, sequence] of entries) reader.take(offset, sequence);
  return reader;
}

describe("continuity of a reader", () => {
  it("has no fault when offsets follow each other", () => {
    expect(readerOf(3, [4, 10], [5, 20])).toMatchObject({ offset: 5, sequence: 20, gaps: 0, duplicates: 0 });
  });

  it("counts the publications that were passed over", () => {
    expect(readerOf(0, [1, 1], [4, 4], [6, 6])).toMatchObject({ gaps: 3, duplicates: 0, offset: 6 });
  });

  it("counts what comes again, at the same offset or at another", () => {
    expect(readerOf(0, [1, 1], [1, 1], [2, 2])).toMatchObject({ gaps: 0, duplicates: 1, offset: 2 });
    expect(readerOf(0, [1, 1], [2, 2], [3, 2])).toMatchObject({ gaps: 0, duplicates: 1, offset: 3 });
  });
});

describe("what all know of a channel", () => {
  it("knows the highest offset, and when two saw different publications at one", () => {
    const ledger = new Ledger();
    ledger.see(1, 1);
    ledger.see(2, 2);
    ledger.see(1, 1);
    expect([ledger.head, ledger.contradictions]).toEqual([2, 0]);
    ledger.see(2, 3);
    expect(ledger.contradictions).toBe(1);
  });

  it("counts what was acknowledged and never seen", () => {
    const ledger = new Ledger();
    for (const sequence of [1, 2, 3]) ledger.acknowledge(sequence);
    ledger.see(1, 1);
    ledger.see(2, 3);
    expect([ledger.countLost(), ledger.lastAcknowledged]).toEqual([1, 3]);
  });
});
