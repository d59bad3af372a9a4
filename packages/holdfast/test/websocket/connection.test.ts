/** What the caller of a connection may and may not do. What its peer may do is in test/conformance/websocket/. */
import { describe, expect, it } from "vitest";
import { peerOf } from "../../../../test/conformance/websocket/support/frame-builder.js";
import { plain, plainEvent, sentFrames } from "../../../../test/conformance/websocket/support/outcome.js";
import { HoldfastError } from "../../src/errors.js";
import { type Role, WebSocketConnection } from "../../src/websocket.js";

const roles: Role[] = ["server", "client"];

function expectThrown(call: () => void, code: string): void {
  expect(call).toThrow(HoldfastError);
  expect(call).toThrow(expect.objectContaining({ code }));
}

describe.each(roles)("connection as %s", (role) => {
  const peer = peerOf(role);
  const sends: [string, (own: WebSocketConnection) => void][] = [
    ["sendText", (own) => own.sendText("a")],
    ["sendBinary", (own) => own.sendBinary(Buffer.of(1))],
    ["sendFragment", (own) => own.sendFragment("text", Buffer.of(1), true)],
    ["sendPing", (own) => own.sendPing()],
    ["sendPong", (own) => own.sendPong()],
  ];
  const ends: [string, (own: WebSocketConnection) => void][] = [
    ["while closing", (own) => own.close(1000)],
    ["after the closing handshake", (own) => void own.receive(peer.close(1000))],
    ["after a fault of the peer", (own) => void own.receive(peer.frame({ opcode: 3 }))],
    ["after the connection was failed", (own) => own.fail(1011, "broken")],
    ["after the end of the TCP connection", (own) => own.receiveEnd()],
  ];

  it("is open at first, with nothing to send", () => {
    const own = new WebSocketConnection(role);
    expect(own).toMatchObject({ role, state: "open", closeStatus: undefined, isFinished: false });
    expect(own.takeOutput()).toEqual([]);
    expect(own.receive(Buffer.alloc(0))).toEqual([]);
  });

  it.each(ends)("refuses to send %s, and queues nothing", (_name, end) => {
    const own = new WebSocketConnection(role);
    end(own);
    own.takeOutput();
    for (const [, send] of sends) expectThrown(() => send(own), "HF_WEBSOCKET_STATE");
    expect(own.takeOutput()).toEqual([]);
  });

  it.each(ends)("close() does nothing %s", (_name, end) => {
    const own = new WebSocketConnection(role);
    end(own);
    own.takeOutput();
    const { state, closeStatus } = own;
    own.close(1001, "late");
    expect(own.takeOutput()).toEqual([]);
    expect(own).toMatchObject({ state, closeStatus });
  });

  it("refuses whole messages between fragments, and takes them again afterwards", () => {
    const own = new WebSocketConnection(role);
    own.sendFragment("binary", Buffer.of(1), false);
    expectThrown(() => own.sendText("a"), "HF_WEBSOCKET_STATE");
    expectThrown(() => own.sendBinary(Buffer.of(1)), "HF_WEBSOCKET_STATE");
    own.sendFragment("binary", Buffer.of(2), true);
    own.sendText("a");
    expect(sentFrames(own.takeOutput(), role).map(({ type }) => type)).toEqual([
      "binary",
      "continuation",
      "text",
    ]);
  });

  it("refuses pings and pongs over 125 bytes", () => {
    const own = new WebSocketConnection(role);
    for (const length of [126, 127, 65_536]) {
      expectThrown(() => own.sendPing(Buffer.alloc(length)), "HF_WEBSOCKET_ARGUMENT");
      expectThrown(() => own.sendPong(Buffer.alloc(length)), "HF_WEBSOCKET_ARGUMENT");
    }
    own.sendPing(Buffer.alloc(125));
    own.sendPong(Buffer.alloc(125));
    expect(sentFrames(own.takeOutput(), role)).toHaveLength(2);
    expect(own.state).toBe("open");
  });

  it("hands out its output once, in order", () => {
    const own = new WebSocketConnection(role);
    own.sendText("a");
    own.receive(peer.ping("b"));
    own.sendText("c");
    const data = sentFrames(own.takeOutput(), role).map((frame) => "data" in frame && frame.data);
    expect(data).toEqual(["a", "b", "c"].map(plain));
    expect(own.takeOutput()).toEqual([]);
    own.sendText("d");
    expect(sentFrames(own.takeOutput(), role)).toEqual([{ type: "text", fin: true, data: plain("d") }]);
  });

  it("keeps output from changing when the caller reuses its bytes", () => {
    const own = new WebSocketConnection(role);
    const reused = Buffer.from("0");
    for (let i = 0; i < 3; i++) {
      reused.fill(`${i}`);
      own.sendBinary(reused);
      own.sendPing(reused);
    }
    const data = sentFrames(own.takeOutput(), role).map((frame) => "data" in frame && frame.data);
    expect(data).toEqual(["0", "0", "1", "1", "2", "2"].map(plain));
  });

  it("keeps the pong from changing when the receiver of the ping writes to its data", () => {
    const own = new WebSocketConnection(role);
    const [event] = own.receive(peer.ping("ping"));
    if (event?.type === "ping") event.data.fill(0);
    expect(sentFrames(own.takeOutput(), role)).toEqual([{ type: "pong", data: plain("ping") }]);
  });

  it("delivers from memory that is part of a larger block", () => {
    const own = new WebSocketConnection(role);
    const frame = peer.binary("some bytes");
    for (let offset = 0; offset < 8; offset++) {
      const block = Buffer.alloc(frame.length + 16, 0x55);
      frame.copy(block, offset);
      const chunk = new Uint8Array(block.buffer, block.byteOffset + offset, frame.length);
      expect(own.receive(chunk).map(plainEvent)).toEqual([{ type: "binary", data: plain("some bytes") }]);
      expect(block.subarray(0, offset).every((byte) => byte === 0x55)).toBe(true);
      expect(block.subarray(offset + frame.length).every((byte) => byte === 0x55)).toBe(true);
    }
  });
});
