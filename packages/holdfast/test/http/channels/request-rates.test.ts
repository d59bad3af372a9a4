import { describe, expect, it } from "vitest";
import { type RequestLimits, RequestRates } from "../../../src/http/channels/request-rates.js";
import { TrustedProxies } from "../../../src/requests/addresses.js";
import { costOfBadToken, Work } from "../../../src/sessions/work.js";
import { TokenBuckets } from "../../../src/time/token-bucket.js";
import { FakeClock } from "../../support/fake-clock.js";

function createRates(limits: Partial<RequestLimits> = {}, proxies: readonly string[] = []) {
  const clock = new FakeClock();
  const lag = { ms: 0 };
  const work = new Work({
    clock,
    schedule: queueMicrotask,
    perSecond: 10,
    burst: 50,
    lagMs: () => lag.ms,
    shedAboveLagMs: 1000,
  });
  const rates = new RequestRates({
    limits: {
      commandsPerSecond: 1,
      commandBurst: 2,
      publishesPerSecond: 1,
      publishBurst: 2,
      userPublishesPerSecond: 1,
      userPublishBurst: 1,
      workPerSecond: 10,
      maxWaitingRequests: 3,
      maxAddressWaitingRequests: 2,
      ...limits,
    },
    clock,
    userPublishes: new TokenBuckets({ perSecond: 1, burst: 1 }),
    work,
    peerKeyOf: (address) => new TrustedProxies(proxies).peerKeyOf(address),
  });
  return { clock, rates, work, lag };
}

describe("requests of one address", () => {
  it("are limited to the rate, and accepted again when there is room", () => {
    const { clock, rates } = createRates();
    const take = () => rates.take("192.0.2.1")?.status;
    expect([take(), take(), take()]).toEqual([undefined, undefined, 429]);
    clock.advance(1000);
    expect([take(), take()]).toEqual([undefined, 429]);
    expect(rates.take("192.0.2.2")).toBeUndefined();
  });

  it("from loopback count only behind a configured proxy", () => {
    for (const [proxies, status] of [
      [[], undefined],
      [["10.0.0.1"], 429],
    ] as const) {
      const { rates } = createRates({}, proxies);
      for (let i = 0; i < 2; i++) rates.take("::1");
      expect(rates.take("::1")?.status).toBe(status);
    }
  });
});

describe("publications", () => {
  it("of a user are limited over all connections of the user", () => {
    const { rates } = createRates();
    expect(rates.takePublish("anna", "192.0.2.1")).toBeUndefined();
    expect(rates.takePublish("anna", "192.0.2.2")?.error.message).toContain("a user may publish");
    expect(rates.takePublish("ben", "192.0.2.1")).toBeUndefined();
  });

  it("of anonymous clients are limited by address, grouping IPv6 networks, loopback included", () => {
    for (const [one, other] of [
      ["2001:db8::1", "2001:db8::2"],
      ["127.0.0.1", "127.0.0.1"],
    ] as const) {
      const { rates } = createRates();
      for (const address of [one, other]) expect(rates.takePublish("", address)).toBeUndefined();
      expect(rates.takePublish("", one)?.status).toBe(429);
    }
  });
});

describe("waiting requests", () => {
  it("are limited by address and in total, and free room when they end", () => {
    const { rates } = createRates();
    const enter = (address: string) => rates.enter(address) as () => void;
    const [first] = [enter("192.0.2.1"), enter("192.0.2.1")];
    expect(enter("192.0.2.1")).toMatchObject({ status: 503, headers: { "Retry-After": "5" } });
    enter("192.0.2.2");
    expect(enter("192.0.2.3")).toMatchObject({ status: 503 });
    first?.();
    expect(enter("192.0.2.1")).toBeTypeOf("function");
    expect([rates.waitingCount, rates.waitingAddresses]).toEqual([3, 2]);
  });

  it("are unlimited when the limits are null", () => {
    const { rates } = createRates({ maxWaitingRequests: null, maxAddressWaitingRequests: null });
    const leaves = Array.from({ length: 10 }, () => rates.enter("192.0.2.1") as () => void);
    for (const leave of leaves) leave();
    expect([rates.waitingCount, rates.waitingAddresses]).toEqual([0, 0]);
  });
});

describe("work of requests", () => {
  it("is charged to the user, from any address, and has to be paid off", () => {
    const { clock, rates } = createRates();
    rates.accountOf("ann", "192.0.2.1").charge(70);
    const again = rates.accountOf("ann", "192.0.2.2");
    expect(rates.findWorkRefusal(again)).toMatchObject({ status: 429, headers: { "Retry-After": "3" } });
    expect(rates.findWorkRefusal(rates.accountOf("bob", "192.0.2.1"))).toBeUndefined();
    clock.advance(2100);
    expect(rates.findWorkRefusal(again)).toBeUndefined();
  });

  it("is charged to the address of anonymous clients, except shared addresses", () => {
    const { rates } = createRates();
    rates.accountOf("", "192.0.2.1").charge(70);
    rates.accountOf("", "127.0.0.1").charge(70);
    expect(rates.findWorkRefusal(rates.accountOf("", "192.0.2.1"))?.status).toBe(429);
    expect(rates.findWorkRefusal(rates.accountOf("", "192.0.2.2"))).toBeUndefined();
    expect(rates.findWorkRefusal(rates.accountOf("", "127.0.0.1"))).toBeUndefined();
  });

  it("charges invalid tokens to their address, which is refused beyond the limit", () => {
    const { rates, work } = createRates({ commandBurst: 100, commandsPerSecond: 100 });
    let tokens = 0;
    for (; rates.take("192.0.2.1") === undefined; tokens++) rates.chargeBadToken("192.0.2.1");
    expect(tokens).toBe(Math.ceil(50 / costOfBadToken));
    expect(rates.take("192.0.2.1")).toMatchObject({ status: 429 });
    expect(rates.take("192.0.2.2")).toBeUndefined();
    expect(work.accounts).toBe(1);
  });

  it("is refused while the event loop lags, except for clients with little use", () => {
    const { rates, lag } = createRates();
    const [ann, bob] = [rates.accountOf("ann", ""), rates.accountOf("bob", "")];
    ann.charge(30);
    lag.ms = 1500;
    expect(rates.findWorkRefusal(ann)).toMatchObject({ status: 503, headers: { "Retry-After": "1" } });
    expect(rates.findWorkRefusal(bob)).toBeUndefined();
    expect(rates.takePublish("bob", "192.0.2.1")?.status).toBe(503);
    lag.ms = 0;
    expect(rates.findWorkRefusal(ann)).toBeUndefined();
    expect(rates.takePublish("bob", "192.0.2.1")).toBeUndefined();
  });
});
