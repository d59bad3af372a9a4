import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors.js";
import { connectionOptions } from "../../src/options/limits.js";
import { defaultsOf } from "../../src/options/option.js";
import { TrustedProxies } from "../../src/requests/addresses.js";
import { type AddressLimits, Admission } from "../../src/transports/admission.js";
import { countTo } from "../channels/support/entries.js";
import { FakeClock, settle } from "../support/fake-clock.js";

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
    admission.add(connection, { close() {} });
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

describe("connections of nodes that share counts", () => {
  /** Two nodes: `counts` is what they share. */
  function createNodes(limits: { readonly maxConnections: number | null } & Partial<AddressLimits>) {
    const counts = createCounts();
    const { maxConnections, ...addressLimits } = limits;
    const closed: string[] = [];
    const nodes = countTo(2).map(
      () =>
        new Admission({
          clock: new FakeClock(),
          addressLimits: { ...defaultsOf(connectionOptions), ...addressLimits },
          maxConnections,
          peerKeyOf: (address) => address,
          counts,
        }),
    );
    const open = async (node: number, address: string) => {
      const admission = nodes[node] as Admission;
      const source = { address, host: undefined, isForwarded: false };
      const { place } = admission.enter({ source, request: { headers: {}, url: "/", address }, cors: {} });
      const connection = { place, destroy() {} };
      const session = {
        close({ code, reason }: { readonly code: number; readonly reason: string }) {
          closed.push(`${code} ${reason}`);
          admission.leave(connection);
        },
      };
      admission.add(connection, session);
      await settle();
      return { leave: () => admission.leave(connection) };
    };
    return { counts, closed, open };
  }

  it("are closed beyond the limit of all together, with its reason", async () => {
    const { closed, counts, open } = createNodes({ maxConnections: 2 });
    const first = await open(0, "a");
    await open(1, "b");
    expect(closed).toEqual([]);
    await open(1, "c");
    expect(closed).toEqual(["3013 too many requests: The server has reached its limit of 2 connections."]);
    first.leave();
    await open(1, "d");
    expect(closed).toHaveLength(1);
    expect(counts.all.get("connections")).toBe(2);
  });

  it("are closed beyond the limit of an address, and give back what they had taken", async () => {
    const { closed, counts, open } = createNodes({ maxConnections: 10, maxAddressConnections: 1 });
    const first = await open(0, "a");
    await open(1, "a");
    expect(closed).toEqual([expect.stringContaining("An address may have 1 open connections")]);
    expect(Object.fromEntries(counts.all)).toEqual({ connections: 1, "address:a": 1 });
    first.leave();
    expect(counts.all.size).toBe(0);
  });

  it("that are gone before they are counted leave nothing behind, and so do those that cannot be counted", async () => {
    const { closed, counts, open } = createNodes({ maxConnections: 10 });
    const opening = open(0, "a");
    (await opening).leave();
    counts.fails = true;
    await open(0, "a");
    expect(closed).toEqual([expect.stringContaining("3004")]);
    expect(counts.all.size).toBe(0);
  });
});

function createCounts() {
  const all = new Map<string, number>();
  const add = (key: string, by: number) => {
    const count = (all.get(key) ?? 0) + by;
    if (count > 0) all.set(key, count);
    else all.delete(key);
  };
  return {
    all,
    fails: false,
    async take(key: string, max: number) {
      if (this.fails) throw new HoldfastError("HF_BROKER_UNAVAILABLE");
      if ((all.get(key) ?? 0) >= max) return false;
      add(key, 1);
      return true;
    },
    release: (key: string) => add(key, -1),
  };
}
