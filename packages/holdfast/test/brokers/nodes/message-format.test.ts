import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeMessage,
  encodeMessage,
  isFault,
  MessageParts,
  maxMessageBytes,
  maxPartBytes,
  type NodeMessage,
  splitMessage,
} from "../../../src/brokers/nodes/message-format.js";
import { fuzzRuns } from "../../support/fuzz/seed.js";

const names = fc.oneof(
  fc.string(),
  fc.constantFrom("$bytes", "$$bytes", "$", "kind", "from", "toJSON", "__proto__"),
);
const { value: values } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "binary" }),
    fc.constantFrom("\ud800", "\udfff a", "\0", "\u2028"),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(names, tie("value")), { maxLength: 4 }).map(Object.fromEntries),
  ),
}));

function decode(bytes: Uint8Array): NodeMessage {
  const message = decodeMessage(bytes);
  if (isFault(message)) throw new Error(message.fault);
  return message;
}

describe("message format", () => {
  it("keeps every value exactly", () => {
    fc.assert(
      fc.property(values, fc.nat(10), (body, before) => {
        const message = { kind: "test", from: "a", body };
        const bytes = encodeMessage(message);
        // As a part of something larger.
        const all = new Uint8Array(before + bytes.length);
        all.set(bytes, before);
        expect(decode(all.subarray(before))).toStrictEqual(message);
      }),
      fuzzRuns(2000),
    );
  });

  it("takes byte arrays that have a JSON form of their own", () => {
    const body = { buffer: Buffer.from("hello"), array: new Uint8Array([1, 2]) };
    const message = decode(encodeMessage({ kind: "test", from: "a", body }));
    expect(message.body).toEqual({
      buffer: new Uint8Array(Buffer.from("hello")),
      array: new Uint8Array([1, 2]),
    });
  });

  it("gives byte arrays of their own, whatever kind the message is of", () => {
    const body = new Uint8Array([1, 2, 3]);
    const bytes = Buffer.from(encodeMessage({ kind: "test", from: "a", body }));
    const message = decode(bytes);
    bytes.fill(0);
    expect(message.body).toStrictEqual(body);
  });

  it("of another version is a fault that names it", () => {
    const bytes = encodeMessage({ kind: "test", from: "a" });
    bytes[0] = 2;
    expect(decodeMessage(bytes)).toEqual({ fault: expect.stringContaining("format 2") });
  });

  it("never throws, whatever bytes it gets", () => {
    const damaged = fc
      .tuple(values, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.nat())
      .map(([body, changes, length]) => {
        const bytes = encodeMessage({ kind: "test", from: "a", body });
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes.subarray(0, length % 3 === 0 ? length % bytes.length : bytes.length);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), damaged), (bytes) => {
        const message = decodeMessage(bytes);
        if (!isFault(message))
          expect([typeof message.kind, typeof message.from]).toEqual(["string", "string"]);
      }),
      fuzzRuns(2000),
    );
  });

  it.each([
    ["without a kind", { from: "a" }],
    ["without a sender", { kind: "test" }],
    ["that is no object", [1]],
  ])("%s is a fault", (_title, value) => {
    expect(decodeMessage(encodeMessage(value as unknown as NodeMessage))).toEqual({
      fault: expect.stringContaining("malformed"),
    });
  });
});

describe("message in parts", () => {
  const large = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);

  it("is whole again with its last part", () => {
    const bytes = large(2 * maxPartBytes + 1);
    const parts = [...splitMessage(bytes, 1, "a")];
    const collected = new MessageParts();
    const wholes = parts.map((part) => collected.add(decode(encodeMessage(part))));
    expect(wholes.slice(0, -1)).toEqual([undefined, undefined]);
    expect(Buffer.compare(wholes[2] ?? new Uint8Array(), bytes)).toBe(0);
    expect(collected.bytes).toBe(0);
  });

  it("is lost with one of its parts, and later ones are not", () => {
    const collected = new MessageParts();
    const lost = [...splitMessage(large(3 * maxPartBytes), 1, "a")];
    const later = [...splitMessage(large(2 * maxPartBytes), 2, "a")];
    const other = [...splitMessage(large(2 * maxPartBytes), 1, "b")];
    const order = [lost[0], other[0], lost[2], later[0], other[1], later[1]] as NodeMessage[];
    expect(order.map((part) => collected.add(part)?.length)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      2 * maxPartBytes,
      2 * maxPartBytes,
    ]);
    expect(collected.bytes).toBe(0);
  });

  it("takes bounded room, whatever comes", () => {
    const collected = new MessageParts();
    const part = new Uint8Array(1024 * 1024);
    for (let n = 0; n < 200; n++)
      collected.add({ kind: "part", from: `node-${n}`, id: 1, index: 0, count: 9, part });
    expect(collected.bytes).toBeLessThanOrEqual(maxMessageBytes);
    for (const strange of [{ index: -1 }, { index: "0" }, { part: "text" }, { count: null }])
      expect(
        collected.add({ kind: "part", from: "a", id: 1, index: 0, count: 1, part, ...strange }),
      ).toBeUndefined();
  });
});
