/** Bounds in time of one connection, on a clock that is moved by hand. */
import { describe, expect, it } from "vitest";
import { resolveSocketOptions } from "../../src/options/websocket.js";
import type { SocketOptions } from "../../src/options/websocket-options.js";
import { SocketTimeouts } from "../../src/sockets/socket-timeouts.js";
import { Deadlines } from "../../src/time/deadlines.js";
import { FakeClock } from "../support/fake-clock.js";

/** Off, unless a test is about them. */
const off = { pingIntervalMs: null, messageTimeoutMs: null, idleTimeoutMs: null, stallTimeoutMs: null };

/** Timeouts whose holder notes what is due. */
function createTimeouts(options: SocketOptions) {
  const clock = new FakeClock();
  const did: string[] = [];
  const errors: unknown[] = [];
  const status = { isOpen: true, bytesInFlight: 0, isReadPaused: false };
  const holder = {
    dueTick: 0,
    onDeadline(asOf: number) {
      const due = timeouts.check(asOf, status);
      if (due === undefined) return;
      did.push("code" in due ? `${due.type} ${due.code} ${due.reason}` : due.type);
    },
  };
  const context = {
    clock,
    deadlines: new Deadlines(clock, (error) => errors.push(error)),
    settings: resolveSocketOptions({ ...off, ...options }),
  };
  const timeouts = new SocketTimeouts(context, holder);
  timeouts.start(status);
  /** What is done in so many milliseconds, with what the bounds are rounded up to. */
  const during = (ms: number) => {
    did.length = 0;
    clock.advance(ms);
    expect(errors).toEqual([]);
    return [...did];
  };
  return { clock, status, timeouts, during };
}

/** Deadlines are met at the next tick of half a second. */
const slack = 1000;

describe("pings", () => {
  const bounds = { pingIntervalMs: 30_000, pongTimeoutMs: 10_000 };

  it("go to a peer from which nothing came, and not before", () => {
    const { during } = createTimeouts(bounds);
    expect(during(29_999)).toEqual([]);
    expect(during(slack)).toEqual(["ping"]);
  });

  it("that nothing answers terminate the connection", () => {
    const { during } = createTimeouts(bounds);
    expect(during(30_000 + slack)).toEqual(["ping"]);
    expect(during(8000)).toEqual([]);
    expect(during(2 * slack)).toEqual(["terminate"]);
  });

  it("are answered by any byte, and go out again after the interval", () => {
    const { during, timeouts } = createTimeouts(bounds);
    expect(during(30_000 + slack)).toEqual(["ping"]);
    during(5000);
    timeouts.received();
    expect(during(29_000)).toEqual([]);
    expect(during(1000 + slack)).toEqual(["ping"]);
    expect(during(10_000 + slack)).toEqual(["terminate"]);
  });

  it("do not go to a peer that talks", () => {
    const { during, timeouts } = createTimeouts(bounds);
    for (let i = 0; i < 10; i++) {
      expect(during(25_000)).toEqual([]);
      timeouts.received();
    }
  });

  it("go out after each interval although more time is given for pongs", () => {
    const { during, timeouts } = createTimeouts({ pingIntervalMs: 5000, pongTimeoutMs: 60_000 });
    for (let i = 0; i < 5; i++) {
      expect(during(5000 + slack)).toEqual(["ping"]);
      timeouts.received();
    }
    during(5000 + slack);
    expect(during(58_000)).toEqual([]);
    expect(during(2 * slack)).toEqual(["terminate"]);
  });

  it("wait while reading is paused or a write is in progress, and go on after that", () => {
    const { during, status, timeouts } = createTimeouts(bounds);
    status.isReadPaused = true;
    expect(during(200_000)).toEqual([]);
    status.isReadPaused = false;
    timeouts.received();
    status.bytesInFlight = 10;
    timeouts.blocked(status.bytesInFlight);
    expect(during(200_000)).toEqual([]);
    status.bytesInFlight = 0;
    timeouts.unblocked();
    expect(during(30_000 + slack)[0]).toBe("ping");
  });

  it("null turns off", () => {
    expect(createTimeouts({}).during(1_000_000)).toEqual([]);
  });
});

