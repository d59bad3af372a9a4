import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonCodec } from "../../src/wire/json-codec.js";

const { decode } = jsonCodec;

describe("frame", () => {
  it("holds one command", () => {
    expect(decode('{"id":1,"connect":{}}')).toEqual({
      commands: [{ id: 1, method: "connect", params: {} }],
    });
  });

  it("holds several commands, one a line, in their order", () => {
    const { commands, fault } = decode(
      '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"a"}}\n{"id":3,"subscribe":{"channel":"b"}}',
    );
    expect(fault).toBeUndefined();
    expect(commands).toMatchObject([
      { id: 1, method: "connect" },
      { id: 2, method: "subscribe", params: { channel: "a" } },
      { id: 3, method: "subscribe", params: { channel: "b" } },
    ]);
  });

  it("may end with a line feed", () => {
    expect(decode("{}\n")).toEqual({ commands: [{ method: "pong" }] });
    expect(decode("{}\n{}\n")).toEqual({ commands: [{ method: "pong" }, { method: "pong" }] });
  });

  it("may have spaces around its objects", () => {
    expect(decode(' {"id":1,\t"rpc" : {} } \r\n')).toMatchObject({ commands: [{ id: 1, method: "rpc" }] });
  });

  it.each([
    ["nothing", ""],
    ["a line feed", "\n"],
    ["two line feeds", "\n\n"],
    ["spaces", "   "],
  ])("of %s is at fault", (_name, frame) => {
    expect(decode(frame)).toEqual({ commands: [], fault: expect.stringContaining("empty line") });
  });

  it.each(["{}\n\n{}", "{}\n\n", "{}\n  \n{}"])("with a blank line is at fault there: %j", (frame) => {
    expect(decode(frame)).toEqual({
      commands: [{ method: "pong" }],
      fault: expect.stringContaining("empty line"),
    });
  });

  it("with a blank first line is at fault before any command", () => {
    expect(decode("\n{}")).toMatchObject({ commands: [] });
  });

  it.each(["hello", "{", "{}{}", "{'id':1}", '{"id":1,}', "\u0000", "{}\n{", "undefined", "NaN"])(
    "that is invalid JSON is at fault and echoes its start: %j",
    (frame) => {
      const { commands, fault } = decode(frame);
      const line = frame.split("\n").at(-1) as string;
      expect(commands).toHaveLength(frame.split("\n").length - 1);
      expect(fault).toBe(`invalid JSON: ${JSON.stringify(line)}`);
    },
  );

  it("that is invalid JSON echoes no more than a little of it", () => {
    const { fault } = decode("x".repeat(10_000));
    expect(fault?.length).toBeLessThan(100);
  });

  it.each(["[]", "[{}]", "1", "null", "true", '"text"', '[{"id":1,"connect":{}}]'])(
    "with %s instead of an object is at fault",
    (frame) => {
      expect(decode(frame)).toEqual({ commands: [], fault: "a command must be a JSON object" });
    },
  );

  it("gives the commands before a fault and none after it", () => {
    const frame = '{"id":1,"connect":{}}\n{"id":2,"rpc":{}}\n[]\n{"id":3,"rpc":{}}';
    expect(decode(frame)).toMatchObject({
      commands: [{ id: 1 }, { id: 2 }],
      fault: "a command must be a JSON object",
    });
  });

  it("may come as the bytes of its text", () => {
    const text = '{"id":1,"rpc":{"method":"ä"}}\n{"id":2,"refresh":{}}';
    expect(decode(new TextEncoder().encode(text))).toEqual(decode(text));
  });

  it.each([[[0x7b, 0xff, 0x7d]], [[0x22, 0xc3, 0x22]], [[0x22, 0xed, 0xa0, 0x80, 0x22]]])(
    "is at fault where its bytes are no UTF-8: %j",
    (bytes) => {
      expect(decode(Uint8Array.from(bytes))).toEqual({ commands: [], fault: "JSON commands must be UTF-8" });
    },
  );

  it("is at fault with a byte order mark, as text and as bytes", () => {
    const text = "\ufeff{}";
    expect(decode(text)).toMatchObject({ commands: [], fault: expect.stringContaining("invalid JSON") });
    expect(decode(new TextEncoder().encode(text))).toEqual(decode(text));
  });
});

