import { describe, expect, it } from "vitest";
import { awayMs } from "../../ticker/model/quote-reader.js";
import { Ticker } from "../../ticker/model/ticker.js";
import { HandFrames } from "../hand-frames.js";
import { HandClock } from "../server/support/hand-clock.js";
import { FakeLink } from "./fake-link.js";

async function start(prepare: (link: FakeLink) => void = () => {}) {
  const link = new FakeLink();
  prepare(link);
  const clock = new HandClock(10_000);
  const frames = new HandFrames();
  const ticker = new Ticker({ link, clock: clock.now, later: clock.later, nextFrame: frames.nextFrame });
  ticker.start();
  await clock.advance(0);
  return { link, clock, frames, ticker };
}

const priceOf = (ticker: Ticker, symbol: string) => ticker.book.rows.get(symbol)?.price;

describe("Ticker", () => {
  it("has all values at once, and reads on from where they were taken", async () => {
    const { link, ticker } = await start();
    expect([...ticker.book.rows.keys()]).toEqual(["KEDO", "AMBU"]);
    expect(link.readings.map(({ since }) => since)).toEqual([{ epoch: "e1", offset: 100 }]);
    link.publish("KEDO", 11);
    expect(priceOf(ticker, "KEDO")).toBe(11);
    expect(ticker.reader.rates.total).toEqual({ received: 1, passedOver: 0 });
  });

  it("waits for a connection, and begins once", async () => {
    const { link, clock, ticker } = await start((fake) => {
      fake.connected = false;
    });
    expect(link.snapshots).toBe(0);
    link.connect();
    await clock.advance(0);
    link.connect();
    await clock.advance(0);
    expect([link.snapshots, link.readings.length, ticker.book.rows.size]).toEqual([1, 1, 2]);
  });

  it("says in words what the server refuses, and can try again", async () => {
    const { link, clock, ticker } = await start((fake) => {
      fake.failure = "a moderator has banned you";
    });
    expect(ticker.problem).toBe("a moderator has banned you");
    link.failure = undefined;
    ticker.begin();
    await clock.advance(0);
    expect([ticker.problem, ticker.book.rows.size]).toEqual([undefined, 2]);
  });

  it("reads everything anew where more is missing than the log has", async () => {
    const { link, clock, ticker } = await start();
    link.prices.KEDO = 99;
    link.offset = 5000;
    const { listeners } = link.readings[0] as (typeof link.readings)[0];
    listeners.onStatus({ state: "subscribed", wasRecovering: true, recovered: true });
    await clock.advance(0);
    expect([link.snapshots, priceOf(ticker, "KEDO")]).toEqual([1, 10]);
    listeners.onStatus({ state: "subscribed", wasRecovering: true, recovered: false });
    await clock.advance(0);
    expect([link.snapshots, priceOf(ticker, "KEDO"), link.readings.length]).toEqual([2, 99, 1]);
    link.publish("KEDO", 98);
    expect(ticker.reader.rates.total.passedOver).toBe(0);
  });

  it("says so when the server ends the reading", async () => {
    const { link, clock, ticker } = await start();
    link.readings[0]?.listeners.onStatus({ state: "unsubscribed", code: 103, reason: "permission denied" });
    expect(ticker.problem).toBe("permission denied");
    ticker.begin();
    await clock.advance(0);
    expect([ticker.problem, link.readings.length]).toEqual([undefined, 2]);
  });

  it("has the past of the chosen symbol, and then each change", async () => {
    const { link, clock, ticker } = await start();
    expect(ticker.chosen).toBe("KEDO");
    link.publish("KEDO", 12, 3000);
    expect(ticker.prices.columns).toEqual([
      [1, 2, 3],
      [1, 10, 12],
    ]);
    ticker.choose("AMBU");
    link.publish("KEDO", 13, 4000);
    link.publish("AMBU", 21, 4000);
    await clock.advance(0);
    // What came while the past was asked for stays behind it.
    expect(ticker.prices.columns).toEqual([
      [1, 2, 4],
      [1, 20, 21],
    ]);
  });

  it("has no past of a symbol that is no longer chosen", async () => {
    const { link, clock, ticker } = await start();
    const answers: (() => void)[] = [];
    link.historyOf = (symbol) =>
      new Promise((resolve) => {
        answers.push(() => resolve({ times: [1000], prices: [symbol === "AMBU" ? 1 : 2] }));
      });
    ticker.choose("AMBU");
    ticker.choose("KEDO");
    for (const answer of answers.reverse()) answer();
    await clock.advance(0);
    expect(ticker.prices.columns).toEqual([[1], [2]]);
  });

  it("draws the chart once a frame", async () => {
    const { link, frames, ticker } = await start();
    frames.run();
    let drawn = 0;
    ticker.onPrices(() => drawn++);
    for (const price of [11, 12, 13]) link.publish("KEDO", price);
    expect(drawn).toBe(0);
    frames.run();
    frames.run();
    expect(drawn).toBe(1);
  });

  it("leaves everything when it is closed", async () => {
    const { link, clock, frames, ticker } = await start();
    ticker.reader.beSlow();
    ticker.close();
    expect([link.meters.size, clock.timers, frames.waiting]).toEqual([0, 0, 0]);
    await clock.advance(60_000);
    expect(link.readings).toHaveLength(1);
  });
});

