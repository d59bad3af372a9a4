import { describe, expect, it } from "vitest";
import {
  AddressCounts,
  type AddressLimits,
  defaultAddressLimits,
} from "../../src/transports/address-limits.js";
import { countTo } from "../channels/support/entries.js";
import { FakeClock } from "../support/fake-clock.js";

function createCounts(limits: Partial<AddressLimits>, countsLoopback = true) {
  const clock = new FakeClock();
  const counts = new AddressCounts({ limits: { ...defaultAddressLimits, ...limits }, clock, countsLoopback });
  /** Opens a connection. @returns the status it is refused with, or what it holds */
  const open = (address: string) => counts.findRefusal(address)?.status ?? counts.enter(address);
  return { clock, counts, open };
}

describe("connections from one address", () => {
  it("beyond the limit are refused with 503, and those of others are not", () => {
    const { counts, open } = createCounts({ maxAddressConnections: 2 });
    open("192.0.2.1");
    open("192.0.2.1");
    expect(counts.findRefusal("192.0.2.1")).toMatchObject({
      status: 503,
      error: {
        message:
          "From one address, 2 connections may be open. Where these come through a proxy, name it in trustedProxies.",
      },
      headers: { "Retry-After": "5" },
    });
    expect(counts.findRefusal("192.0.2.2")).toBeUndefined();
  });

  it("may be replaced when they end, and nothing is kept of those that are gone", () => {
    const { counts, open } = createCounts({ maxAddressConnections: 1, addressConnectionsPerSecond: null });
    const places = countTo(50).map((n) => open(`192.0.2.${n}`));
    expect(counts.size).toBe(50);
    for (const place of places) if (typeof place === "object") counts.leave(place);
    expect(counts.size).toBe(0);
    expect(counts.findRefusal("192.0.2.1")).toBeUndefined();
  });

  it("of one IPv6 network count together", () => {
    const { open } = createCounts({ maxAddressConnections: 1 });
    open("2001:db8::1");
    expect(open("2001:db8::2:3")).toBe(503);
    expect(open("2001:db8:0:1::1")).toMatchObject({ count: 1 });
  });

  it("are not bounded by null", () => {
    const { counts, open } = createCounts({ maxAddressConnections: null, addressConnectionsPerSecond: null });
    for (const _ of countTo(5000)) expect(open("192.0.2.1")).toBeUndefined();
    expect(counts.size).toBe(0);
  });

  it("from loopback count only where the server is told of proxies", () => {
    const limits = { maxAddressConnections: 1, addressConnectionBurst: 1 };
    const without = createCounts(limits, false);
    for (const _ of countTo(5))
      for (const address of ["127.0.0.1", "::1"]) expect(without.open(address)).toBeUndefined();
    const withProxies = createCounts(limits);
    expect(withProxies.open("127.0.0.1")).toMatchObject({ count: 1 });
    expect(withProxies.open("127.0.0.1")).toBe(429);
  });
});

describe("rate of connections from one address", () => {
  const limits = { addressConnectionsPerSecond: 2, addressConnectionBurst: 3 };

  it("beyond the limit gets 429, with the time to wait in whole seconds", () => {
    const { counts, open } = createCounts(limits);
    for (const _ of countTo(3)) expect(open("192.0.2.1")).toMatchObject({});
    expect(counts.findRefusal("192.0.2.1")).toMatchObject({
      status: 429,
      error: {
        message:
          "From one address, 2 connections a second may be opened, 3 at once. Where these come through a proxy, name it in trustedProxies.",
      },
      headers: { "Retry-After": "1" },
    });
    expect(counts.findRefusal("192.0.2.2")).toBeUndefined();
  });

  it("recovers with time, however often was asked meanwhile", () => {
    const { clock, open } = createCounts(limits);
    for (const _ of countTo(3)) open("192.0.2.1");
    for (const _ of countTo(100)) expect(open("192.0.2.1")).toBe(429);
    clock.advance(500);
    expect(open("192.0.2.1")).toMatchObject({ count: 4 });
    expect(open("192.0.2.1")).toBe(429);
  });

  it("keeps nothing of an address whose rate has recovered", () => {
    const { clock, counts, open } = createCounts({ ...limits, maxAddressConnections: null });
    for (const n of countTo(200)) open(`192.0.2.${n}`);
    clock.advance(500);
    open("198.51.100.1");
    expect(counts.size).toBe(1);
  });
});
