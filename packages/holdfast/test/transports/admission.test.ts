import { describe, expect, it } from "vitest";
import { connectionOptions } from "../../src/options/limits.js";
import { defaultsOf } from "../../src/options/option.js";
import { TrustedProxies } from "../../src/requests/addresses.js";
import { type AddressLimits, Admission } from "../../src/transports/admission.js";
import { countTo } from "../channels/support/entries.js";
import { FakeClock } from "../support/fake-clock.js";

function createAdmission(limits: Partial<AddressLimits>, proxies: readonly string[] = ["10.0.0.1"]) {
  const clock = new FakeClock();
  const admission = new Admission({
    clock,
    addressLimits: { ...defaultsOf(connectionOptions), ...limits },
    maxConnections: null,
    peerKeyOf: (address) => new TrustedProxies(proxies).peerKeyOf(address),
  });
  const admitted = (address: string) => ({
    source: { address, host: undefined, isForwarded: false },
    request: { headers: {}, url: "/", address },
    cors: {},
  });
  const findRefusal = (address: string) => admission.findRefusal(admitted(address));
  /** Opens a connection. @returns the status it is refused with, or the connection */
  const open = (address: string) => {
    const refusal = findRefusal(address);
    if (refusal) return refusal.status;
    const connection = { place: admission.enter(admitted(address)).place, destroy() {} };
    admission.add(connection);
    return connection;
  };
  return { clock, admission, findRefusal, open };
}

describe("connections from one address", () => {
  it("beyond the limit are refused with 503, and those of others are not", () => {
    const { findRefusal, open } = createAdmission({ maxAddressConnections: 2 });
    open("192.0.2.1");
    open("192.0.2.1");
    expect(findRefusal("192.0.2.1")).toMatchObject({
      status: 503,
      error: {
        message:
          "An address may have 2 open connections. If they come through a proxy, list it in trustedProxies.",
      },
      headers: { "Retry-After": "5" },
    });
    expect(findRefusal("192.0.2.2")).toBeUndefined();
  });

  it("may be replaced when they end, and nothing is kept of those that are gone", () => {
    const { admission, findRefusal, open } = createAdmission({
      maxAddressConnections: 1,
      addressConnectionsPerSecond: null,
    });
    const connections = countTo(50).map((n) => open(`192.0.2.${n}`));
    expect(admission.addresses).toBe(50);
    for (const place of connections) if (typeof place === "object") admission.leave(place);
    expect(admission.addresses).toBe(0);
    expect(findRefusal("192.0.2.1")).toBeUndefined();
  });

  it("of one IPv6 network count together", () => {
    const { open } = createAdmission({ maxAddressConnections: 1 });
    open("2001:db8::1");
    expect(open("2001:db8::2:3")).toBe(503);
    expect(open("2001:db8:0:1::1")).toMatchObject({ place: { count: 1 } });
  });

  it("are not bounded by null", () => {
    const { admission, open } = createAdmission({
      maxAddressConnections: null,
      addressConnectionsPerSecond: null,
    });
    for (const _ of countTo(5000)) expect(open("192.0.2.1")).toMatchObject({ place: undefined });
    expect(admission.addresses).toBe(0);
  });

  it("from loopback count only where the server is told of proxies", () => {
    const limits = { maxAddressConnections: 1, addressConnectionBurst: 1 };
    const without = createAdmission(limits, []);
    for (const _ of countTo(5))
      for (const address of ["127.0.0.1", "::1"])
        expect(without.open(address)).toMatchObject({ place: undefined });
    const withProxies = createAdmission(limits);
    expect(withProxies.open("127.0.0.1")).toMatchObject({ place: { count: 1 } });
    expect(withProxies.open("127.0.0.1")).toBe(429);
  });
});

describe("rate of connections from one address", () => {
  const limits = { addressConnectionsPerSecond: 2, addressConnectionBurst: 3 };

  it("beyond the limit gets 429, with the time to wait in whole seconds", () => {
    const { findRefusal, open } = createAdmission(limits);
    for (const _ of countTo(3)) expect(open("192.0.2.1")).toMatchObject({});
    expect(findRefusal("192.0.2.1")).toMatchObject({
      status: 429,
      error: {
        message:
          "An address may open 2 connections per second, with bursts of 3. If they come through a proxy, list it in trustedProxies.",
      },
      headers: { "Retry-After": "1" },
    });
    expect(findRefusal("192.0.2.2")).toBeUndefined();
  });

  it("recovers with time, however often was asked meanwhile", () => {
    const { clock, open } = createAdmission(limits);
    for (const _ of countTo(3)) open("192.0.2.1");
    for (const _ of countTo(100)) expect(open("192.0.2.1")).toBe(429);
    clock.advance(500);
    expect(open("192.0.2.1")).toMatchObject({ place: { count: 4 } });
    expect(open("192.0.2.1")).toBe(429);
  });

  it("keeps nothing of an address whose rate has recovered", () => {
    const { clock, admission, open } = createAdmission({ ...limits, maxAddressConnections: null });
    for (const n of countTo(200)) open(`192.0.2.${n}`);
    clock.advance(500);
    open("198.51.100.1");
    expect(admission.addresses).toBe(1);
  });
});
