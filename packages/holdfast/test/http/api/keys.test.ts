import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ApiKeys, type ApiKeysOptions } from "../../../src/http/api/keys.js";
import type { AuditEvent, AuditFacts } from "../../../src/observe/audit.js";
import { TrustedProxies } from "../../../src/requests/addresses.js";
import { countTo } from "../../channels/support/entries.js";
import { FakeClock } from "../../support/fake-clock.js";
import { startServer } from "../../support/server.js";

const key = "a key of 16 characters or more";
const digest = createHash("sha256").update(key).digest("hex");

function createKeys(options: Partial<ApiKeysOptions> = {}) {
  const clock = new FakeClock();
  const entries: { event: AuditEvent; facts: AuditFacts }[] = [];
  const keys = new ApiKeys({
    keys: [{ key, scope: "publish" }],
    apiKeyInQuery: false,
    peerKeyOf: (address) => new TrustedProxies([]).peerKeyOf(address),
    clock,
    audit: (event, facts) => entries.push({ event, facts }),
    ...options,
  });
  const ask = (given: string | undefined, address = "192.0.2.1") => {
    const headers = given === undefined ? {} : { "x-api-key": given };
    const known = keys.identify({
      source: { address, host: undefined, isForwarded: false },
      request: { headers, url: "/api/info", address },
      cors: {},
    });
    return "scope" in known ? known.scope : known.status;
  };
  return { clock, ask, entries };
}

describe("API key attempts", () => {
  it("are answered with 429 beyond a rate, right keys included, and other addresses are not", () => {
    const { ask, clock } = createKeys();
    expect(countTo(25).map((n) => ask(`wrong ${n}`))).toEqual(Array(25).fill(401));
    expect([ask("wrong"), ask(key)]).toEqual([429, 429]);
    expect(ask(key, "192.0.2.2")).toBe("publish");
    clock.advance(10_000);
    expect(ask(key)).toBe("publish");
  });

  it("from one IPv6 network count together", () => {
    const { ask } = createKeys();
    for (const n of countTo(25)) ask("wrong", `2001:db8::${n}`);
    expect(ask(key, "2001:db8::ffff")).toBe(429);
  });

  it("from loopback or a Unix socket, possibly a shared proxy, never block a right key", () => {
    const { ask } = createKeys();
    for (const address of ["127.0.0.1", "::1", ""]) {
      for (const _ of countTo(40)) ask("wrong", address);
      expect([ask("wrong", address), ask(key, address)]).toEqual([429, "publish"]);
    }
  });

  it("are reported to the audit log by address, without the key", () => {
    const { ask, entries } = createKeys();
    ask("wrong one", "192.0.2.2");
    expect(entries).toEqual([
      {
        event: "keyRefused",
        facts: { reason: "unknown key", address: "192.0.2.2", path: "/api/info" },
      },
    ]);
  });

  it("do not include requests without a key", () => {
    const { ask, entries } = createKeys();
    for (const _ of countTo(40)) expect(ask(undefined)).toBe(401);
    expect([ask(key), entries]).toEqual(["publish", []]);
  });
});

describe("keys in a configuration", () => {
  it("may be digests, which are not accepted as keys themselves", () => {
    const { ask } = createKeys({ keys: [{ key: `sha256:${digest.toUpperCase()}`, scope: "admin" }] });
    expect([ask(key), ask(`sha256:${digest}`), ask(digest)]).toEqual(["admin", 401, 401]);
  });

  it("that look like an invalid digest are refused", async () => {
    for (const wrong of [`sha256:${digest.slice(1)}`, `sha256:${digest}0`, "sha256:not hexadecimal digits"])
      await expect(startServer({ apiKeys: [wrong] })).rejects.toMatchObject({ code: "HF_OPTION_INVALID" });
    await startServer({ apiKeys: [`sha256:${digest}`] });
  });
});
