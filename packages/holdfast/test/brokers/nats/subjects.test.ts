import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Subjects } from "../../../src/brokers/nats/subjects.js";
import { fuzzRuns } from "../../support/fuzz/seed.js";

const subjects = new Subjects("holdfast", 16);

describe("subject of a channel", () => {
  it("is one token of visible ASCII, of a bounded length, without wildcards, for any name", () => {
    const names = fc.string({ unit: "binary", maxLength: 300 });
    fc.assert(
      fc.property(names, (name) => {
        const { log, live, stream } = subjects.of(name);
        const [, token = ""] = /^holdfast\.log\.\d+\.([!-~]{1,120})$/.exec(log) ?? [];
        expect(token).not.toBe("");
        expect(token).not.toMatch(/[.*>]/);
        expect(live).toBe(log.replace(".log.", ".live."));
        expect(stream).toBe(`holdfast_log_${log.split(".")[2]}`);
      }),
      fuzzRuns(500),
    );
  });

  it("differs for different names", () => {
    const names = [
      "",
      "a",
      "A",
      "a.b",
      "a%002eb",
      "%",
      "%%",
      "a b",
      "\ud800",
      "\ud801",
      "ä",
      "x".repeat(200),
      "x".repeat(201),
      ".",
    ];
    expect(new Set(names.map((name) => subjects.of(name).log)).size).toBe(names.length);
  });

  it("stays what it is in every version", () => {
    expect(subjects.of("chat:lobby").log).toBe("holdfast.log.14.chat:lobby");
    expect(subjects.of("a.b").log).toBe("holdfast.log.7.a%002eb");
  });

  it("spreads channels over all streams", () => {
    const counts = new Map<string, number>();
    for (let n = 0; n < 1600; n++) {
      const { stream } = subjects.of(`chat:${n}`);
      counts.set(stream, (counts.get(stream) ?? 0) + 1);
    }
    expect(counts.size).toBe(16);
    expect(Math.max(...counts.values())).toBeLessThan(200);
  });
});
