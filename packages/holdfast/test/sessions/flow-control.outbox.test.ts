import { describe, expect, it } from "vitest";
import type { Framed } from "../../src/channels/reader.js";
import { Outbox } from "../../src/sessions/flow-control.js";
import { plainEncoding } from "../channels/support/fake-reader.js";

function framedOf(text: string): Framed {
  return { bytes: Buffer.from(text), payload: () => text };
}

function textOf(parts: readonly Uint8Array[]): string[] {
  return parts.map((part) => Buffer.from(part).toString());
}

describe("outbox", () => {
  it("is empty at first and after it was taken from", () => {
    const outbox = new Outbox(plainEncoding);
    expect(outbox.isEmpty).toBe(true);
    expect(outbox.take()).toEqual([]);
    outbox.addMessage("{}");
    outbox.addFramed(framedOf("x"));
    expect(outbox.isEmpty).toBe(false);
    outbox.take();
    expect(outbox.isEmpty).toBe(true);
    expect(outbox.size).toBe(0);
    expect(outbox.take()).toEqual([]);
  });

  it("gathers messages into one frame", () => {
    const outbox = new Outbox(plainEncoding);
    outbox.addMessage('{"id":1}');
    outbox.addMessage('{"id":2}');
    expect(textOf(outbox.take())).toEqual(['{"id":1}\n{"id":2}']);
  });

  it("makes one frame of all that came with a message, in its order", () => {
    const outbox = new Outbox(plainEncoding);
    outbox.addFramed(framedOf("a"));
    outbox.addMessage("1");
    outbox.addMessage("2");
    outbox.addFramed(framedOf("b"));
    outbox.addFramed(framedOf("c"));
    outbox.addMessage("3");
    expect(textOf(outbox.take())).toEqual(["a\n1\n2\nb\nc\n3"]);
    outbox.addFramed(framedOf("d"));
    outbox.addFramed(framedOf("e"));
    expect(textOf(outbox.take())).toEqual(["d", "e"]);
  });

  it("passes framed bytes on as the very ones it was given", () => {
    const outbox = new Outbox(plainEncoding);
    const framed = { ...framedOf("a"), payload: () => expect.unreachable() };
    outbox.addFramed(framed);
    expect(outbox.take()[0]).toBe(framed.bytes);
  });

  it("counts its bytes", () => {
    const outbox = new Outbox(plainEncoding);
    outbox.addMessage("12345");
    outbox.addFramed(framedOf("123"));
    outbox.addMessage("12");
    expect(outbox.size).toBe(10);
  });

  it("starts anew after it was taken from", () => {
    const outbox = new Outbox(plainEncoding);
    outbox.addMessage("1");
    const first = outbox.take();
    outbox.addMessage("2");
    expect(textOf(outbox.take())).toEqual(["2"]);
    expect(textOf(first)).toEqual(["1"]);
  });
});
