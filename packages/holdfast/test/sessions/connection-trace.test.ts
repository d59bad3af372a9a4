import { describe, expect, it } from "vitest";
import { ConnectionTrace } from "../../src/sessions/connection-trace.js";
import { type ConnectionEvent, noRecorder } from "../../src/sessions/recorder.js";

function setUp() {
  let now = 5000;
  const events: ConnectionEvent[] = [];
  const turnedAway: string[] = [];
  const refused: object[] = [];
  const recorder = {
    ...noRecorder,
    record: (_note: unknown, event: ConnectionEvent) => void events.push(event),
    turnAway: (reason: string) => void turnedAway.push(reason),
    recordRefusal: (refusal: object) => void refused.push(refusal),
  };
  const trace = new ConnectionTrace({ clock: { now: () => now }, recorder });
  const session = { id: "c", user: "ann", transport: { name: "fake" }, openedAt: 0 };
  const identify = () => trace.identified(session, { address: "192.0.2.1" });
  const pass = (ms: number) => {
    now += ms;
  };
  return { trace, events, turnedAway, refused, identify, pass };
}

const live = [{ isBehind: false }];
const lagging = [{ isBehind: false }, { isBehind: true }];

describe("trace of a connection", () => {
  it("tells that the client was behind from the first full socket until every channel has caught up", () => {
    const { trace, events, identify, pass } = setUp();
    identify();
    trace.fellBehind();
    pass(500);
    trace.fellBehind(true);
    expect(trace.behindSince).toBeUndefined();
    trace.findCaughtUp(lagging);
    pass(700);
    expect(trace.behindSince).toBe(5000);
    trace.findCaughtUp(live);
    expect(events).toEqual([{ kind: "behind", since: 5000, readsLog: true, isCaughtUp: true }]);
    expect(trace.isBehind).toBe(false);
  });

  it("keeps short times to itself", () => {
    const { trace, events, identify, pass } = setUp();
    identify();
    trace.fellBehind();
    pass(999);
    trace.findCaughtUp(live);
    trace.closed(0, "gone");
    expect(events).toEqual([{ kind: "closed", code: 0, reason: "gone" }]);
  });

  it("tells of the end of a client that never caught up", () => {
    const { trace, events, identify, pass } = setUp();
    identify();
    trace.fellBehind();
    pass(2000);
    trace.closed(3008, "slow");
    expect(events).toEqual([
      { kind: "behind", since: 5000, readsLog: false, isCaughtUp: false },
      { kind: "closed", code: 3008, reason: "slow" },
    ]);
  });

  it("counts commands beyond a limit in one event for ten seconds", () => {
    const { trace, events, identify, pass } = setUp();
    identify();
    for (let i = 0; i < 1000; i++) trace.limited(111, "too many requests");
    expect(events).toEqual([{ kind: "limited", code: 111, reason: "too many requests", count: 1000 }]);
    pass(10_000);
    trace.limited(111, "too many requests");
    expect(events).toHaveLength(2);
  });

  it("tells of a refused connect as the user's, or as somebody's", () => {
    const { trace, turnedAway, refused } = setUp();
    trace.refused("c", { disconnect: { code: 3500, reason: "invalid token" } });
    trace.refused("c", {
      reply: { id: 1, error: { code: 109, message: "token expired", isTemporary: false } },
      user: "ann",
    });
    trace.refused("c", { isAnswered: true });
    expect(turnedAway).toEqual(["invalid token"]);
    expect(refused).toEqual([{ user: "ann", client: "c", code: 109, reason: "token expired" }]);
  });

  it("tells of a close before the user is known, unless the client closed", () => {
    const { trace, turnedAway, events } = setUp();
    trace.closed(0, "the client or the network ended it");
    expect([turnedAway, events]).toEqual([[], []]);
    trace.closed(3008, "slow: no connect within 10 ms");
    expect(turnedAway).toEqual(["slow: no connect within 10 ms"]);
  });
});
