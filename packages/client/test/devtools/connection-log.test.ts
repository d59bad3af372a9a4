import { describe, expect, it } from "vitest";
import { ConnectionLog, type Recovery } from "../../src/devtools/connection-log.js";
import { describeEntry } from "../../src/devtools/describe.js";

function createLog() {
  const clock = { now: 1000 };
  const recoveries: Recovery[] = [];
  const fresh: string[] = [];
  const log = new ConnectionLog(() => clock.now, {
    onRecovery: (recovery) => recoveries.push(recovery),
    onSubscribed: (channel) => fresh.push(channel),
  });
  return { log, clock, recoveries, fresh };
}

const up = (value: unknown) => JSON.stringify(value);
const subscribe = (id: number, channel: string, more: object = {}) =>
  up({ id, subscribe: { channel, ...more } });

describe("frames", () => {
  it.each([
    ["sent", "{}", "pong"],
    ["received", "{}", "ping"],
    ["sent", '{"id":1,"connect":{}}', "connect"],
    ["received", '{"id":1,"connect":{"client":"c"}}', "connect reply"],
    ["received", '{"id":3,"error":{"code":103}}', "error reply"],
    ["received", '{"push":{"channel":"a","join":{}}}', "join"],
    [
      "received",
      '{"push":{"channel":"a","pub":{"offset":1}}}\n{"push":{"channel":"a","pub":{"offset":2}}}',
      "2 × publication",
    ],
    ["sent", '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"a"}}', "connect, subscribe"],
    ["sent", '{"id":9,"surprise":{}}', "other"],
    ["received", "no JSON", "other reply"],
    ["received", "", "empty"],
    ["received", "[1]\n7", "2 × ping"],
  ] as const)("%s %s: %s", (direction, text, kind) => {
    const { log } = createLog();
    log.receiveText(direction, text);
    expect(log.frames.map((frame) => frame.kind)).toEqual([kind]);
  });

  it("are counted in bytes, not in characters, each way apart", () => {
    const { log } = createLog();
    log.receiveText("sent", "{}");
    log.receiveText("received", '{"push":{"channel":"ä","message":{}}}');
    expect(log.totals).toEqual({ sent: { frames: 1, bytes: 2 }, received: { frames: 1, bytes: 38 } });
    expect(log.frames.map(({ direction, channel, bytes, at }) => [direction, channel, bytes, at])).toEqual([
      ["sent", undefined, 2, 1000],
      ["received", "ä", 38, 1000],
    ]);
  });

  it("are kept up to a bound, the newest, and long ones in part", () => {
    const { log } = createLog();
    for (let index = 0; index < 500; index++) log.receiveText("received", "{}");
    log.receiveText("received", "x".repeat(10_000));
    expect(log.frames).toHaveLength(300);
    expect(log.frames.at(-1)?.text).toBe(`${"x".repeat(2000)} …`);
    expect(log.frames.at(-1)?.bytes).toBe(10_000);
    expect(log.totals.received.frames).toBe(501);
  });
});

describe("positions", () => {
  it("follow the answer to a subscribe, and then each publication", () => {
    const { log, fresh } = createLog();
    log.receiveText("sent", subscribe(1, "news"));
    log.receiveText("received", up({ id: 1, subscribe: { recoverable: true, epoch: "e" } }));
    expect([...log.positions]).toEqual([["news", { epoch: "e", offset: 0 }]]);
    log.receiveText("received", up({ push: { channel: "news", pub: { data: 1, offset: 7 } } }));
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
      log.receiveText("sent", subscribe(id, channel));
      log.receiveText("received", up({ id, subscribe: channel === "live" ? {} : { epoch: "e", offset: 3 } }));
    }
    expect([...log.positions.keys()]).toEqual(["a", "b"]);
    log.receiveText("sent", up({ id: 4, unsubscribe: { channel: "a" } }));
    log.receiveText("received", up({ push: { channel: "b", unsubscribe: { code: 2500 } } }));
    expect([...log.positions.keys()]).toEqual([]);
  });

  it("are bounded in number", () => {
    const { log } = createLog();
    for (let id = 1; id <= 400; id++) {
      log.receiveText("sent", subscribe(id, `c${id}`));
      log.receiveText("received", up({ id, subscribe: { epoch: "e" } }));
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
      log.receiveText("sent", subscribe(id, channel));
      log.receiveText("received", up({ id, subscribe: { epoch: channel === "a" ? "e" : "old", offset: 4 } }));
    }
    log.receiveOpen("", "");
    clock.now = 2000;
    log.receiveText(
      "sent",
      `${subscribe(2, "a", { recover: true, epoch: "e", offset: 4 })}\n${subscribe(3, "b", { recover: true, epoch: "old" })}`,
    );
    const came = { was_recovering: true, recovered: true, epoch: "e", offset: 6, publications: [{}, {}] };
    log.receiveText(
      "received",
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
    log.receiveText("sent", subscribe(2, "a", { recover: true, epoch: "e" }));
    log.receiveOpen("", "");
    log.receiveText("received", up({ id: 2, subscribe: { was_recovering: true, recovered: true } }));
    expect(recoveries).toEqual([]);
  });
});

