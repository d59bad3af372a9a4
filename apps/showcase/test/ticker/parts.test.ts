import { describe, expect, it } from "vitest";
import { QuoteBook, symbolsInOrder } from "../../ticker/model/quote-book.js";
import { Rates } from "../../ticker/model/quote-reader.js";
import { RowPainter } from "../../ticker/model/row-painter.js";
import { PriceSeries } from "../../ticker/model/series.js";
import { formatChange, formatKilobytes, formatPrice, pointsOf } from "../../ticker/view/format.js";
import { HandFrames } from "../hand-frames.js";
import { HandClock } from "../server/support/hand-clock.js";

function bookOf(prices: Record<string, readonly [price: number, open: number]>) {
  const book = new QuoteBook();
  const states = Object.entries(prices).map(([symbol, [price, open]]) => ({
    ...{ symbol, price, open },
    recent: [open, price],
  }));
  book.reset(states, 1000);
  return book;
}

describe("QuoteBook", () => {
  it("knows which way a price went, and that one did not", () => {
    const book = bookOf({ KEDO: [10, 10] });
    const receive = (price: number) => book.receive({ symbol: "KEDO", price, at: 1100 })?.direction;
    expect([receive(11), receive(11), receive(9)]).toEqual([1, undefined, -1]);
    expect(book.receive({ symbol: "NONE", price: 1, at: 1 })).toBeUndefined();
  });

  it("keeps a price a second for the drawing, the newest last, and not for ever", () => {
    const book = bookOf({ KEDO: [10, 10] });
    book.receive({ symbol: "KEDO", price: 11, at: 1500 });
    expect(book.rows.get("KEDO")?.recent).toEqual([10, 10, 11]);
    book.receive({ symbol: "KEDO", price: 12, at: 2000 });
    book.receive({ symbol: "KEDO", price: 13, at: 2900 });
    expect(book.rows.get("KEDO")?.recent).toEqual([10, 10, 11, 13]);
    for (let second = 3; second < 100; second++)
      book.receive({ symbol: "KEDO", price: second, at: second * 1000 });
    expect(book.rows.get("KEDO")?.recent).toHaveLength(24);
  });

  it("is found by symbol and name, in the order that is asked for", () => {
    const book = bookOf({ KEDO: [10, 20], AMBU: [20, 10], WIWO: [5, 5] });
    const find = (search: string, by: "symbol" | "price" | "change", isDescending = false) =>
      symbolsInOrder(book.rows.values(), search, { by, isDescending });
    expect(find("", "symbol")).toEqual(["AMBU", "KEDO", "WIWO"]);
    expect(find("", "symbol", true)).toEqual(["WIWO", "KEDO", "AMBU"]);
    expect(find("", "price")).toEqual(["WIWO", "KEDO", "AMBU"]);
    expect(find("", "change", true)).toEqual(["AMBU", "WIWO", "KEDO"]);
    expect(find(" amber ", "symbol")).toEqual(["AMBU"]);
    expect(find("wiw", "symbol")).toEqual(["WIWO"]);
    expect(find("nobody", "symbol")).toEqual([]);
  });
});

describe("Rates", () => {
  it("are of the second that is over", async () => {
    const clock = new HandClock(10_000);
    const rates = new Rates(clock.now);
    rates.startAt(10);
    for (const offset of [11, 12, 15]) rates.receive(offset);
    expect(rates.perSecond).toEqual({ received: 0, passedOver: 0 });
    await clock.advance(1000);
    rates.receive(16);
    expect(rates.perSecond).toEqual({ received: 3, passedOver: 2 });
    await clock.advance(5000);
    expect(rates.perSecond).toEqual({ received: 0, passedOver: 0 });
    expect(rates.total).toEqual({ received: 4, passedOver: 2 });
  });

  it("count nothing as passed over where there was no place to begin from", () => {
    const rates = new Rates(() => 0);
    rates.receive(500);
    expect([rates.total.passedOver, rates.offset]).toEqual([0, 500]);
  });
});

describe("RowPainter", () => {
  function start() {
    const clock = new HandClock();
    const frames = new HandFrames();
    const painter = new RowPainter({ nextFrame: frames.nextFrame, clock: clock.now, later: clock.later });
    const painted: string[] = [];
    for (const symbol of ["A", "B"]) painter.listen(symbol, () => painted.push(symbol));
    painter.setVisible("A", true);
    return { clock, frames, painter, painted };
  }

  it("draws once a frame what has changed and can be seen", () => {
    const { frames, painter, painted } = start();
    for (const symbol of ["A", "A", "B", "A"]) painter.change(symbol);
    expect([painted, frames.waiting]).toEqual([[], 1]);
    frames.run();
    expect(painted).toEqual(["A"]);
    frames.run();
    expect(painted).toEqual(["A"]);
  });

  it("draws what has changed when it comes into view", () => {
    const { frames, painter, painted } = start();
    painter.change("B");
    frames.run();
    painter.setVisible("B", true);
    frames.run();
    painter.setVisible("B", false);
    painter.setVisible("B", true);
    frames.run();
    expect(painted).toEqual(["B"]);
  });

  it("lights a row for a moment, also where nothing comes after it", async () => {
    const { clock, frames, painter, painted } = start();
    painter.change("A");
    frames.run();
    expect(painter.isLit("A")).toBe(true);
    await clock.advance(450);
    frames.run();
    expect([painter.isLit("A"), painted]).toEqual([false, ["A", "A"]]);
    await clock.advance(60_000);
    expect([clock.timers, frames.waiting]).toEqual([0, 0]);
  });

  it("leaves nothing behind", () => {
    const { clock, frames, painter } = start();
    painter.change("A");
    frames.run();
    painter.change("A");
    painter.close();
    expect([clock.timers, frames.waiting]).toEqual([0, 0]);
  });
});

describe("PriceSeries", () => {
  it("keeps two minutes, and not more points than can be seen", () => {
    const series = new PriceSeries();
    for (let at = 0; at < 300_000; at += 100) series.add(at, 1);
    expect(series.length).toBe(800);
    series.clear();
    for (let at = 0; at < 300_000; at += 1000) series.add(at, 1);
    expect(series.length).toBe(121);
  });

  it("takes nothing that is older than what it has", () => {
    const series = new PriceSeries();
    series.add(2000, 2);
    series.add(1000, 1);
    expect(series.columns).toEqual([[2], [2]]);
  });
});

describe("figures", () => {
  it("are written with their signs and units", () => {
    expect([formatChange(1.234), formatChange(-0.5), formatChange(-0.001)]).toEqual([
      ...["+1.23 %", "−0.50 %", "0.00 %"],
    ]);
    expect([formatPrice(1234.5), formatKilobytes(0.94), formatKilobytes(2500)]).toEqual([
      ...["1,234.50", "0.9 kB/s", "2.5 MB/s"],
    ]);
  });

  it("are drawn from the lowest to the highest, over the whole width", () => {
    expect(pointsOf([1, 3, 2])).toBe("0.0,18.0 32.0,2.0 64.0,10.0");
    expect(pointsOf([5])).toBe("0.0,18.0");
  });
});
