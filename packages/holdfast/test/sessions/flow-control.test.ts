import { describe, expect, it } from "vitest";
import type { Framed } from "../../src/channels/batches.js";
import { FlowControl, type TakenFrame } from "../../src/sessions/flow-control.js";
import { plainEncoding } from "../channels/support/fake-reader.js";

function framedOf(text: string): Framed {
  return { bytes: Buffer.from(text), count: 1, payload: () => text };
}

function textOf(frame: TakenFrame | undefined): string | undefined {
  return frame && Buffer.from(frame.bytes).toString();
}

describe("output of a session in a turn", () => {
  it("is empty at first and after it is taken", () => {
    const flow = new FlowControl(plainEncoding, 1000);
    expect(flow.isEmpty).toBe(true);
    expect(flow.take()).toBeUndefined();
    flow.addMessage("{}");
    flow.addFramed(framedOf("x"));
    expect(flow.isEmpty).toBe(false);
    flow.take();
    expect(flow.isEmpty).toBe(true);
    expect(flow.size).toBe(0);
    expect(flow.take()).toBeUndefined();
  });

  it("gathers messages into one frame", () => {
    const flow = new FlowControl(plainEncoding, 1000);
    flow.addMessage('{"id":1}');
    flow.addMessage('{"id":2}');
    expect(textOf(flow.take())).toBe('{"id":1}\n{"id":2}');
  });

  it("makes one frame of everything added, in order", () => {
    const flow = new FlowControl(plainEncoding, 1000);
    flow.addFramed(framedOf("a"));
    flow.addMessage("1");
    flow.addMessage("2");
    flow.addFramed(framedOf("b"));
    flow.addFramed(framedOf("c"));
    flow.addMessage("3");
    expect(textOf(flow.take())).toBe("a\n1\n2\nb\nc\n3");
    flow.addFramed(framedOf("d"));
    flow.addFramed(framedOf("e"));
    expect(textOf(flow.take())).toBe("d\ne");
  });

  it("passes framed bytes that are alone through unchanged, and says whether they are one message", () => {
    const flow = new FlowControl(plainEncoding, 1000);
    const framed = { ...framedOf("a"), payload: () => expect.unreachable() };
    flow.addFramed(framed);
    expect(flow.take()).toEqual({ bytes: framed.bytes, isHandledAtOnce: true });
    flow.addFramed({ ...framed, count: 2 });
    const several = flow.take();
    expect(several?.bytes).toBe(framed.bytes);
    expect(several?.isHandledAtOnce).toBe(false);
  });

  it("counts its bytes", () => {
    const flow = new FlowControl(plainEncoding, 1000);
    flow.addMessage("12345");
    flow.addFramed(framedOf("123"));
    flow.addMessage("12");
    expect(flow.size).toBe(10);
  });

  it("restarts after it is taken", () => {
    const flow = new FlowControl(plainEncoding, 1000);
    flow.addMessage("1");
    const first = flow.take();
    flow.addMessage("2");
    expect(textOf(flow.take())).toBe("2");
    expect(textOf(first)).toBe("1");
  });
});

describe("flow control", () => {
  it("is full after a refused write until it drains, and counts accepted bytes", () => {
    const flow = new FlowControl(plainEncoding, 1000);
    flow.addMessage("12345");
    expect(flow.isFull).toBe(false);
    flow.take();
    flow.written(3);
    expect(flow.isFull).toBe(true);
    expect(flow.takenBytes(3)).toBe(2);
    flow.drained();
    expect(flow.isFull).toBe(false);
    expect(flow.takenBytes(0)).toBe(5);
  });

  it("has no room for replies beyond the unsent limit, written or not", () => {
    const flow = new FlowControl(plainEncoding, 10);
    flow.addMessage("12345");
    expect(flow.canRunCommands(5)).toBe(true);
    expect(flow.canRunCommands(6)).toBe(false);
  });

  it("reports pause and resume of reading once each", () => {
    const flow = new FlowControl(plainEncoding, 10);
    expect([false, true, true, false, false].map((mustWait) => flow.decide(mustWait))).toEqual([
      undefined,
      "pause",
      undefined,
      "resume",
      undefined,
    ]);
    expect(flow.isReadPaused).toBe(false);
  });
});
