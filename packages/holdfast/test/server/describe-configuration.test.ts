import { describe, expect, it } from "vitest";
import { compileApp } from "../../src/app/compile-app.js";
import { channel, defineApp } from "../../src/index.js";
import { resolveServerOptions } from "../../src/options/schema.js";
import { describeConfiguration } from "../../src/server/describe-configuration.js";
import { FakeClock } from "../support/fake-clock.js";

interface Described {
  readonly settings: readonly {
    option: string;
    value: unknown;
    is_default: boolean;
    section: string;
    doc: string;
  }[];
  readonly channels: readonly object[];
}

const secret = "a key that nobody may read";

function describeOptions(
  options: Parameters<typeof resolveServerOptions>[0],
  app?: Parameters<typeof compileApp>[0],
) {
  const settings = { ...resolveServerOptions(options), onError: () => {} };
  const compiled =
    app && compileApp(app, { clock: new FakeClock(), hookTimeoutMs: 1000, leaseMs: 1000, onError: () => {} });
  return describeConfiguration(settings, compiled) as Described;
}

function byPattern(channels: readonly object[]) {
  const patternOf = (each: object) => (each as { readonly pattern: string }).pattern;
  return [...channels].sort((a, b) => (patternOf(a) < patternOf(b) ? 1 : -1));
}

function settingOf({ settings }: Described, option: string) {
  return settings.find((each) => each.option === option)?.value;
}

describe("configuration as it is shown", () => {
  it("has every option with its value, and says which were set", () => {
    const described = describeOptions({ port: 9000, store: { maxBytes: 5 } });
    const of = (option: string) => described.settings.find((each) => each.option === option);
    expect(of("port")).toMatchObject({ value: 9000, is_default: false, section: "Address" });
    expect(of("host")).toMatchObject({ value: "127.0.0.1", is_default: true });
    expect(of("store.maxBytes")).toMatchObject({ value: 5, is_default: false });
    expect(of("compression")).toMatchObject({ value: false, is_default: true });
    expect(of("compression.level")).toMatchObject({ value: null, is_default: true });
    expect(describeOptions({ authenticate: () => ({}) as never }).settings).toContainEqual(
      expect.objectContaining({ option: "authenticate", value: "in code", is_default: false }),
    );
    expect(of("http2")?.doc).not.toMatch(/[\]]\(/);
    expect(described.settings.length).toBeGreaterThan(80);
    expect(described.settings.some(({ option }) => option === "workers")).toBe(false);
  });

  it("shows no secret: keys, passwords in URLs, certificates", () => {
    const described = describeOptions({
      apiKeys: [secret, { key: `${secret}!`, scope: "read", name: "dashboards" }],
      broker: `redis://default:${encodeURIComponent(secret)}@redis.example:6379?token=x`,
      tls: { cert: "cert", key: secret },
    });
    const text = JSON.stringify(described);
    expect(text).not.toContain(secret);
    expect(text).not.toContain(encodeURIComponent(secret));
    expect(text).not.toContain("token=x");
    expect(settingOf(described, "apiKeys")).toEqual([
      { key: "********", scope: "admin", name: "api" },
      { key: "********", scope: "read", name: "dashboards" },
    ]);
    expect(settingOf(described, "broker")).toBe("redis://********@redis.example:6379?********");
    expect(settingOf(described, "tls")).toBe("********");
  });

  it("names what code has given", () => {
    const described = describeOptions({ audit: () => {}, routes: () => false, compression: { level: 5 } });
    expect([settingOf(described, "audit"), settingOf(described, "routes")]).toEqual(["in code", "in code"]);
    expect([settingOf(described, "compression"), settingOf(described, "compression.level")]).toEqual([
      true,
      5,
    ]);
  });

  it("has the application's channels with their rules", () => {
    const app = defineApp({
      channels: { "chat:{room}": channel({ presence: true }), news: channel({ kind: "live" }) },
    });
    expect(byPattern(describeOptions({}, app).channels)).toMatchObject([
      { pattern: "news", kind: "live", allow: { subscribe: expect.any(String) } },
      { pattern: "chat:{room}", kind: "stream", presence: true },
    ]);
    expect(describeOptions({}).channels).toEqual([]);
  });
});
