import { describe, expect, it } from "vitest";
import { FrameLog, type Recovery } from "../../../apps/showcase/shared/line/frame-log.js";

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

describe("FrameLog", () => {
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
