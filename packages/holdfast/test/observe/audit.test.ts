import { describe, expect, it } from "vitest";
import { type AuditEntry, createAudit } from "../../src/observe/audit.js";
import { FakeClock } from "../support/fake-clock.js";

function create() {
  const clock = new FakeClock();
  const entries: AuditEntry[] = [];
  const errors: unknown[] = [];
  const audit = createAudit({
    clock,
    write: (entry) => void entries.push(entry),
    onError: (error) => void errors.push(error),
  });
  return { clock, entries, errors, audit };
}

describe("audit", () => {
  it("tells the first of equal entries at once, and counts the others", () => {
    const { clock, entries, audit } = create();
    for (let i = 0; i < 5; i++) audit("keyRefused", { address: "192.0.2.7", path: "/api/publish" });
    audit("keyRefused", { address: "192.0.2.8", path: "/api/publish" });
    expect(entries.map(({ address, repeats }) => [address, repeats])).toEqual([
      ["192.0.2.7", undefined],
      ["192.0.2.8", undefined],
    ]);
    clock.advance(10_000);
    expect(entries.slice(2)).toMatchObject([{ event: "keyRefused", address: "192.0.2.7", repeats: 4 }]);
  });

  it("forgets what no longer repeats, its timer included", () => {
    const { clock, entries, audit } = create();
    audit("tokenRefused", { reason: "the token is revoked" });
    audit("tokenRefused", { reason: "the token is revoked" });
    clock.advance(20_000);
    expect(clock.timers).toBe(0);
    audit("tokenRefused", { reason: "the token is revoked" });
    expect(entries.map(({ repeats }) => repeats)).toEqual([undefined, 1, undefined]);
  });

  it("counts together what a flood of different peers leaves no room for", () => {
    const { clock, entries, audit } = create();
    for (let i = 0; i < 5000; i++) audit("tokenRefused", { address: `2001:db8::${i.toString(16)}` });
    expect(entries).toHaveLength(501);
    clock.advance(10_000);
    expect(entries.slice(501)).toMatchObject([{ event: "tokenRefused", repeats: 4499 }]);
    // Another event is not drowned by it.
    audit("adminCall", { method: "disconnect", user: "ann" });
    expect(entries.at(-1)).toMatchObject({ event: "adminCall", user: "ann" });
  });

  it("cuts long texts, and leaves empty ones out", () => {
    const { entries, audit } = create();
    audit("originRefused", { origin: `https://a${"x".repeat(1000)}`, user: "" });
    const [entry] = entries as [AuditEntry];
    expect(entry.origin).toHaveLength(200);
    expect(entry).not.toHaveProperty("user");
  });

  it("reports a function that throws, and goes on", () => {
    const clock = new FakeClock();
    const stages: string[] = [];
    const audit = createAudit({
      clock,
      write: () => {
        throw new Error("full disk");
      },
      onError: (_error, { stage }) => void stages.push(stage),
    });
    audit("tokensRevoked", { user: "ann" });
    expect(stages).toEqual(["audit"]);
  });
});
