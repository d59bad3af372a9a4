import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { Cors, type CorsOptions } from "../../../src/http/channels/cors.js";
import { TrustedProxies } from "../../../src/transports/trusted-proxies.js";

function ask(
  headers: Record<string, string>,
  {
    isLocalOnly = true,
    proxies = [] as string[],
    ...options
  }: Partial<Omit<CorsOptions, "isLocalOnly">> & { isLocalOnly?: boolean; proxies?: string[] } = {},
) {
  const cors = new Cors({
    allowedOrigins: [],
    trustedProxies: new TrustedProxies(proxies),
    isLocalOnly: () => isLocalOnly,
    ...options,
  });
  const request = { headers, socket: { remoteAddress: "127.0.0.1" } } as unknown as IncomingMessage;
  return cors.findRefusal(request, cors.originOf(request))?.status;
}

describe("requests without an Origin", () => {
  it.each(["127.0.0.1:8000", "localhost:8000", "[::1]:8000", undefined])(
    "of a server for this machine only come by its names: %s",
    (host) => {
      expect(ask(host === undefined ? {} : { host })).toBeUndefined();
    },
  );

  it("by a name that was made to point here are refused, over HTTP/2 too", () => {
    expect(ask({ host: "evil.example:8000" })).toBe(403);
    expect(ask({ ":authority": "evil.example:8000" })).toBe(403);
    expect(ask({ host: "evil.example:8000" }, { isLocalOnly: false })).toBeUndefined();
  });

  it("by the name of an origin that is admitted, or through a proxy that is named, are not", () => {
    const host = "app.example";
    expect(ask({ host }, { allowedOrigins: ["https://app.example"] })).toBeUndefined();
    expect(ask({ host }, { allowedOrigins: "*" })).toBeUndefined();
    const forwarded = { host, "x-forwarded-for": "203.0.113.7" };
    expect(ask(forwarded)).toBe(403);
    expect(ask(forwarded, { proxies: ["loopback"] })).toBeUndefined();
  });
});

describe("requests of pages", () => {
  it("are admitted as their WebSockets are", () => {
    const page = { host: "app.example", origin: "https://app.example" };
    expect(ask(page, { isLocalOnly: false })).toBeUndefined();
    expect(ask(page, { isLocalOnly: true })).toBe(403);
    expect(ask({ ...page, "x-forwarded-for": "203.0.113.7" }, { proxies: ["loopback"] })).toBeUndefined();
    expect(ask({ ...page, origin: "https://evil.example" }, { isLocalOnly: false })).toBe(403);
    expect(ask({ ...page, origin: "null" }, { isLocalOnly: false })).toBe(403);
  });
});
