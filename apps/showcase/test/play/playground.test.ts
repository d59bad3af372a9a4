import { describe, expect, it } from "vitest";
import { createDevtools } from "../../../../packages/client/src/devtools/devtools.js";
import { Playground } from "../../play/model/playground.js";
import { samples } from "../../play/model/samples.js";

function createPlayground() {
  const opened: string[] = [];
  class FakeSocket {
    constructor(url: string) {
      opened.push(url);
    }

    close(): void {}
  }
  const playground = new Playground({
    room: "room1",
    createDevtools: () => createDevtools({ webSocket: FakeSocket }),
    address: "ws://here/connection/websocket?guest=only",
    clock: () => 0,
  });
  const createPort = () => ({
    onmessage: null as ((event: MessageEvent) => void) | null,
    postMessage: () => {},
    close: () => {},
  });
  return { playground, opened, createPort };
}

describe("the playground", () => {
  it("runs nothing of a link until the visitor says so", () => {
    const { playground } = createPlayground();
    playground.run();
    playground.openShared({ code: "own()", room: "theirs" });
    expect([playground.running, playground.code, playground.room]).toEqual([[], "own()", "theirs"]);
    expect(playground.note).toMatch(/press Run: nothing has run yet/);
    playground.run();
    expect(playground.running.map(({ me }) => me)).toEqual(["A", "B"]);
  });

  it("gives each client one port, whose sockets go to this server as a guest", () => {
    const { playground, opened, createPort } = createPlayground();
    playground.run();
    const [a] = playground.running;
    if (!a) throw new Error("no client");
    const [port, second] = [createPort(), createPort()];
    playground.connect(a, port);
    playground.connect(a, second);
    expect(second.onmessage).toBeNull();
    port.onmessage?.({ data: { type: "open", socket: 1, url: "ws://elsewhere/" } } as MessageEvent);
    expect(opened).toEqual(["ws://here/connection/websocket?guest=only"]);
    port.onmessage?.({ data: { type: "error", message: "no", line: 2 } } as MessageEvent);
    expect(playground.problems).toEqual([{ client: "A", message: "no", line: 2 }]);
    playground.stop();
    playground.connect(a, createPort());
    expect([playground.running, port.onmessage]).toEqual([[], null]);
  });

  it("ends a client that does something too often, and says why", () => {
    const { playground, createPort } = createPlayground();
    playground.run();
    const [, b] = playground.running;
    const port = createPort();
    if (b) playground.connect(b, port);
    for (let count = 0; count < 300; count++)
      port.onmessage?.({ data: { type: "wait", delayMs: 1 } } as MessageEvent);
    expect(playground.running.map(({ ended }) => ended)).toEqual([
      undefined,
      "more than 200 messages in a second",
    ]);
    expect(playground.problems).toHaveLength(1);
  });

  it("knows a sample from own code, and bounds the latter", () => {
    const { playground } = createPlayground();
    expect(playground.sample).toBe(samples[0]);
    playground.edit("x".repeat(9000));
    expect([playground.sample, playground.code.length, playground.note]).toEqual([
      undefined,
      8000,
      "Only the first 8000 characters were kept.",
    ]);
    playground.open("map");
    expect(playground.sample?.id).toBe("map");
  });
});
