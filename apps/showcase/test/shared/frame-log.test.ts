import { describe, expect, it } from "vitest";
import { FrameLog, type Recovery } from "../../shared/line/frame-log.js";

function createLog() {
  const clock = { now: 1000 };
  const recoveries: Recovery[] = [];
  const fresh: string[] = [];
  const log = new FrameLog(
    () => clock.now,
    (recovery) => recoveries.push(recovery),
    (channel) => fresh.push(channel),
  );
  return { log, clock, recoveries, fresh };
}

const up = (value: unknown) => JSON.stringify(value);
const subscribe = (id: number, channel: string, more: object = {}) =>
  up({ id, subscribe: { channel, ...more } });

describe("frames", () => {
  it.each([
    ["up", "{}", "pong"],
    ["down", "{}", "ping"],
    ["up", '{"id":1,"connect":{}}', "connect"],
    ["down", '{"id":1,"connect":{"client":"c"}}', "connect reply"],
    ["down", '{"id":3,"error":{"code":103}}', "error reply"],
    ["down", '{"push":{"channel":"a","join":{}}}', "join"],
    [
      "down",
      '{"push":{"channel":"a","pub":{"offset":1}}}\n{"push":{"channel":"a","pub":{"offset":2}}}',
      "2 × publication",
    ],
    ["up", '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"a"}}', "connect, subscribe"],
    ["up", '{"id":9,"surprise":{}}', "other"],
    ["down", "no JSON", "other reply"],
    ["down", "", "empty"],
    ["down", "[1]\n7", "2 × ping"],
  ] as const)("%s %s: %s", (direction, text, kind) => {
    const { log } = createLog();
    log.receive(direction, text);
    expect(log.frames.map((frame) => frame.kind)).toEqual([kind]);
  });

  it("are counted in bytes, not in characters, each way apart", () => {
    const { log } = createLog();
    log.receive("up", "{}");
    log.receive("down", '{"push":{"channel":"ä","message":{}}}');
    expect(log.totals).toEqual({ up: { frames: 1, bytes: 2 }, down: { frames: 1, bytes: 38 } });
    expect(log.frames.map(({ direction, channel, bytes, at }) => [direction, channel, bytes, at])).toEqual([
      ["up", undefined, 2, 1000],
      ["down", "ä", 38, 1000],
    ]);
  });

  it("are kept up to a bound, the newest, and long ones in part", () => {
    const { log } = createLog();
    for (let index = 0; index < 500; index++) log.receive("down", "{}");
    log.receive("down", "x".repeat(10_000));
    expect(log.frames).toHaveLength(200);
    expect(log.frames.at(-1)?.text).toBe(`${"x".repeat(2000)} …`);
    expect(log.frames.at(-1)?.bytes).toBe(10_000);
    expect(log.totals.down.frames).toBe(501);
  });
});

describe("positions", () => {
  it("follow the answer to a subscribe, and then each publication", () => {
    const { log, fresh } = createLog();
    log.receive("up", subscribe(1, "news"));
    log.receive("down", up({ id: 1, subscribe: { recoverable: true, epoch: "e" } }));
    expect([...log.positions]).toEqual([["news", { epoch: "e", offset: 0 }]]);
    log.receive("down", up({ push: { channel: "news", pub: { data: 1, offset: 7 } } }));
    expect([...log.positions]).toEqual([["news", { epoch: "e", offset: 7 }]]);
    expect(fresh).toEqual(["news"]);
  });

  it("end with the subscription, whoever ended it, and of channels without a log there are none", () => {
    const { log } = createLog();
    for (const [id, channel] of [
      [1, "a"],
      [2, "b"],
      [3, "live"],
    ] as const) {
      log.receive("up", subscribe(id, channel));
      log.receive("down", up({ id, subscribe: channel === "live" ? {} : { epoch: "e", offset: 3 } }));
    }
    expect([...log.positions.keys()]).toEqual(["a", "b"]);
    log.receive("up", up({ id: 4, unsubscribe: { channel: "a" } }));
    log.receive("down", up({ push: { channel: "b", unsubscribe: { code: 2500 } } }));
    expect([...log.positions.keys()]).toEqual([]);
  });

  it("are bounded in number", () => {
    const { log } = createLog();
    for (let id = 1; id <= 400; id++) {
      log.receive("up", subscribe(id, `c${id}`));
      log.receive("down", up({ id, subscribe: { epoch: "e" } }));
    }
    expect(log.positions.size).toBe(300);
    expect(log.positions.has("c400")).toBe(true);
  });
});

