import { describe, expect, it } from "vitest";
import { ApiProblem, type Caller } from "../../model/api.js";
import { Tail } from "../../model/tail.js";
import { HandLater, settled } from "./hand-later.js";

interface Asked {
  readonly method: string;
  readonly params: object;
  readonly signal: AbortSignal | undefined;
  resolve(answer: object): void;
  reject(error: unknown): void;
}

function create() {
  const asked: Asked[] = [];
  const caller: Caller = {
    call: <R>(method: string, params: object = {}, signal?: AbortSignal) =>
      new Promise<R>((resolve, reject) => {
        asked.push({ method, params, signal, resolve: resolve as (answer: object) => void, reject });
      }),
  };
  const hand = new HandLater();
  const answer = async (value: object) => {
    asked.shift()?.resolve(value);
    await settled();
  };
  return { tail: new Tail(caller, "news", hand.later), asked, hand, answer };
}

const publications = (...offsets: number[]) => offsets.map((offset) => ({ offset, time: 1, data: offset }));
const page = (offset: number, ...offsets: number[]) => ({
  epoch: "e",
  offset,
  publications: publications(...offsets),
});
const offsetsOf = (tail: Tail) => tail.rows.map(({ offset }) => offset);

describe("publications of a channel", () => {
  it("begin with the newest, and go on to older ones", async () => {
    const { tail, asked, answer } = create();
    const newest = Array.from({ length: 50 }, (_, i) => 80 - i);
    void tail.load();
    expect(asked[0]).toMatchObject({
      method: "history",
      params: { channel: "news", limit: 50, reverse: true },
    });
    await answer(page(80, ...newest));
    expect([tail.isLoaded, tail.hasOlder, offsetsOf(tail)[0]]).toEqual([true, true, 80]);
    void tail.loadOlder();
    expect(asked[0]?.params).toMatchObject({ since: { epoch: "e", offset: 31 }, reverse: true });
    await answer(page(80, 30, 29));
    expect([tail.rows.length, tail.rows.at(-1)?.offset]).toEqual([52, 29]);
  });

  it("come live on top, from where the page ended", async () => {
    const { tail, asked, answer } = create();
    void tail.load();
    await answer(page(2, 2, 1));
    tail.start();
    expect(asked[0]).toMatchObject({ method: "tail", params: { since: { epoch: "e", offset: 2 } } });
    await answer({ ...page(4, 3, 4), recovered: true });
    expect(offsetsOf(tail)).toEqual([4, 3, 2, 1]);
    expect(tail.rows.map(({ isLive }) => isLive)).toEqual([true, true, false, false]);
    expect(asked[0]?.params).toMatchObject({ since: { epoch: "e", offset: 4 } });
    await answer({ ...page(9, 8, 9), recovered: false });
    expect([tail.missed, offsetsOf(tail)[0]]).toEqual([1, 9]);
  });

  it("stop coming when they are no longer followed", async () => {
    const { tail, asked } = create();
    tail.start();
    const [open] = asked;
    tail.stop();
    expect([tail.isRunning, open?.signal?.aborted]).toEqual([false, true]);
    open?.resolve({ ...page(1, 1), recovered: true });
    await settled();
    expect([tail.rows, asked.length]).toEqual([[], 1]);
  });

  it("are asked for again after a failure, which is told", async () => {
    const { tail, asked, hand } = create();
    tail.start();
    asked.shift()?.reject(new ApiProblem("unreachable", "away"));
    await settled();
    expect([tail.problem, hand.delays]).toEqual(["away", [2000]]);
    hand.run();
    await settled();
    expect(asked).toHaveLength(1);
  });

  it("of a channel without history can still be followed", async () => {
    const { tail, asked } = create();
    void tail.load();
    asked.shift()?.reject(new ApiProblem("refused", "Not available.", 108));
    await settled();
    expect(tail.problem).toMatch(/keeps no history. Follow it/);
  });

  it("of a live channel get the offsets that follow from where the tail is", async () => {
    const { tail, answer } = create();
    tail.start();
    const live = [
      { time: 1, data: "a" },
      { time: 1, data: "b" },
    ];
    await answer({ epoch: "e", offset: 7, publications: live, recovered: true });
    expect(tail.rows.map(({ offset, data }) => [offset, data])).toEqual([
      [7, "b"],
      [6, "a"],
    ]);
  });

  it("are bounded", async () => {
    const { tail, answer } = create();
    tail.start();
    await answer({ ...page(0), recovered: true });
    for (let i = 0; i < 8; i++) {
      const offsets = Array.from({ length: 100 }, (_, j) => i * 100 + j + 1);
      await answer({ ...page((i + 1) * 100, ...offsets), recovered: true });
    }
    expect([tail.rows.length, offsetsOf(tail)[0]]).toEqual([500, 800]);
  });
});
