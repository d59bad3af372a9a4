import { describe, expect, it } from "vitest";
import { describeEntry } from "../../src/devtools/describe.js";
import { createDevtools } from "../../src/devtools/devtools.js";

/** A browser's WebSocket, played by hand. */
class FakeWebSocket {
  static opened: FakeWebSocket[] = [];
  readyState = 0;
  readonly sent: string[] = [];
  closedWith: unknown[] | undefined;
  onopen?: (event: object) => void;
  onmessage?: (event: { data: unknown }) => void;
  onclose?: (event: object) => void;
  onerror?: (event: object) => void;

  readonly url: string;

  constructor(url: string) {
    this.url = url;
    FakeWebSocket.opened.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(...how: unknown[]): void {
    this.closedWith = how;
  }
}

interface Tapped {
  readyState: number;
  onopen: () => void;
  onmessage: (event: { data: unknown }) => void;
  onclose: (event: { code: number; wasClean: boolean }) => void;
  onerror: () => void;
  send(text: string): void;
  close(): void;
}

function createLine() {
  FakeWebSocket.opened = [];
  const told: string[] = [];
  const tasks: { delayMs: number; task: () => void }[] = [];
  const devtools = createDevtools({
    clock: () => 1000,
    later: (delayMs, task) => void tasks.push({ delayMs, task }),
    webSocket: FakeWebSocket as unknown as typeof WebSocket,
    onChange: () => told.push("changed"),
  });
  devtools.attach({ status: { state: "connecting" }, reconnect: () => told.push("reconnect") });
  const open = () => {
    const socket = new devtools.webSocket("ws://here/") as Tapped;
    socket.onopen = () => told.push("open");
    socket.onmessage = ({ data }) => told.push(`message ${String(data)}`);
    socket.onclose = ({ code, wasClean }) => told.push(`close ${code} ${wasClean}`);
    socket.onerror = () => told.push("error");
    return socket;
  };
  return { devtools, told, tasks, open };
}

const last = () => FakeWebSocket.opened.at(-1) as FakeWebSocket;

describe("a connection", () => {
  it("passes everything on and records it", () => {
    const { devtools, told, open } = createLine();
    const socket = open();
    last().onopen?.({});
    socket.send("{}");
    last().onmessage?.({ data: "{}" });
    last().onclose?.({ code: 3000, wasClean: true });
    expect(last().sent).toEqual(["{}"]);
    expect(told).toEqual(["open", "message {}", "close 3000 true"]);
    expect(devtools.log.frames.map(({ kind }) => kind)).toEqual(["pong", "ping"]);
    expect(devtools.interruptedUntil).toBeUndefined();
  });

  it("is closed by the client", () => {
    const { open } = createLine();
    open().close();
    expect(last().closedWith).toEqual([undefined, undefined]);
  });
});

describe("an interruption", () => {
  it("drops the connection at once, and nothing passes any more", () => {
    const { devtools, told, open } = createLine();
    const socket = open();
    last().onopen?.({});
    devtools.interrupt();
    expect(devtools.interruptedUntil).toBe(7000);
    expect(told).toEqual(["open", "error", "close 1006 false", "changed"]);
    expect(socket.readyState).toBe(3);
    const inner = last();
    expect(inner.closedWith).toEqual([]);
    inner.onmessage?.({ data: "late" });
    inner.onclose?.({ code: 1000, wasClean: true });
    socket.send("unsent");
    expect(inner.sent).toEqual([]);
    expect(told).toHaveLength(4);
    expect(devtools.log.frames).toEqual([]);
  });

  it("refuses connections until it ends, and then has the client reconnect at once", () => {
    const { devtools, told, tasks, open } = createLine();
    devtools.interrupt();
    devtools.interrupt();
    open();
    expect(FakeWebSocket.opened).toHaveLength(0);
    const [mend, refuse] = tasks;
    expect([tasks.length, mend?.delayMs, refuse?.delayMs]).toEqual([2, 6000, 0]);
    refuse?.task();
    expect(told).toEqual(["changed", "error", "close 1006 false"]);
    mend?.task();
    expect(told.slice(3)).toEqual(["reconnect", "changed"]);
    expect(devtools.interruptedUntil).toBeUndefined();
    open();
    expect(FakeWebSocket.opened).toHaveLength(1);
  });
});

describe("closing", () => {
  it("from here sends a close frame on open connections, and says who closed with what", () => {
    const { devtools, open } = createLine();
    expect(devtools.closeConnections()).toBe(0);
    open();
    last().readyState = 1;
    last().onopen?.({});
    expect(devtools.closeConnections(4001, "enough")).toBe(1);
    expect(last().closedWith).toEqual([4001, "enough"]);
    last().onclose?.({ code: 4001, reason: "enough", wasClean: true });
    open();
    last().onopen?.({});
    last().onclose?.({ code: 3503, reason: "force disconnect", wasClean: true });
    open();
    last().onopen?.({});
    last().onclose?.({ code: 1006, reason: "", wasClean: false });
    const closes = devtools.log.entries.filter(({ type }) => type === "close");
    expect(closes.map(describeEntry)).toEqual([
      "closed by this page with 4001: enough",
      "closed by the server with 3503: force disconnect",
      "closed with 1006: no close frame",
    ]);
  });
});

describe("the recording WebSocket", () => {
  it("calls listeners as well as handlers", () => {
    const { devtools } = createLine();
    const socket = new devtools.webSocket("ws://here/") as unknown as WebSocket;
    const told: string[] = [];
    const listener = ({ data }: MessageEvent) => told.push(`listener ${String(data)}`);
    socket.addEventListener("message", listener);
    socket.addEventListener("message", { handleEvent: () => told.push("object") });
    socket.onmessage = () => told.push("handler");
    last().onmessage?.({ data: "1" });
    socket.removeEventListener("message", listener);
    last().onmessage?.({ data: "2" });
    expect(told).toEqual(["handler", "listener 1", "object", "handler", "object"]);
    expect([socket.url, socket.OPEN, socket.readyState]).toEqual(["ws://here/", 1, 0]);
  });

  it("tells the log of the client's delays", () => {
    const { devtools } = createLine();
    devtools.clientOptions.onReconnectDelay(700);
    expect(devtools.log.entries.map(describeEntry)).toEqual(["reconnects in 700 ms (attempt 1)"]);
  });
});
