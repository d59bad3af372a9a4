import { describe, expect, it } from "vitest";
import { Outbox } from "../../src/sessions/outbox.js";
import { plainEncoding } from "../channels/support/fake-reader.js";

function textOf(parts: readonly Uint8Array[]): string[] {
  return parts.map((part) => Buffer.from(part).toString());
}

describe("outbox", () => {
  it("is empty at first and after it was taken from", () => {
    const outbox = new Outbox(plainEncoding);
    expect(outbox.isEmpty).toBe(true);
    expect(outbox.take()).toEqual([]);
    outbox.addMessage("{}");
    outbox.addBytes(Buffer.from("x"));
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

  it("keeps the order of messages and framed bytes", () => {
    const outbox = new Outbox(plainEncoding);
    outbox.addMessage("1");
    outbox.addMessage("2");
    outbox.addBytes(Buffer.from("a"));
    outbox.addBytes(Buffer.from("b"));
    outbox.addMessage("3");
    expect(textOf(outbox.take())).toEqual(["1\n2", "a", "b", "3"]);
  });

  it("passes framed bytes on as the very ones it was given", () => {
    const outbox = new Outbox(plainEncoding);
    const bytes = Buffer.from("a");
    outbox.addBytes(bytes);
    expect(outbox.take()[0]).toBe(bytes);
  });

  it("counts its bytes", () => {
    const outbox = new Outbox(plainEncoding);
    outbox.addMessage("12345");
    outbox.addBytes(Buffer.from("123"));
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