describe("a slow reader", () => {
  it("reads nothing for a while, comes back with its cursor, and says what came of what was made", async () => {
    const { link, clock, ticker } = await start();
    link.publish("KEDO", 11);
    ticker.reader.beSlow();
    expect(ticker.reader.slowness).toEqual({ state: "away", until: clock.now() + awayMs });
    for (let price = 12; price < 20; price++) link.publish("KEDO", price);
    expect(priceOf(ticker, "KEDO")).toBe(11);
    await clock.advance(awayMs);
    expect(ticker.reader.slowness).toEqual({ state: "catching up" });
    const back = link.readings.at(-1);
    expect(back?.since).toEqual({ epoch: "e1", offset: 101 });
    // The newest of each is what the server gives.
    back?.listeners.onQuote({ symbol: "KEDO", price: 19, at: 9000 }, 109);
    expect(ticker.reader.slowness).toEqual({ state: "back", made: 8, came: 1 });
    expect(ticker.reader.rates.total).toEqual({ received: 2, passedOver: 7 });
    expect(priceOf(ticker, "KEDO")).toBe(19);
  });

  it("does not count what is made after its return", async () => {
    const { link, clock, ticker } = await start();
    ticker.reader.beSlow();
    link.publish("KEDO", 12);
    link.publish("AMBU", 22);
    await clock.advance(awayMs);
    const { listeners } = link.readings.at(-1) as (typeof link.readings)[0];
    listeners.onQuote({ symbol: "KEDO", price: 12, at: 9000 }, 101);
    expect(ticker.reader.slowness.state).toBe("catching up");
    listeners.onQuote({ symbol: "KEDO", price: 14, at: 9000 }, 103);
    expect(ticker.reader.slowness).toEqual({ state: "back", made: 2, came: 1 });
  });

  it("is back at once where nothing was made, and cannot leave twice", async () => {
    const { link, clock, ticker } = await start();
    ticker.reader.beSlow();
    ticker.reader.beSlow();
    await clock.advance(awayMs);
    expect(ticker.reader.slowness).toEqual({ state: "back", made: 0, came: 0 });
    expect(link.readings).toHaveLength(2);
  });
});

describe("the machine", () => {
  const sample = (at: number, values: Record<string, number>) => ({ at, values });

  it("has what is kept, then what comes, each once, and gaps where there was nothing", async () => {
    const { link, ticker } = await start((fake) => {
      fake.samples.load = [sample(1000, { busy: 1 }), sample(2000, { busy: 2 })];
    });
    const { load } = ticker.machine.series;
    link.meters.get("load")?.onSample(sample(2000, { busy: 2 }));
    link.meters.get("load")?.onSample(sample(60_000, { busy: 3 }));
    expect(load.columns(["busy"], 1)).toEqual([
      [1, 2, 3, 60],
      [1, 2, null, 3],
    ]);
    for (let at = 61; at < 400; at++) link.meters.get("load")?.onSample(sample(at * 1000, { busy: 3 }));
    expect(load.length).toBe(180);
  });

  it("says which meters are silent, after a while", async () => {
    const { clock, ticker } = await start((fake) => {
      fake.samples.memory = [sample(1, { used: 1, total: 2 })];
    });
    expect(ticker.machine.isSilent("network")).toBe(false);
    await clock.advance(6000);
    expect(["load", "memory", "network"].map((each) => ticker.machine.isSilent(each as "load"))).toEqual([
      ...[true, false, true],
    ]);
  });

  it("reads what is kept anew after a break that was too long", async () => {
    const { link, clock, ticker } = await start();
    link.samples.load = [sample(5000, { busy: 9 })];
    link.meterStatus.get("load")?.({ state: "subscribed", wasRecovering: true, recovered: false });
    await clock.advance(0);
    expect(ticker.machine.series.load.latest).toEqual(sample(5000, { busy: 9 }));
  });
});
