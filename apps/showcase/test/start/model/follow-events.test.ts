import { describe, expect, it } from "vitest";
import { type EventStream, followEvents } from "../../../start/model/follow-events.js";
import type { Position } from "../../../start/model/place.js";

class FakeStream implements EventStream {
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onmessage: ((event: { data: unknown; lastEventId: string }) => void) | null = null;
  readonly url: string;
  constructor(url: string) {
    this.url = url;
  }
  close(): void {}
  say(data: unknown, lastEventId = ""): void {
    this.onmessage?.({ data: JSON.stringify(data), lastEventId });
  }
  fail(readyState: number): void {
    this.readyState = readyState;
    this.onerror?.();
  }
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function follow(begin: () => Promise<Position>) {
  const streams: FakeStream[] = [];
  const tasks: (() => void)[] = [];
  const received: unknown[] = [];
  const states: boolean[] = [];
  followEvents({
    begin,
    address: (since) => `events?since=${since}`,
    onData: (data) => received.push(data),
    onState: (isOpen) => states.push(isOpen),
    open: (url) => {
      const stream = new FakeStream(url);
      streams.push(stream);
      return stream;
    },
    later: (_, task) => tasks.push(task),
  });
  const latest = () => streams.at(-1) as FakeStream;
  const runTasks = () => {
    for (const task of tasks.splice(0)) task();
  };
  return { streams, received, states, latest, runTasks };
}

describe("following a channel's events", () => {
  it("starts at the given position", async () => {
    const { latest, received, states } = follow(() => Promise.resolve({ epoch: "e", offset: 3 }));
    await settle();
    expect(latest().url).toBe("events?since=e:3");
    latest().onopen?.();
    latest().say({ n: 4 }, "e:4");
    expect([received, states]).toEqual([[{ n: 4 }], [true]]);
  });

  it("asks again for the position when that fails", async () => {
    let tries = 0;
    const { streams, runTasks } = follow(() =>
      ++tries < 3 ? Promise.reject(new Error("busy")) : Promise.resolve({ epoch: "e", offset: 0 }),
    );
    for (let count = 0; count < 2; count++) {
      await settle();
      expect(streams).toEqual([]);
      runTasks();
    }
    await settle();
    expect(streams.map(({ url }) => url)).toEqual(["events?since=e:0"]);
  });

  it("opens another stream after a refusal, from the last event, and leaves broken connections to the browser", async () => {
    const { streams, latest, states, runTasks } = follow(() => Promise.resolve({ epoch: "e", offset: 0 }));
    await settle();
    latest().say({}, "e:7");
    latest().fail(0);
    runTasks();
    expect(streams).toHaveLength(1);
    latest().fail(2);
    runTasks();
    expect(streams.map(({ url }) => url)).toEqual(["events?since=e:0", "events?since=e:7"]);
    expect(states).toEqual([false, false]);
  });
});