describe("messageTimeoutMs", () => {
  const bounds = { messageTimeoutMs: 60_000 };

  it("fails a message of one byte a second with 1008", () => {
    const { during, timeouts } = createTimeouts(bounds);
    const done: string[] = [];
    for (let i = 0; i < 62; i++) {
      timeouts.received();
      timeouts.messages(false, true);
      if (i < 60) expect(done).toEqual([]);
      done.push(...during(1000));
    }
    expect(done[0]).toBe("fail 1008 a message did not end within 60000 ms");
  });

  it("counts anew from the end of each message", () => {
    const { during, timeouts } = createTimeouts(bounds);
    for (let i = 0; i < 10; i++) {
      timeouts.received();
      timeouts.messages(i > 0, true);
      expect(during(50_000)).toEqual([]);
    }
    timeouts.received();
    timeouts.messages(true, false);
    expect(during(1_000_000)).toEqual([]);
  });

  it("does not run while reading is paused", () => {
    const { during, status, timeouts } = createTimeouts(bounds);
    timeouts.received();
    timeouts.messages(false, true);
    status.isReadPaused = true;
    expect(during(500_000)).toEqual([]);
    status.isReadPaused = false;
    expect(during(130_000)[0]).toMatch(/^fail 1008/);
  });
});

describe("idleTimeoutMs", () => {
  it("closes with 1001 where no message came, whatever else does", () => {
    const { during, timeouts } = createTimeouts({ idleTimeoutMs: 10_000 });
    during(5000);
    timeouts.received();
    timeouts.messages(true, false);
    expect(during(6000)).toEqual([]);
    timeouts.received();
    timeouts.messages(false, false);
    expect(during(4000 + slack)).toEqual(["close 1001 no message for 10000 ms"]);
  });

  it("does not run while reading is paused", () => {
    const { during, status } = createTimeouts({ idleTimeoutMs: 10_000 });
    status.isReadPaused = true;
    expect(during(100_000)).toEqual([]);
  });
});

describe("stallTimeoutMs", () => {
  const bounds = { stallTimeoutMs: 30_000 };

  it("terminates a peer that takes nothing", () => {
    const { during, status, timeouts } = createTimeouts(bounds);
    status.bytesInFlight = 1000;
    timeouts.blocked(status.bytesInFlight);
    expect(during(29_999)).toEqual([]);
    expect(during(slack)).toEqual(["terminate"]);
  });

  it("leaves a peer that takes a little each time", () => {
    const { during, status, timeouts } = createTimeouts(bounds);
    status.bytesInFlight = 1000;
    timeouts.blocked(status.bytesInFlight);
    for (let i = 0; i < 20; i++) {
      expect(during(20_000)).toEqual([]);
      status.bytesInFlight -= 1;
    }
    expect(during(60_000 + 2 * slack)).toContain("terminate");
  });

  it("counts anew for the next write, and ends with the last", () => {
    const { during, status, timeouts } = createTimeouts(bounds);
    status.bytesInFlight = 1000;
    timeouts.blocked(status.bytesInFlight);
    expect(during(20_000)).toEqual([]);
    timeouts.blocked(status.bytesInFlight);
    expect(during(20_000)).toEqual([]);
    status.bytesInFlight = 0;
    timeouts.unblocked();
    expect(during(200_000)).toEqual([]);
  });
});

describe("closeTimeoutMs", () => {
  it("terminates a connection whose end does not come, and nothing else is due any more", () => {
    const bounds = {
      closeTimeoutMs: 5000,
      pingIntervalMs: 1000,
      idleTimeoutMs: 1000,
      messageTimeoutMs: 1000,
    };
    const { during, timeouts } = createTimeouts(bounds);
    timeouts.closing();
    expect(during(4999)).toEqual([]);
    expect(during(slack)).toEqual(["terminate"]);
  });

  it("is not put off by closing again", () => {
    const { during, timeouts } = createTimeouts({ closeTimeoutMs: 5000 });
    timeouts.closing();
    during(4000);
    timeouts.closing();
    expect(during(1000 + slack)).toEqual(["terminate"]);
  });
});

it("nothing is done after stop()", () => {
  const bounds = { pingIntervalMs: 1000, idleTimeoutMs: 1000, stallTimeoutMs: 1000, messageTimeoutMs: 1000 };
  const { during, status, timeouts, clock } = createTimeouts(bounds);
  timeouts.messages(false, true);
  timeouts.blocked(status.bytesInFlight);
  timeouts.stop();
  expect(during(100_000)).toEqual([]);
  expect(clock.timers).toBe(0);
});