describe("envelope of commands", () => {
  const { decodeEnvelope } = jsonCodec;
  const text = JSON.stringify({ session: "s", node: "n", data: '{"id":1}' });

  it("has session, node and commands, as text and as its bytes", () => {
    const envelope = { session: "s", node: "n", data: '{"id":1}' };
    expect(decodeEnvelope(text)).toEqual(envelope);
    expect(decodeEnvelope(Buffer.from(text))).toEqual(envelope);
  });

  it("has halves of surrogate pairs as escapes", () => {
    expect(decodeEnvelope('{"session":"s","node":"n","data":"\\"\\ud83d\\""}')?.data).toBe('"\\ud83d"');
  });

  it.each(["", "null", "[]", '{"session":"s","node":"n"}', '{"session":"s","node":1,"data":"{}"}', "{"])(
    "is none: %s",
    (other) => {
      expect(decodeEnvelope(other)).toBeUndefined();
    },
  );

  it("is none if it is not UTF-8", () => {
    expect(decodeEnvelope(Uint8Array.of(0xff))).toBeUndefined();
  });
});

describe("decoding whatever a peer may send", () => {
  const jsonLike = fc.oneof(
    fc.json({ maxDepth: 4 }),
    fc
      .record(
        {
          id: fc.anything(),
          connect: fc.anything(),
          subscribe: fc.anything(),
          publish: fc.anything(),
          history: fc.anything(),
          unknown: fc.anything(),
        },
        { requiredKeys: [] },
      )
      .map((value) => {
        try {
          return JSON.stringify(value) ?? "";
        } catch {
          return "{}";
        }
      }),
    fc.string({ unit: "binary" }),
  );

  function expectSense(frame: string): void {
    const { commands, fault } = decode(frame);
    expect(commands.length + (fault === undefined ? 0 : 1)).toBeGreaterThan(0);
    if (fault !== undefined) expect(fault).toMatch(/[^.]$/);
    for (const command of commands) expect(typeof command.method).toBe("string");
  }

  it("never throws on any text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), expectSense), { numRuns: 1000 });
  });

  it("never throws on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (frame) => {
        expect(decode(frame).fault).toBeDefined();
      }),
    );
  });

  it("never throws on lines that look like commands", () => {
    const frame = fc.array(jsonLike, { minLength: 1, maxLength: 4 }).map((lines) => lines.join("\n"));
    fc.assert(fc.property(frame, expectSense), { numRuns: 1000 });
  });

  it.each([
    ["arrays", "[", "]"],
    ["objects", '{"a":', "}"],
  ])("does not throw on %s nested as deep as a message can be", (_name, open, close) => {
    const depth = Math.floor(65_000 / (open.length + close.length));
    const nested = `${open.repeat(depth)}${open === "[" ? "" : "1"}${close.repeat(depth)}`;
    for (const line of [
      nested,
      `{"id":1,"connect":{"data":${nested}}}`,
      `{"id":1,"publish":{"channel":"c","data":${nested}}}`,
    ])
      expect(() => decode(line)).not.toThrow();
  });
});

describe("JSON that is nested deeply", () => {
  const nested = (levels: number) =>
    // The command and its parameters are two levels themselves.
    `{"id":1,"publish":{"channel":"a","data":${"[".repeat(levels - 2)}${"]".repeat(levels - 2)}}}`;

  it("is taken up to 256 levels, and refused from there on", () => {
    expect(jsonCodec.decode(nested(256))).toMatchObject({ commands: [{ method: "publish" }] });
    const fault = "JSON is nested deeper than 256 levels";
    for (const levels of [257, 5000, 30_000])
      expect(jsonCodec.decode(nested(levels))).toEqual({ commands: [], fault });
  });

  it("may be wide instead", () => {
    const data = JSON.stringify(Array.from({ length: 5000 }, (_, i) => ({ i })));
    expect(jsonCodec.decode(`{"id":1,"publish":{"channel":"a","data":${data}}}`)).toMatchObject({
      commands: [{ params: { data } }],
    });
  });
});