function start() {
  const recoveries: Recovery[] = [];
  const fresh: string[] = [];
  const log = new ConnectionLog(() => 1, {
    onRecovery: (recovery) => recoveries.push(recovery),
    onSubscribed: (channel) => fresh.push(channel),
  });
  /** A subscription from a position, as the client and the server speak of it. */
  const subscribe = (id: number, offset: number) => {
    log.receiveText(
      "sent",
      JSON.stringify({ id, subscribe: { channel: "a", recover: true, epoch: "e", offset } }),
    );
    const reply = { recoverable: true, epoch: "e", offset: 9, was_recovering: true, recovered: true };
    log.receiveText("received", JSON.stringify({ id, subscribe: { ...reply, publications: [{}, {}] } }));
  };
  return { log, recoveries, fresh, subscribe };
}

describe("a beginning from a position", () => {
  it("is no recovery", () => {
    const { log, recoveries, fresh, subscribe } = start();
    subscribe(1, 7);
    expect([recoveries, fresh]).toEqual([[], ["a"]]);
    expect(log.recoveries).toEqual([]);
  });

  it("tells of a return after a break, and not after the page has left by itself", () => {
    const { log, recoveries, fresh, subscribe } = start();
    subscribe(1, 7);
    log.receiveOpen("", "");
    subscribe(1, 9);
    expect(recoveries).toMatchObject([{ channel: "a", since: { offset: 9 } }]);
    log.receiveText("sent", JSON.stringify({ id: 2, unsubscribe: { channel: "a" } }));
    subscribe(3, 9);
    expect([recoveries.length, fresh]).toEqual([1, ["a", "a"]]);
  });
});

describe("events of a connection", () => {
  it("are entries in order: handshake, close, wait, and the attempts since the last connection", () => {
    const { log, clock } = createLog();
    log.receiveOpening("ws://here/", ["a"]);
    clock.now = 1040;
    log.receiveOpen("a", "permessage-deflate");
    expect(log.open).toMatchObject({ durationMs: 40, protocol: "a", extensions: "permessage-deflate" });
    log.receiveClose({ code: 1006, reason: "", wasClean: false, closedBy: "network" });
    expect(log.open).toBeUndefined();
    log.receiveWait(500);
    log.receiveOpening("ws://here/", []);
    log.receiveClose({ code: 1006, reason: "", wasClean: false, closedBy: "network" });
    log.receiveWait(900);
    expect(log.entries.map(describeEntry)).toEqual([
      "opening /",
      "101 Switching Protocols after 40 ms",
      "closed with 1006: no close frame",
      "reconnects in 500 ms (attempt 1)",
      "opening /",
      "no connection (1006): the server did not answer, or refused the upgrade; browsers do not say which",
      "reconnects in 900 ms (attempt 2)",
    ]);
    log.receiveOpen("", "");
    log.receiveWait(500);
    expect(log.entries.at(-1)).toMatchObject({ type: "wait", attempt: 1 });
    log.clear();
    expect(log.entries).toEqual([]);
  });

  it("include the server's pings, at the interval of the connect reply", () => {
    const { log, clock } = createLog();
    log.receiveOpen("", "");
    log.receiveText("received", '{"id":1,"connect":{"client":"c","ping":25,"pong":true}}');
    expect(log.pings).toEqual({ intervalMs: 25_000, lastAt: undefined, count: 0 });
    clock.now = 9000;
    log.receiveText("received", "{}");
    log.receiveText("sent", "{}");
    expect(log.pings).toEqual({ intervalMs: 25_000, lastAt: 9000, count: 1 });
  });

  it("show binary messages by their first bytes", () => {
    const { log } = createLog();
    log.receiveBinary("sent", 3, new Uint8Array([0, 255, 16]));
    log.receiveBinary("received", 100, new Uint8Array(100));
    expect(
      log.frames.map(({ opcode, bytes, text }) => [opcode, bytes, text.slice(0, 8), text.length]),
    ).toEqual([
      [2, 3, "00 ff 10", 8],
      [2, 100, "00 00 00", 64 * 3 + 1],
    ]);
  });
});
