import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isLoopbackAddress, parseAddress, toPeerKey } from "../../src/requests/addresses.js";

describe("address", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8::1", "2001:db8::1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:0201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:192.0.2.255", "192.0.2.255"],
    ["::fffe:192.0.2.1", "::fffe:192.0.2.1"],
    ["fe80::1%eth0", "fe80::1"],
    ["", undefined],
    ["localhost", undefined],
    ["192.0.2", undefined],
    ["192.0.2.256", undefined],
    ["192.0.2.01", undefined],
    ["1::2::3", undefined],
    ["[::1]", undefined],
    [" 192.0.2.1", undefined],
  ])("%j is %j", (text, address) => {
    expect(parseAddress(text)).toBe(address);
  });

  it.each([
    ["127.0.0.1", true],
    ["127.255.3.4", true],
    ["128.0.0.1", false],
    ["::1", true],
    ["0:0:0:0:0:0:0:1", true],
    ["::2", false],
    ["1::", false],
    ["", false],
  ])("%j is loopback: %j", (address, isLoopback) => {
    expect(isLoopbackAddress(address)).toBe(isLoopback);
  });

  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:0:7::1", "2001:db8:0:7::/64"],
    ["2001:DB8:0:7:ffff:ffff:ffff:ffff", "2001:db8:0:7::/64"],
    ["2001:0db8:0000:0007::192.0.2.1", "2001:db8:0:7::/64"],
    ["2001:db8:0:8::1", "2001:db8:0:8::/64"],
    ["::1", "0:0:0:0::/64"],
  ])("%s counts as %s", (address, key) => {
    expect(toPeerKey(address)).toBe(key);
  });

  it("of IPv6 counts by its first 64 bits, however it is written", () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = parseAddress(text);
        expect(address).toBeDefined();
        // The platform's own reading of addresses, in its shortest form.
        const written = new URL(`http://[${text}]`).hostname.slice(1, -1);
        expect(toPeerKey(parseAddress(written) as string)).toBe(toPeerKey(address as string));
      }),
    );
  });

  it("is refused, or is one", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const address = parseAddress(text);
        if (address !== undefined) expect(isIP(address)).not.toBe(0);
      }),
    );
  });
});
