/** What is left where the handle of zlib's streams is not as expected: everything but context takeover. */
import { randomBytes } from "node:crypto";
import type * as NodeZlib from "node:zlib";
import { deflateRawSync } from "node:zlib";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";

type Handle = Record<string, unknown> & { onerror: unknown };
type Stream = Record<string, unknown> & { _handle: Handle };

/** Changes to every stream that is made. */
const tamperings: readonly (readonly [name: string, tamper: (stream: Stream) => void])[] = [
  ["no handle", (stream) => Object.defineProperty(stream, "_handle", { value: undefined })],
  ["no writeSync", ({ _handle }) => Object.defineProperty(_handle, "writeSync", { value: undefined })],
  [
    "a writeSync that throws",
    ({ _handle }) =>
      Object.defineProperty(_handle, "writeSync", {
        value: () => {
          throw new TypeError("Illegal invocation");
        },
      }),
  ],
  [
    "a writeSync that does nothing",
    ({ _handle }) => Object.defineProperty(_handle, "writeSync", { value: () => {} }),
  ],
  ["no write state", (stream) => Object.defineProperty(stream, "_writeState", { value: undefined })],
  [
    "a write state that does not change",
    (stream) => Object.defineProperty(stream, "_writeState", { value: new Uint32Array(2) }),
  ],
  ["a reset that does nothing", (stream) => Object.defineProperty(stream, "reset", { value: () => {} })],
  [
    "errors that are not reported",
    ({ _handle }) => Object.defineProperty(_handle, "onerror", { set: () => {}, get: () => () => {} }),
  ],
];

/** The engine and its tests' support, loaded anew with streams that are tampered with. */
async function loadWith(tamper: (stream: Stream) => void) {
  vi.resetModules();
  vi.doMock("node:zlib", async (importActual) => {
    const actual = await importActual<typeof NodeZlib>();
    const tampered =
      (create: typeof actual.createDeflateRaw | typeof actual.createInflateRaw) =>
      (options: NodeZlib.ZlibOptions) => {
        const stream = create(options) as unknown as Stream;
        tamper(stream);
        return stream;
      };
    return {
      ...actual,
      createDeflateRaw: tampered(actual.createDeflateRaw),
      createInflateRaw: tampered(actual.createInflateRaw),
    };
  });
  const engine = await import("../../src/websocket.js");
  const { canKeepContext } = await import("../../src/websocket/deflate.js");
  const support = await import("../../../../test/conformance/websocket/support/deflate.js");
  const { parseFrames } = await import("../../../../test/conformance/websocket/support/frame-parser.js");
  const { inflate } = await import("../../../../test/conformance/websocket/support/inflate-oracle.js");
  return { ...engine, ...support, canKeepContext, parseFrames, inflate };
}

afterEach(() => {
  vi.doUnmock("node:zlib");
  vi.resetModules();
});

describe("zlib's handle", () => {
  it("can keep a context as it is in this version of Node.js", async () => {
    expect((await loadWith(() => {})).canKeepContext()).toBe(true);
  });

  it("leaves no error behind from its trial", async () => {
    const warnings = vi.spyOn(process, "emitWarning");
    (await loadWith(() => {})).canKeepContext();
    expect(warnings).not.toHaveBeenCalled();
    warnings.mockRestore();
  });
});

