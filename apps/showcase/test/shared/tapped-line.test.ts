import { describe, expect, it } from "vitest";
import { TappedLine } from "../../shared/line/page-line.js";

/** A browser's WebSocket, played by hand. */
class FakeWebSocket {
  static opened: FakeWebSocket[] = [];
  readyState = 0;
  readonly sent: string[] = [];
  isClosed = false;
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

  close(): void {
    this.isClosed = true;
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
  const line = new TappedLine({
    clock: () => 1000,
    later: (delayMs, task) => tasks.push({ delayMs, task }),
    webSocket: FakeWebSocket as unknown as typeof WebSocket,
    onChange: () => told.push("changed"),
    reconnect: () => told.push("reconnect"),
  });
  const open = () => {
    const socket = new line.webSocket("ws://here/") as Tapped;
    socket.onopen = () => told.push("open");
    socket.onmessage = ({ data }) => told.push(`message ${String(data)}`);
    socket.onclose = ({ code, wasClean }) => told.push(`close ${code} ${wasClean}`);
    socket.onerror = () => told.push("error");
    return socket;
  };
  return { line, told, tasks, open };
}

const last = () => FakeWebSocket.opened.at(-1) as FakeWebSocket;

describe("a whole line", () => {
  it("passes everything on, and writes it down", () => {
    const { line, told, open } = createLine();
    const socket = open();
    last().onopen?.({});
    socket.send("{}");
    last().onmessage?.({ data: "{}" });
    last().onclose?.({ code: 3000, wasClean: true });
    expect(last().sent).toEqual(["{}"]);
    expect(told).toEqual(["open", "message {}", "close 3000 true"]);
    expect(line.log.frames.map(({ kind }) => kind)).toEqual(["pong", "ping"]);
    expect(line.cutUntil).toBeUndefined();
  });

  it("lets the client close it", () => {
    const { open } = createLine();
    open().close();
    expect(last().isClosed).toBe(true);
  });
});

describe("a cut line", () => {
  it("is gone for the client at once, and nothing passes any more", () => {
    const { line, told, open } = createLine();
    const socket = open();
    last().onopen?.({});
    line.cut();
    expect(line.cutUntil).toBe(7000);
    expect(told).toEqual(["open", "error", "close 1006 false", "changed"]);
    expect(socket.readyState).toBe(3);
    const inner = last();
    expect(inner.isClosed).toBe(true);
    inner.onmessage?.({ data: "late" });
    inner.onclose?.({ code: 1000, wasClean: true });
    socket.send("unsent");
    expect(inner.sent).toEqual([]);
    expect(told).toHaveLength(4);
    expect(line.log.frames).toEqual([]);
  });

  it("lets no connection come about until it is mended, and then has the client connect at once", () => {
    const { line, told, tasks, open } = createLine();
    line.cut();
    line.cut();
    open();
    expect(FakeWebSocket.opened).toHaveLength(0);
    const [mend, refuse] = tasks;
    expect([tasks.length, mend?.delayMs, refuse?.delayMs]).toEqual([2, 6000, 0]);
    refuse?.task();
    expect(told).toEqual(["changed", "error", "close 1006 false"]);
    mend?.task();
    expect(told.slice(3)).toEqual(["reconnect", "changed"]);
    expect(line.cutUntil).toBeUndefined();
    open();
    expect(FakeWebSocket.opened).toHaveLength(1);
  });
});