describe("recoveries", () => {
  it("say since when and how many, or that it could not be done", () => {
    const { log, clock, recoveries, fresh } = createLog();
    for (const [id, channel] of [
      [2, "a"],
      [3, "b"],
    ] as const) {
      log.receive("up", subscribe(id, channel));
      log.receive("down", up({ id, subscribe: { epoch: channel === "a" ? "e" : "old", offset: 4 } }));
    }
    log.receiveOpen();
    clock.now = 2000;
    log.receive(
      "up",
      `${subscribe(2, "a", { recover: true, epoch: "e", offset: 4 })}\n${subscribe(3, "b", { recover: true, epoch: "old" })}`,
    );
    const came = { was_recovering: true, recovered: true, epoch: "e", offset: 6, publications: [{}, {}] };
    log.receive(
      "down",
      `${up({ id: 2, subscribe: came })}\n${up({ id: 3, subscribe: { was_recovering: true, epoch: "new", offset: 9 } })}`,
    );
    const all = [
      { at: 2000, channel: "a", since: { epoch: "e", offset: 4 }, isRecovered: true, count: 2 },
      { at: 2000, channel: "b", since: { epoch: "old", offset: 0 }, isRecovered: false, count: 0 },
    ];
    expect([recoveries, log.recoveries, fresh]).toEqual([all, all, ["a", "b"]]);
    expect([...log.positions]).toEqual([
      ["a", { epoch: "e", offset: 6 }],
      ["b", { epoch: "new", offset: 9 }],
    ]);
  });

  it("are not taken from an answer to what an earlier connection asked", () => {
    const { log, recoveries } = createLog();
    log.receive("up", subscribe(2, "a", { recover: true, epoch: "e" }));
    log.receiveOpen();
    log.receive("down", up({ id: 2, subscribe: { was_recovering: true, recovered: true } }));
    expect(recoveries).toEqual([]);
  });
});

function start() {
  const recoveries: Recovery[] = [];
  const fresh: string[] = [];
  const log = new FrameLog(
    () => 1,
    (recovery) => recoveries.push(recovery),
    (channel) => fresh.push(channel),
  );
  /** A subscription from a position, as the client and the server speak of it. */
  const subscribe = (id: number, offset: number) => {
    log.receive("up", JSON.stringify({ id, subscribe: { channel: "a", recover: true, epoch: "e", offset } }));
    const reply = { recoverable: true, epoch: "e", offset: 9, was_recovering: true, recovered: true };
    log.receive("down", JSON.stringify({ id, subscribe: { ...reply, publications: [{}, {}] } }));
  };
  return { log, recoveries, fresh, subscribe };
}

describe("a beginning from a position", () => {
  it("takes no beginning for a return, though it shows what came with it", () => {
    const { log, recoveries, fresh, subscribe } = start();
    subscribe(1, 7);
    expect([recoveries, fresh]).toEqual([[], ["a"]]);
    expect(log.recoveries).toMatchObject([
      { channel: "a", since: { offset: 7 }, isRecovered: true, count: 2 },
    ]);
  });

  it("tells of a return after a break, and not after the page has left by itself", () => {
    const { log, recoveries, fresh, subscribe } = start();
    subscribe(1, 7);
    log.receiveOpen();
    subscribe(1, 9);
    expect(recoveries).toMatchObject([{ channel: "a", since: { offset: 9 } }]);
    log.receive("up", JSON.stringify({ id: 2, unsubscribe: { channel: "a" } }));
    subscribe(3, 9);
    expect([recoveries.length, fresh]).toEqual([1, ["a", "a"]]);
  });
});
