/** Bounds in time of one connection, on a clock that is moved by hand. */
import { describe, expect, it } from "vitest";
import { DriverDeadlines, type TimedDriver } from "../../src/sockets/driver-deadlines.js";
import { Flusher } from "../../src/sockets/flusher.js";
import { resolveSocketOptions, type SocketOptions } from "../../src/sockets/options.js";
import { Deadlines } from "../../src/time/deadlines.js";
import { WebSocketConnection } from "../../src/websocket.js";
import { FakeClock } from "../support/fake-clock.js";

/** Off, unless a test is about them. */
const off = { pingIntervalMs: null, messageTimeoutMs: null, idleTimeoutMs: null, stallTimeoutMs: null };

/** A driver that notes what deadlines do to it. */
function createDriver(options: SocketOptions) {
  const clock = new FakeClock();
  const did: string[] = [];
  const errors: unknown[] = [];
  const connection = new WebSocketConnection("server");
  const driver = {
    connection,
    bytesUnderWay: 0,
    isReadingHeldUp: false as boolean,
    sendOutput: () => {
      for (const frame of connection.takeOutput()) did.push(frame[0] === 0x89 ? "ping" : `frame ${frame[0]}`);
    },
    close: (code: number, reason: string) => did.push(`close ${code} ${reason}`),
    fail: (code: number, reason: string) => did.push(`fail ${code} ${reason}`),
    destroy: () => did.push("cut"),
  } satisfies TimedDriver;
  const deadlines = new DriverDeadlines(driver, {
    clock,
    deadlines: new Deadlines(clock, (error) => errors.push(error)),
    flusher: new Flusher(),
    settings: resolveSocketOptions({ ...off, ...options }),
  });
  deadlines.start();
  /** What is done in so many milliseconds, with what the bounds are rounded up to. */
  const during = (ms: number) => {
    did.length = 0;
    clock.advance(ms);
    expect(errors).toEqual([]);
    return [...did];
  };
  return { clock, driver, deadlines, during };
}

/** Deadlines are met at the next tick of half a second. */
const slack = 1000;

describe("pings", () => {
  const bounds = { pingIntervalMs: 30_000, pongTimeoutMs: 10_000 };

  it("go to a peer from which nothing came, and not before", () => {
    const { during } = createDriver(bounds);
    expect(during(29_999)).toEqual([]);
    expect(during(slack)).toEqual(["ping"]);
  });

  it("that nothing answers cut the connection", () => {
    const { during } = createDriver(bounds);
    expect(during(30_000 + slack)).toEqual(["ping"]);
    expect(during(8000)).toEqual([]);
    expect(during(2 * slack)).toEqual(["cut"]);
  });

  it("are answered by any byte, and go out again after the interval", () => {
    const { during, deadlines } = createDriver(bounds);
    expect(during(30_000 + slack)).toEqual(["ping"]);
    during(5000);
    deadlines.received();
    expect(during(29_000)).toEqual([]);
    expect(during(1000 + slack)).toEqual(["ping"]);
    expect(during(10_000 + slack)).toEqual(["cut"]);
  });

  it("do not go to a peer that talks", () => {
    const { during, deadlines } = createDriver(bounds);
    for (let i = 0; i < 10; i++) {
      expect(during(25_000)).toEqual([]);
      deadlines.received();
    }
  });

  it("go out after each interval although more time is given for pongs", () => {
    const { during, deadlines } = createDriver({ pingIntervalMs: 5000, pongTimeoutMs: 60_000 });
    for (let i = 0; i < 5; i++) {
      expect(during(5000 + slack)).toEqual(["ping"]);
      deadlines.received();
    }
    during(5000 + slack);
    expect(during(58_000)).toEqual([]);
    expect(during(2 * slack)).toEqual(["cut"]);
  });

  it("wait while reading is held up or a write is under way, and go on after that", () => {
    const { during, driver, deadlines } = createDriver(bounds);
    driver.isReadingHeldUp = true;
    expect(during(200_000)).toEqual([]);
    driver.isReadingHeldUp = false;
    deadlines.received();
    driver.bytesUnderWay = 10;
    deadlines.blocked();
    expect(during(200_000)).toEqual([]);
    driver.bytesUnderWay = 0;
    deadlines.unblocked();
    expect(during(30_000 + slack)[0]).toBe("ping");
  });

  it("null turns off", () => {
    expect(createDriver({}).during(1_000_000)).toEqual([]);
  });
});

