import { describe, expect, it } from "vitest";
import { corsHeaders, isOriginAllowed, preflightHeaders } from "../../src/requests/origins.js";

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
    expect(isOriginAllowed({ origin, host, allowed: [], isLocalOnly: false })).toBe(isAllowed);
  });

  it("admits exactly the origins that are listed", () => {
    const check = { host: "example.com", allowed: ["https://app.example"], isLocalOnly: false };
    expect(isOriginAllowed({ ...check, origin: "https://app.example" })).toBe(true);
    expect(isOriginAllowed({ ...check, origin: "http://app.example" })).toBe(false);
    expect(isOriginAllowed({ ...check, origin: "https://app.example:8443" })).toBe(false);
  });

  it("admits every page for *", () => {
    const check = { host: "example.com", allowed: "*", isLocalOnly: true } as const;
    expect(isOriginAllowed({ ...check, origin: "https://evil.example" })).toBe(true);
  });

  it("are those of this machine's own names where only it can connect, whatever host a page was given", () => {
    // A name that was pointed at 127.0.0.1 after its page was loaded.
    const rebound = { host: "evil.example:8000", allowed: [], isLocalOnly: true };
    expect(isOriginAllowed({ ...rebound, origin: "http://evil.example:8000" })).toBe(false);
    expect(isOriginAllowed({ ...rebound, origin: "http://evil.example:8000", isLocalOnly: false })).toBe(
      true,
    );
    expect(isOriginAllowed({ ...rebound, host: "localhost:8000", origin: "http://localhost:8000" })).toBe(
      true,
    );
  });
});

describe("answers to pages of other origins", () => {
  it("say who may read them, and never that everybody may with what they have signed in with", () => {
    expect(corsHeaders("https://a.example", "*")).not.toHaveProperty("Access-Control-Allow-Credentials");
    expect(corsHeaders(undefined, [])).toEqual({ Vary: "Origin" });
  });

  it("to a preflight repeat the names of fields that it asks for, and nothing else", () => {
    const fields = (asked?: string) => preflightHeaders(["GET"], asked)["Access-Control-Allow-Headers"];
    expect(fields("content-type, x-mine")).toBe("content-type, x-mine");
    for (const none of ["", "a b", "a:b", "a,,b", "x\r\nevil: 1"]) expect(fields(none)).toBe(fields());
  });
});
