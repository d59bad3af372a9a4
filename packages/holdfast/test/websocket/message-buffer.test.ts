import { describe, expect, it } from "vitest";
import { bytesOf } from "../../../../test/conformance/websocket/support/frame-builder.js";
import { MessageBuffer } from "../../src/websocket/message-buffer.js";

describe("message buffer", () => {
  it("hands over all pieces in order", () => {
    const buffer = new MessageBuffer();
    const whole = bytesOf(20_000, (i) => i * 7);
    for (let at = 0, size = 0; at < whole.length; at += size++) buffer.append(whole.subarray(at, at + size));
    expect(buffer.length).toBe(whole.length);
    expect(buffer.take().equals(whole)).toBe(true);
  });

  it("is empty at first and after it was taken", () => {
    const buffer = new MessageBuffer();
    expect(buffer.take()).toHaveLength(0);
    buffer.append(Buffer.from("a"));
    expect(buffer.take().toString()).toBe("a");
    expect(buffer.length).toBe(0);
    expect(buffer.take()).toHaveLength(0);
  });

  it("copies: neither the pieces nor what comes later change what was taken", () => {
    const buffer = new MessageBuffer();
    const piece = Buffer.from("first");
    buffer.append(piece);
    piece.fill("x");
    const taken = buffer.take();
    for (let i = 0; i < 100; i++) buffer.append(Buffer.from("second"));
    expect(taken.toString()).toBe("first");
    expect(buffer.length).toBe(600);
  });

  it("takes a million single bytes without copying all of them each time", () => {
    const buffer = new MessageBuffer();
    const piece = Buffer.of(7);
    for (let i = 0; i < 1_000_000; i++) buffer.append(piece);
    expect(buffer.take()).toHaveLength(1_000_000);
  });
});
