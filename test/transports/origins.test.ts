import { describe, expect, it } from "vitest";
import { isOriginAllowed } from "../../src/transports/origins.js";

describe("origins", () => {
  it.each([
    ["a client that is no browser", undefined, "example.com", true],
    ["a page of the same host", "https://example.com", "example.com", true],
    ["a page of the same host and port", "http://example.com:9000", "example.com:9000", true],
    ["a page behind a proxy that ends TLS", "https://example.com", "example.com:443", true],
    ["a page of another port", "https://example.com:9000", "example.com", false],
    ["a page of another host", "https://evil.example", "example.com", false],
    ["a page of a host that ends alike", "https://evilexample.com", "example.com", false],
    ["a page of a subdomain", "https://a.example.com", "example.com", false],
    ["a page of this machine at another port", "http://localhost:5173", "127.0.0.1:8000", true],
    [
      "a page of a host that begins like this machine",
      "http://127.0.0.1.evil.example",
      "localhost:8000",
      false,
    ],
    ["a page of this machine, for another host", "http://localhost:5173", "example.com", false],
    ["a page without an origin", "null", "example.com", false],
    ["no host", "https://example.com", undefined, false],
  ] as const)("%s", (_name, origin, host, isAllowed) => {
    expect(isOriginAllowed(origin, host, [])).toBe(isAllowed);
  });

  it("admits exactly the origins that are listed", () => {
    const allowed = ["https://app.example"];
    expect(isOriginAllowed("https://app.example", "example.com", allowed)).toBe(true);
    expect(isOriginAllowed("http://app.example", "example.com", allowed)).toBe(false);
    expect(isOriginAllowed("https://app.example:8443", "example.com", allowed)).toBe(false);
  });

  it("admits every page for *", () => {
    expect(isOriginAllowed("https://evil.example", "example.com", "*")).toBe(true);
  });
});
