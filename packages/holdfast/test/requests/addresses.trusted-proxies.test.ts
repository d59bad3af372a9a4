import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TrustedProxies } from "../../src/requests/addresses.js";

const proxies = new TrustedProxies(["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"]);

function addressOf(remoteAddress: string, headers: Record<string, string>): string {
  return proxies.sourceOf({ remoteAddress, host: "here", headers }).address;
}

describe("peer that is no trusted proxy", () => {
  it.each([
    [{ "x-forwarded-for": "203.0.113.9" }],
    [{ forwarded: "for=203.0.113.9;host=evil.example" }],
    [{ "x-forwarded-for": "10.0.0.1", "x-forwarded-host": "evil.example" }],
  ])("is not believed: %j", (headers) => {
    expect(proxies.sourceOf({ remoteAddress: "198.51.100.1", host: "here", headers })).toEqual({
      address: "198.51.100.1",
      host: "here",
      isForwarded: false,
    });
    expect(
      new TrustedProxies([]).sourceOf({ remoteAddress: "127.0.0.1", host: "here", headers }),
    ).toMatchObject({ address: "127.0.0.1", isForwarded: false });
  });

  it("has its IPv4 address where the socket maps it into IPv6", () => {
    expect(addressOf("::ffff:198.51.100.1", {})).toBe("198.51.100.1");
    expect(addressOf("::ffff:10.0.0.1", { "x-forwarded-for": "203.0.113.9" })).toBe("203.0.113.9");
  });
});

describe("address that a trusted proxy names", () => {
  it.each([
    ["of one proxy", "203.0.113.9", "203.0.113.9"],
    ["of several proxies", "203.0.113.9, 10.0.0.3, 192.0.2.7", "203.0.113.9"],
    ["behind what the client made up", "1.1.1.1, 10.9.9.9, 203.0.113.9, 10.0.0.3", "203.0.113.9"],
    ["behind garbage of the client", "<script>, ;;, 203.0.113.9", "203.0.113.9"],
    ["where all are trusted: the farthest", "10.0.0.5, 10.0.0.3", "10.0.0.5"],
    ["with a port", "203.0.113.9:4711", "203.0.113.9"],
    ["of IPv6", "2001:db8::9", "2001:db8::9"],
    ["of IPv6 in brackets", "[2001:db8::9]", "2001:db8::9"],
    ["of IPv6 with a port", "[2001:db8::9]:4711, 2001:db8:1::3", "2001:db8::9"],
    ["of IPv4 in IPv6", "::ffff:203.0.113.9", "203.0.113.9"],
    ["without spaces", "203.0.113.9,10.0.0.3", "203.0.113.9"],
  ])("in X-Forwarded-For, %s", (_name, field, address) => {
    expect(addressOf("10.0.0.1", { "x-forwarded-for": field })).toBe(address);
  });

  it.each([
    ["for=203.0.113.9", "203.0.113.9"],
    ['For="203.0.113.9:4711";proto=https;by=10.0.0.1', "203.0.113.9"],
    ['for="[2001:db8::9]:4711"', "2001:db8::9"],
    ['for="[2001:db8::9]", for=10.0.0.3', "2001:db8::9"],
    ['for=1.1.1.1;x="a,b;\\"c" , for=203.0.113.9;host="app.example" , for=10.0.0.3', "203.0.113.9"],
    ["proto=https;for=203.0.113.9;", "203.0.113.9"],
  ])("in Forwarded (RFC 7239): %s", (field, address) => {
    expect(addressOf("10.0.0.1", { forwarded: field })).toBe(address);
  });

  it.each([
    ["x-forwarded-for", ""],
    ["x-forwarded-for", "unknown"],
    ["x-forwarded-for", "203.0.113.9, unknown, 10.0.0.3"],
    ["x-forwarded-for", "203.0.113.9, "],
    ["x-forwarded-for", "203.0.113.9.4"],
    ["x-forwarded-for", "[203.0.113.9]"],
    ["x-forwarded-for", "[2001:db8::9"],
    ["x-forwarded-for", "2001:db8::9]:80"],
    ["x-forwarded-for", "203.0.113.9:port"],
    ["forwarded", ""],
    ["forwarded", "for=unknown"],
    ["forwarded", "for=_hidden"],
    ["forwarded", "proto=https"],
    ["forwarded", "203.0.113.9"],
    ["forwarded", "for=203.0.113.9;for=203.0.113.8"],
    ["forwarded", 'for="203.0.113.9'],
    ["forwarded", 'for="x, for=203.0.113.9'],
    ["forwarded", "for = 203.0.113.9"],
  ])("that is none leaves the socket's: %s: %j", (name, field) => {
    expect(proxies.sourceOf({ remoteAddress: "10.0.0.1", host: "here", headers: { [name]: field } })).toEqual(
      {
        address: "10.0.0.1",
        host: "here",
        isForwarded: false,
      },
    );
  });

  it("counts only where both fields, of which one may be the client's own, say the same", () => {
    const forwarded = "for=203.0.113.9";
    expect(addressOf("10.0.0.1", { forwarded, "x-forwarded-for": "203.0.113.9" })).toBe("203.0.113.9");
    expect(addressOf("10.0.0.1", { forwarded, "x-forwarded-for": "203.0.113.8" })).toBe("10.0.0.1");
    expect(addressOf("10.0.0.1", { forwarded: "garbage", "x-forwarded-for": "203.0.113.8" })).toBe(
      "10.0.0.1",
    );
  });

  it("is an address, whatever stands in the fields", () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .array(
          fc.constantFrom("for=", '"', ",", ";", "\\", " ", "[", "]", ":", "1.2.3.4", "::1", "=", "host"),
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(fc.option(text, { nil: undefined }), fc.option(text, { nil: undefined }), (one, other) => {
        const headers = {
          ...(one !== undefined && { "x-forwarded-for": one }),
          ...(other !== undefined && { forwarded: other }),
        };
        expect(isIP(addressOf("10.0.0.1", headers))).not.toBe(0);
      }),
    );
  });

  it("is looked for in time that grows with the field's length only", () => {
    const long = 16_000;
    for (const field of [" ".repeat(long), `for=${"a".repeat(long)}`, `for="${"\\a".repeat(long / 2)}`])
      expect(addressOf("10.0.0.1", { forwarded: `${field}\u0000` })).toBe("10.0.0.1");
  });
});