describe.each(tamperings)("zlib's streams with %s", (_name, tamper) => {
  let loaded: Awaited<ReturnType<typeof loadWith>>;

  beforeAll(async () => {
    loaded = await loadWith(tamper);
  });

  it("cannot keep a context", () => {
    expect(loaded.canKeepContext()).toBe(false);
  });

  it("still serve messages without context takeover, of all windows and both ways", () => {
    const { WebSocketConnection, agreed, tail, parseFrames, inflate } = loaded;
    for (const bits of [8, 15]) {
      const deflate = agreed(false, bits);
      const server = new WebSocketConnection("server", {}, deflate);
      const client = new WebSocketConnection("client", {}, deflate);
      const compressible = Buffer.from("position value side order ".repeat(400));
      for (const [from, to] of [
        [server, client],
        [client, server],
      ] as const)
        for (const message of [
          compressible,
          randomBytes(3000),
          compressible,
          Buffer.alloc(0),
          Buffer.alloc(70_000),
        ]) {
          const bytes = from.encode(message);
          const [frame] = parseFrames(bytes, from.role, true);
          if (frame?.isCompressed) {
            const { output, maxDistance } = inflate(Buffer.concat([frame.payload, tail]));
            expect(output.equals(message)).toBe(true);
            expect(maxDistance).toBeLessThanOrEqual(2 ** bits);
          }
          const [event] = to.receive(bytes);
          expect(event?.type === "binary" && message.equals(event.data)).toBe(true);
        }
    }
  });

  it("still compress", () => {
    const { WebSocketConnection, agreed, parseFrames } = loaded;
    const server = new WebSocketConnection("server", {}, agreed(false));
    const [frame] = parseFrames(server.encode(Buffer.alloc(5000, "x")), "server", true);
    expect(frame?.isCompressed).toBe(true);
    expect(frame?.payload.length).toBeLessThan(100);
  });

  it("still expand the examples of RFC 7692 §7.2.3", () => {
    const { WebSocketConnection, agreed, compressedPeerOf, fromHex } = loaded;
    const client = new WebSocketConnection("client", {}, agreed(false));
    for (const hex of [
      "f2 48 cd c9 c9 07 00",
      "00 05 00 fa ff 48 65 6c 6c 6f 00",
      "f3 48 cd c9 c9 07 00 00",
      "f3 48 cd c9 c9 07 00",
      "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
    ])
      for (let i = 0; i < 2; i++) {
        const events = client.receive(compressedPeerOf("client").text(fromHex(hex)));
        expect(events).toEqual([{ type: "text", text: "Hello" }]);
      }
    const twice = client.receive(
      compressedPeerOf("client").text(fromHex("f3 48 cd c9 c9 07 00 f2 00 11 00 00")),
    );
    expect(twice).toEqual([{ type: "text", text: "HelloHello" }]);
  });

  it.each([
    ["faulty data", 1002, "ff ff"],
    ["data that is cut off", 1002, "f2 48 cd"],
    ["no data", 1002, ""],
    ["a match before all output", 1002, "f2 00 11 00 00"],
    ["faulty data behind a block with BFINAL", 1002, "f3 48 cd c9 c9 07 00 ff ff"],
    ["hundreds of blocks with BFINAL", 1002, "03 00 ".repeat(300)],
  ])("still refuse %s with %i", (_fault, code, hex) => {
    const { WebSocketConnection, agreed, compressedPeerOf, fromHex } = loaded;
    const receive = (bytes: Uint8Array) =>
      new WebSocketConnection("client", {}, agreed(false)).receive(compressedPeerOf("client").text(bytes));
    expect(receive(fromHex(hex))).toMatchObject([{ type: "fault", code }]);
    expect(receive(fromHex("f2 48 cd c9 c9 07 00"))).toEqual([{ type: "text", text: "Hello" }]);
  });

  it("still hold messages to their bound, exactly", () => {
    const { WebSocketConnection, agreed, compressedPeerOf } = loaded;
    const receive = (length: number) =>
      new WebSocketConnection("client", { maxMessageBytes: 1000 }, agreed(false)).receive(
        compressedPeerOf("client").binary(deflateRawSync(Buffer.alloc(length))),
      );
    expect(receive(1000)).toEqual([{ type: "binary", data: new Uint8Array(1000) }]);
    for (const length of [1001, 1002, 1_000_000])
      expect(receive(length)).toMatchObject([{ type: "fault", code: 1009 }]);
  });
});
