import { describe, expect, it } from "vitest";
import { Relay } from "../../play/model/relay.js";

class FakeSocket {
  readyState = 0;
  protocol = "";
  readonly sent: string[] = [];
  readonly closes: unknown[][] = [];
  onopen?: () => void;
  onmessage?: (event: { data: unknown }) => void;
  onclose?: (event: object) => void;

  send(data: string): void {
    this.sent.push(data);
  }

  close(...how: unknown[]): void {
    this.closes.push(how);
  }
}

function createRelay() {
  const clock = { now: 0 };
  const sockets: FakeSocket[] = [];
  const told: unknown[] = [];
  const posted: unknown[] = [];
  const port = {
    onmessage: null as ((event: MessageEvent) => void) | null,
    postMessage: (message: unknown) => void posted.push(message),
    close: () => void posted.push("port closed"),
  };
  const relay = new Relay({
    port,
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    onWait: (delayMs) => told.push(["wait", delayMs]),
    onError: (message, line) => told.push(["error", message, line]),
    onExcess: (why) => told.push(["excess", why]),
    clock: () => clock.now,
  });
  const say = (message: unknown) => port.onmessage?.({ data: message } as MessageEvent);
  return { relay, clock, sockets, told, posted, say };
}

describe("a client's port", () => {
  it("carries a WebSocket in both directions until it closes", () => {
    const { sockets, posted, say } = createRelay();
    say({ type: "open", socket: 1, url: "wss://elsewhere.example/" });
    const socket = sockets[0] as FakeSocket;
    say({ type: "send", socket: 1, data: "too early" });
    socket.readyState = 1;
    socket.onopen?.();
    say({ type: "send", socket: 1, data: "{}" });
    socket.onmessage?.({ data: "hello" });
    say({ type: "close", socket: 1, code: 1000, reason: "done" });
    say({ type: "close", socket: 1, code: 7 });
    socket.onclose?.({ code: 1000, reason: "done", wasClean: true });
    expect([socket.sent, socket.closes]).toEqual([["{}"], [[1000, "done"], []]]);
    expect(posted).toEqual([
      { type: "opened", socket: 1, protocol: "" },
      { type: "message", socket: 1, data: "hello" },
      { type: "closed", socket: 1, code: 1000, reason: "done", wasClean: true },
    ]);
  });

  it("passes on errors with their line, and delays", () => {
    const { told, say } = createRelay();
    say({ type: "error", message: "x is not defined", line: 3 });
    say({ type: "error", message: "y".repeat(9000), line: -1 });
    say({ type: "wait", delayMs: 700 });
    expect(told).toEqual([
      ["error", "x is not defined", 3],
      ["error", "y".repeat(500), undefined],
      ["wait", 700],
    ]);
  });

  it.each([
    [null],
    ["open"],
    [{ type: "open", socket: "1" }],
    [{ type: "send", socket: 1, data: 7 }],
    [{ type: "send", socket: 1, data: "x".repeat(65 * 1024) }],
    [{ type: "wait", delayMs: -1 }],
    [{ type: "navigate", socket: 1 }],
    [{ type: "error", message: {} }],
  ])("ignores what is no message: %j", (message) => {
    const { sockets, told, posted, say } = createRelay();
    say(message);
    expect([sockets, told, posted]).toEqual([[], [], []]);
  });

  it("ends with the fifth connection at once, and closes the others", () => {
    const { sockets, told, posted, say } = createRelay();
    for (let id = 1; id <= 5; id++) say({ type: "open", socket: id });
    expect(sockets.map(({ closes }) => closes.length)).toEqual([1, 1, 1, 1]);
    expect([told, posted]).toEqual([[["excess", "more than 4 connections at once"]], ["port closed"]]);
    say({ type: "open", socket: 6 });
    expect(sockets).toHaveLength(4);
  });

  it("ends with more than 200 messages in a second, not with as many in two", () => {
    const { clock, told, say } = createRelay();
    for (let count = 0; count < 200; count++) say({ type: "wait", delayMs: 1 });
    clock.now = 1001;
    for (let count = 0; count < 200; count++) say({ type: "wait", delayMs: 1 });
    expect(told).toHaveLength(400);
    say({ type: "wait", delayMs: 1 });
    expect(told.at(-1)).toEqual(["excess", "more than 200 messages in a second"]);
  });

  it("tells of 20 errors at most", () => {
    const { told, say } = createRelay();
    for (let count = 0; count < 50; count++) say({ type: "error", message: "again" });
    expect(told).toHaveLength(20);
  });
});