describe("messageTimeoutMs", () => {
  const bounds = { messageTimeoutMs: 60_000 };

  it("fails a message of one byte a second with 1008", () => {
    const { during, deadlines } = createDriver(bounds);
    const done: string[] = [];
    for (let i = 0; i < 62; i++) {
      deadlines.received();
      deadlines.messages(false, true);
      if (i < 60) expect(done).toEqual([]);
      done.push(...during(1000));
    }
    expect(done[0]).toBe("fail 1008 a message has not ended after 60000 ms");
  });

  it("counts anew from the end of each message", () => {
    const { during, deadlines } = createDriver(bounds);
    for (let i = 0; i < 10; i++) {
      deadlines.received();
      deadlines.messages(i > 0, true);
      expect(during(50_000)).toEqual([]);
    }
    deadlines.received();
    deadlines.messages(true, false);
    expect(during(1_000_000)).toEqual([]);
  });

  it("does not run while reading is held up", () => {
    const { during, driver, deadlines } = createDriver(bounds);
    deadlines.received();
    deadlines.messages(false, true);
    driver.isReadingHeldUp = true;
    expect(during(500_000)).toEqual([]);
    driver.isReadingHeldUp = false;
    expect(during(130_000)[0]).toMatch(/^fail 1008/);
  });
});

describe("idleTimeoutMs", () => {
  it("closes with 1001 where no message came, whatever else does", () => {
    const { during, deadlines } = createDriver({ idleTimeoutMs: 10_000 });
    during(5000);
    deadlines.received();
    deadlines.messages(true, false);
    expect(during(6000)).toEqual([]);
    deadlines.received();
    deadlines.messages(false, false);
    expect(during(4000 + slack)).toEqual(["close 1001 no message for 10000 ms"]);
  });

  it("does not run while reading is held up", () => {
    const { during, driver } = createDriver({ idleTimeoutMs: 10_000 });
    driver.isReadingHeldUp = true;
    expect(during(100_000)).toEqual([]);
  });
});

describe("stallTimeoutMs", () => {
  const bounds = { stallTimeoutMs: 30_000 };

  it("cuts off a peer that takes nothing", () => {
    const { during, driver, deadlines } = createDriver(bounds);
    driver.bytesUnderWay = 1000;
    deadlines.blocked();
    expect(during(29_999)).toEqual([]);
    expect(during(slack)).toEqual(["cut"]);
  });

  it("leaves one that takes a little each time", () => {
    const { during, driver, deadlines } = createDriver(bounds);
    driver.bytesUnderWay = 1000;
    deadlines.blocked();
    for (let i = 0; i < 20; i++) {
      expect(during(20_000)).toEqual([]);
      driver.bytesUnderWay -= 1;
    }
    expect(during(60_000 + 2 * slack)).toContain("cut");
  });

  it("counts anew for the next write, and ends with the last", () => {
    const { during, driver, deadlines } = createDriver(bounds);
    driver.bytesUnderWay = 1000;
    deadlines.blocked();
    expect(during(20_000)).toEqual([]);
    deadlines.blocked();
    expect(during(20_000)).toEqual([]);
    driver.bytesUnderWay = 0;
    deadlines.unblocked();
    expect(during(200_000)).toEqual([]);
  });
});

describe("closeTimeoutMs", () => {
  it("cuts a connection whose end does not come, and nothing else is due any more", () => {
    const bounds = {
      closeTimeoutMs: 5000,
      pingIntervalMs: 1000,
      idleTimeoutMs: 1000,
      messageTimeoutMs: 1000,
    };
    const { during, deadlines } = createDriver(bounds);
    deadlines.closing();
    expect(during(4999)).toEqual([]);
    expect(during(slack)).toEqual(["cut"]);
  });

  it("is not put off by closing again", () => {
    const { during, deadlines } = createDriver({ closeTimeoutMs: 5000 });
    deadlines.closing();
    during(4000);
    deadlines.closing();
    expect(during(1000 + slack)).toEqual(["cut"]);
  });
});

it("nothing is done after stop()", () => {
  const bounds = { pingIntervalMs: 1000, idleTimeoutMs: 1000, stallTimeoutMs: 1000, messageTimeoutMs: 1000 };
  const { during, deadlines, clock } = createDriver(bounds);
  deadlines.messages(false, true);
  deadlines.blocked();
  deadlines.stop();
  expect(during(100_000)).toEqual([]);
  expect(clock.timers).toBe(0);
});
