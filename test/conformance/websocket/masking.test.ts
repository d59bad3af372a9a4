/** RFC 6455 §5.1 and §5.3: clients mask every frame, servers none. */
import { describe, expect, it } from "vitest";
import { type Role, WebSocketConnection } from "../../../packages/holdfast/src/websocket/index.js";
import {
  bytesOf,
  closePayload,
  type FrameSpec,
  type MaskingKey,
  opcodes,
  peerOf,
  sampleKey,
} from "./support/frame-builder.js";
import { parseFrames } from "./support/frame-parser.js";
import { plain } from "./support/outcome.js";
import { expectEvents, expectFault, play, playOnce } from "./support/play.js";

const frames: [string, FrameSpec][] = [
  ["text", { opcode: opcodes.text, payload: "Hello" }],
  ["empty text", { opcode: opcodes.text }],
  ["binary", { opcode: opcodes.binary, payload: "Hello" }],
  ["long binary", { opcode: opcodes.binary, payload: Buffer.alloc(70_000) }],
  ["ping", { opcode: opcodes.ping, payload: "Hello" }],
  ["empty ping", { opcode: opcodes.ping }],
  ["pong", { opcode: opcodes.pong }],
  ["Close", { opcode: opcodes.close, payload: closePayload(1000) }],
  ["empty Close", { opcode: opcodes.close }],
];

describe("masking, received (RFC 6455 §5.1)", () => {
  it.each(frames)("server fails with 1002 on an unmasked frame: %s", (_name, spec) => {
    expectFault("server", [peerOf("server").frame({ ...spec, key: null })], 1002);
  });

  it.each(frames)("client fails with 1002 on a masked frame: %s", (_name, spec) => {
    expectFault("client", [peerOf("client").frame({ ...spec, key: sampleKey })], 1002);
    expectFault("client", [peerOf("client").frame({ ...spec, key: [0, 0, 0, 0] })], 1002);
  });

  it("server fails with 1002 on an unmasked fragment of a masked message", () => {
    const peer = peerOf("server");
    const rest = peer.frame({ opcode: opcodes.continuation, payload: "b", key: null });
    expectFault("server", [peer.text("a", false), rest], 1002);
  });

  it.each([
    [0, 0, 0, 0],
    [255, 255, 255, 255],
    [0, 0, 0, 1],
    [128, 0, 0, 0],
    [1, 2, 3, 4],
    [0xfe, 0xdc, 0xba, 0x98],
  ])("server unmasks with the key %i %i %i %i at every length", (...key) => {
    const peer = peerOf("server");
    for (let length = 0; length <= 40; length++) {
      const payload = bytesOf(length, (i) => i * 7);
      const frame = peer.frame({ opcode: opcodes.binary, payload, key: key as MaskingKey });
      expectEvents("server", [frame], [{ type: "binary", data: plain(payload) }]);
    }
  });

  it("server unmasks a payload that is cut in two anywhere", () => {
    const payload = bytesOf(300, (i) => i * 7);
    const frame = peerOf("server").binary(payload);
    for (let at = 1; at < frame.length; at++) {
      const { events } = playOnce("server", [frame], (total) => [at, total - at]);
      expect(events, `cut at ${at}`).toEqual([{ type: "binary", data: plain(payload) }]);
    }
  });

  it("server applies the key of each frame to that frame alone", () => {
    const peer = peerOf("server");
    const keys: MaskingKey[] = [sampleKey, [1, 2, 3, 4], [0, 0, 0, 0], [9, 8, 7, 6]];
    const parts = ["a", "bcdef", "", "gh"];
    const input = parts.map((payload, i) =>
      peer.frame({ opcode: i === 0 ? 1 : 0, payload, key: keys[i] as MaskingKey, fin: i === 3 }),
    );
    expectEvents("server", input, [{ type: "text", text: "abcdefgh" }]);
  });

  it("server reads the masked example of RFC 6455 §5.7", () => {
    const frame = Buffer.from("818537fa213d7f9f4d5158", "hex");
    expectEvents("server", [frame], [{ type: "text", text: "Hello" }]);
  });

  it("client reads the unmasked examples of RFC 6455 §5.7", () => {
    const input = ["810548656c6c6f", "010348656c", "80026c6f"].map((hex) => Buffer.from(hex, "hex"));
    const hello = { type: "text", text: "Hello" } as const;
    expectEvents("client", input, [hello, hello]);
  });
});

describe("masking, sent (RFC 6455 §5.3)", () => {
  const sendAll = (role: Role, createMaskingKey?: () => number) => {
    const connection = new WebSocketConnection(role, createMaskingKey ? { createMaskingKey } : {});
    connection.receive(peerOf(role).ping("answer me"));
    connection.sendText("text");
    connection.sendBinary(Buffer.alloc(70_000, 7));
    connection.sendFragment("text", Buffer.from("frag"), false);
    connection.sendPing(Buffer.from("ping"));
    connection.sendFragment("text", Buffer.from("ment"), true);
    connection.sendPong();
    connection.close(1000, "bye");
    return parseFrames(Buffer.concat(connection.takeOutput()), role);
  };

  it("server masks nothing", () => {
    expect(sendAll("server", () => 0x01020304).map(({ key }) => key)).toEqual(new Array(8).fill(undefined));
  });

  it("client takes a key for every frame, first octet in the highest byte", () => {
    let last = 0xfffffff0;
    const keys = sendAll("client", () => last++).map(({ key }) => key?.toString("hex"));
    expect(keys).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((digit) => `fffffff${digit}`));
  });

  it("client draws unlike keys when no source is given", () => {
    const keys = [sendAll("client"), sendAll("client")].flat().map(({ key }) => key?.toString("hex"));
    expect(new Set(keys).size).toBe(16);
  });

  it.each(["server", "client"] as const)("%s leaves the caller's bytes as they are", (role) => {
    const own = Buffer.from("some bytes of the caller");
    const before = Buffer.from(own);
    const { sent } = play(role, [
      (connection) => connection.sendBinary(own),
      (connection) => connection.sendPing(own),
      (connection) => connection.sendPong(own),
      (connection) => connection.sendFragment("binary", own, true),
    ]);
    expect(own).toEqual(before);
    expect(sent.map((frame) => "data" in frame && frame.data)).toEqual(new Array(4).fill(plain(before)));
  });
});