describe("host that a trusted proxy names", () => {
  it.each([
    [{ "x-forwarded-for": "203.0.113.9", "x-forwarded-host": "app.example" }, "app.example"],
    [{ "x-forwarded-for": "203.0.113.9", "x-forwarded-host": "app.example, inner.example" }, "app.example"],
    [{ "x-forwarded-for": "203.0.113.9" }, "here"],
    [{ "x-forwarded-for": "203.0.113.9", "x-forwarded-host": "" }, "here"],
    [{ "x-forwarded-for": "unknown", "x-forwarded-host": "app.example" }, "here"],
    [{ forwarded: 'for=203.0.113.9;host="app.example:8443", for=10.0.0.3;host=inner' }, "app.example:8443"],
  ])("%j gives %s", (headers, host) => {
    expect(proxies.sourceOf({ remoteAddress: "10.0.0.1", host: "here", headers }).host).toBe(host);
  });
});

describe("list of trusted proxies", () => {
  it.each([
    ["loopback", ["127.0.0.1", "127.9.9.9", "::1"], ["10.0.0.1", "::2"]],
    [
      "private",
      ["127.0.0.1", "10.1.1.1", "172.31.0.1", "192.168.3.4", "fd00::1", "100.64.0.1"],
      ["172.32.0.1", "8.8.8.8"],
    ],
    ["2001:db8::/32", ["2001:db8:ffff::1"], ["2001:db9::1", "127.0.0.1"]],
    ["::ffff:192.0.2.1", ["192.0.2.1", "::ffff:192.0.2.1"], ["192.0.2.2"]],
    ["0.0.0.0/0", ["8.8.8.8"], ["::1"]],
  ])("takes %s", (each, trusted, others) => {
    const list = new TrustedProxies([each]);
    const isTrusted = (remoteAddress: string) =>
      list.sourceOf({ remoteAddress, host: "", headers: { "x-forwarded-for": "203.0.113.9" } }).isForwarded;
    expect(trusted.filter((address) => !isTrusted(address))).toEqual([]);
    expect(others.filter(isTrusted)).toEqual([]);
  });

  it.each([
    "localhost",
    "",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "::/129",
    "10.0.0/8",
    "toString",
    "fe80::1%eth0",
    5,
  ])("refuses %j by name", (each) => {
    expect(() => new TrustedProxies([each as string])).toThrow(
      `networks such as 10.0.0.0/8, or the words loopback, private and unix, but contains ${JSON.stringify(each)}`,
    );
  });
});
