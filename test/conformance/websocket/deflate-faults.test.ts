/** Faults in compressed messages: wrong data, wrong header bits, and what expands beyond the bound. */
import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type Role, WebSocketConnection } from "../../../packages/holdfast/src/websocket.js";
import { agreed, agreements, compressedPeerOf, fromHex, tail } from "./support/deflate.js";
import { bytesOf, closePayload, opcodes, peerOf } from "./support/frame-builder.js";
import { expandMessage } from "./support/inflate-oracle.js";
import { plain } from "./support/outcome.js";
import { expectEvents, expectFault, type PlayOptions, play, playOnce, whole } from "./support/play.js";
import { invalidSamples, validSamples } from "./support/utf8-samples.js";

const roles: Role[] = ["server", "client"];
const helloBytes = fromHex("f2 48 cd c9 c9 07 00");

const compress = (payload: Uint8Array | string) =>
  deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -tail.length);

const dynamicBlock = compress(
  Array.from({ length: 25 }, (_, i) => `${i * i} and ${"abcdefghij".slice(i % 7)}`).join(),
);

describe.each(roles)("faulty compressed data, received by a %s (RFC 7692 §7.2.2)", (role) => {
  const peer = peerOf(role);
  const compressed = compressedPeerOf(role);

  describe.each(agreements)("%s", (_name, options) => {
    it.each([
      ["the reserved block type", "07 00"],
      ["the reserved block type after a message", "f2 48 cd c9 c9 07 00 00 00 ff ff 06"],
      ["a stored length without its complement", "00 05 00 fa fe 48 65 6c 6c 6f 00"],
      ["a match before all output", "f2 00 11 00 00"],
      ["codes that leave none for the end", "04 00 fe ff"],
      ["bytes that are text", "48 65 6c 6c 6f"],
      ["all ones", "ff ff ff ff"],
      ["a match cut off in a block with BFINAL", "3b 70 e0 c0"],
      ["the beginning of a block with codes of its own", "04 00"],
      ["faulty data behind a block with BFINAL", "f3 48 cd c9 c9 07 00 ff ff"],
    ])("fails with 1002 on %s", (_fault, hex) => {
      for (const bytesEach of [1, 1000])
        for (const kind of ["text", "binary"] as const)
          expectFault(role, compressed.fragments(kind, fromHex(hex), bytesEach), 1002, options);
    });

    it("fails with 1002 on no data at all", () => {
      expectFault(role, [compressed.text(Buffer.alloc(0))], 1002, options);
      const fragments = [compressed.binary(Buffer.alloc(0), false), peer.continuation("")];
      expectFault(role, fragments, 1002, options);
    });

    it.each([
      ["fixed codes", helloBytes],
      ["a stored block", fromHex("00 05 00 fa ff 48 65 6c 6c 6f 00")],
      ["a stored block with BFINAL", fromHex("01 05 00 fa ff 48 65 6c 6c 6f 00")],
      ["a block with BFINAL", fromHex("f3 48 cd c9 c9 07 00 00")],
      ["dynamic codes", dynamicBlock],
      ["dynamic codes behind another block", Buffer.concat([helloBytes, tail, dynamicBlock])],
      ["dynamic codes behind a block with BFINAL", Buffer.concat([fromHex("03 00"), dynamicBlock])],
    ])("fails with 1002 on %s, cut off at every byte", (_block, bytes) => {
      expectEvents(role, [compressed.binary(bytes)], [{ type: "binary", data: expect.any(String) }], options);
      for (let length = 0; length < bytes.length; length++) {
        const part = bytes.subarray(0, length);
        // Some cuts leave what is whole by the letter of §7.2.2, with the four bytes put behind it or without them.
        if (expandMessage(part) !== undefined) continue;
        expectFault(role, [compressed.binary(part)], 1002, options);
      }
    });

    it.each([
      ["with BFINAL", 1],
      ["without BFINAL", 0],
    ])("fails with 1002 on a stored block %s that lacks more than four bytes", (_kind, first) => {
      for (let missing = 5; missing <= 14; missing++)
        for (const payload of ["", "abc"]) {
          const length = payload.length + missing;
          const header = Buffer.of(first, length, 0, length ^ 0xff, 0xff);
          expectFault(
            role,
            [compressed.binary(Buffer.concat([header, Buffer.from(payload)]))],
            1002,
            options,
          );
        }
    });

    it("a fault on one connection does not let another refer to what it never sent", () => {
      const faulty = [compressed.text(fromHex("f3 48 cd c9 c9 07 00 ff ff"))];
      expectFault(role, faulty, 1002, options);
      const { events } = play(role, [compressed.text(fromHex("f2 00 11 00 00"))], options);
      expect(events).toMatchObject([{ type: "fault", code: 1002 }]);
    });

    it("other connections go on after a fault", () => {
      for (const hex of ["ff ff", "f3 48 cd c9 c9 07 00 ff ff", "f2 48", "f2 00 11 00 00"]) {
        expectFault(role, [compressed.text(fromHex(hex))], 1002, options);
        expectEvents(role, [compressed.text(helloBytes)], [{ type: "text", text: "Hello" }], options);
      }
    });
  });
});

describe.each(roles)("UTF-8 in compressed text, received by a %s (RFC 6455 §8.1)", (role) => {
  const compressed = compressedPeerOf(role);

  describe.each(agreements)("%s", (_name, options) => {
    it.each(invalidSamples)("fails with 1007 on %s", (_sample, hex) => {
      const bytes = compress(Buffer.from(hex, "hex"));
      expectFault(role, [compressed.text(bytes)], 1007, options);
      expectFault(role, compressed.fragments("text", bytes, 2), 1007, options);
    });

    it("fails with 1007 on a character that is cut off", () => {
      expectFault(role, [compressed.text(compress(fromHex("61 e2 82")))], 1007, options);
    });

    it("takes every valid sample, however the compressed bytes are cut", () => {
      for (const { hex, text } of validSamples) {
        const bytes = compress(Buffer.from(hex, "hex"));
        expectEvents(role, compressed.fragments("text", bytes, 1), [{ type: "text", text }], options);
      }
    });

    it("takes any bytes in a binary message", () => {
      const bytes = compress(fromHex("ff fe c0 80"));
      expectEvents(role, [compressed.binary(bytes)], [{ type: "binary", data: "fffec080" }], options);
    });
  });
});

describe.each(roles)("RSV1, received by a %s (RFC 7692 §6)", (role) => {
  const peer = peerOf(role);
  const compressed = compressedPeerOf(role);

  it("fails with 1002 where compression was not negotiated", () => {
    expectFault(role, [compressed.text(helloBytes)], 1002);
    expectFault(role, [compressed.binary(helloBytes)], 1002);
  });

  describe.each(agreements)("%s", (_name, options) => {
    it("fails with 1002 on a continuation frame of a compressed message", () => {
      for (const fin of [true, false]) {
        const rest = peer.frame({
          opcode: opcodes.continuation,
          payload: helloBytes.subarray(3),
          rsv: 4,
          fin,
        });
        expectFault(role, [compressed.text(helloBytes.subarray(0, 3), false), rest], 1002, options);
      }
    });

    it("fails with 1002 on a continuation frame of an uncompressed message", () => {
      const rest = peer.frame({ opcode: opcodes.continuation, payload: helloBytes, rsv: 4 });
      expectFault(role, [peer.text("", false), rest], 1002, options);
    });

    it("fails with 1002 on control frames, and does not answer them", () => {
      for (const opcode of [opcodes.ping, opcodes.pong, opcodes.close]) {
        const payload = opcode === opcodes.close ? closePayload(1000) : helloBytes;
        const { sent } = expectFault(role, [peer.frame({ opcode, payload, rsv: 4 })], 1002, options);
        expect(sent).toHaveLength(1);
        const inside = [compressed.text(helloBytes, false), peer.frame({ opcode, payload, rsv: 4 })];
        expectFault(role, inside, 1002, options);
      }
    });

    it.each([1, 2, 3, 5, 6, 7])("fails with 1002 on a message with RSV %i", (rsv) => {
      for (const opcode of [opcodes.text, opcodes.binary])
        for (const payload of ["", helloBytes])
          expectFault(role, [peer.frame({ opcode, payload, rsv })], 1002, options);
      const rest = peer.frame({ opcode: opcodes.continuation, rsv });
      expectFault(role, [compressed.text(helloBytes, false), rest], 1002, options);
    });

    it("takes or refuses each of the 256 first bytes as the RFC says", () => {
      for (let first = 0; first < 256; first++) {
        const opcode = first & 0x0f;
        const rsv = (first >> 4) & 7;
        const isFinal = first >= 0x80;
        const isData = opcode === opcodes.text || opcode === opcodes.binary;
        const isControl = [8, 9, 10].includes(opcode);
        const isFine = isData ? (rsv & 3) === 0 : isControl && isFinal && rsv === 0;
        const payload = isData && rsv === 4 ? helloBytes : "";
        const { events } = play(role, [peer.frame({ opcode, rsv, fin: isFinal, payload })], options);
        expect(
          events.some(({ type }) => type === "fault"),
          `first byte ${first}`,
        ).toBe(!isFine);
      }
    });
  });

  it("is refused at its byte, before the rest of the header", () => {
    const { deflate } = { deflate: agreed(false) };
    for (const first of [0xc0, 0x40, 0xc8, 0xc9, 0xca, 0xa1, 0x91, 0xe1, 0xd2]) {
      const connection = new WebSocketConnection(role, {}, deflate);
      expect(connection.receive(Buffer.of(first))).toMatchObject([{ type: "fault", code: 1002 }]);
    }
  });
});

/** Stored blocks only (RFC 1951 §3.2.4), each with BFINAL. */
function finalBlocks(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => fromHex("01 01 00 fe ff 78")));
}

describe.each(roles)("size of compressed messages, received by a %s (RFC 7692 §8)", (role) => {
  const peer = peerOf(role);
  const compressed = compressedPeerOf(role);

  describe.each(agreements)("%s", (_name, { deflate }) => {
    const options: PlayOptions = { deflate, maxMessageBytes: 1000 };

    it("takes a message that expands to exactly the bound", () => {
      const data = plain(Buffer.alloc(1000));
      const bytes = compress(Buffer.alloc(1000));
      expectEvents(role, [compressed.binary(bytes)], [{ type: "binary", data }], options);
      expectEvents(role, compressed.fragments("binary", bytes, 1), [{ type: "binary", data }], options);
    });

    it("fails with 1009 on one byte more, and on far more", () => {
      for (const length of [1001, 1002, 100_000]) {
        const bytes = compress(Buffer.alloc(length, "x"));
        expectFault(role, [compressed.text(bytes)], 1009, options);
        expectFault(role, compressed.fragments("binary", bytes, 7), 1009, options);
      }
    });

    it("counts what comes behind a block with BFINAL", () => {
      const final = (length: number) => deflateRawSync(Buffer.alloc(length, "x"));
      const pair = (first: number, second: number) =>
        compressed.binary(Buffer.concat([final(first), final(second), Buffer.of(0)]));
      const data = plain(Buffer.alloc(1000, "x"));
      expectEvents(role, [pair(600, 400)], [{ type: "binary", data }], options);
      expectFault(role, [pair(600, 401)], 1009, options);
      expectFault(role, [pair(1001, 0)], 1009, options);
    });

    it("counts each message anew", () => {
      const frame = compressed.binary(compress(Buffer.alloc(1000)));
      const event = { type: "binary", data: plain(Buffer.alloc(1000)) } as const;
      expectEvents(role, [frame, frame, frame], [event, event, event], options);
    });

    it("takes data of exactly the bound that does not shrink", () => {
      const noise = bytesOf(1000, (i) => (i * i * 31 + (i >> 3) * 77) ^ (i * 13));
      const stored = deflateRawSync(noise, { level: 0, finishFlush: constants.Z_SYNC_FLUSH });
      const frame = compressed.binary(stored.subarray(0, -tail.length));
      expectEvents(role, [frame], [{ type: "binary", data: plain(noise) }], options);
    });

    it("refuses compressed bytes far over the bound by their header", () => {
      const announcedBytes = 5000n;
      for (const spec of [
        { opcode: 2, rsv: 4, announcedBytes },
        { opcode: 2, rsv: 4, announcedBytes, fin: false },
      ])
        expectFault(role, [peer.frame(spec)], 1009, options);
    });

    it("still holds uncompressed messages to the bound by their header", () => {
      expectFault(role, [peer.frame({ opcode: 2, announcedBytes: 1001n })], 1009, options);
      expectFault(role, [peer.binary(Buffer.alloc(1000), false), peer.continuation("x")], 1009, options);
    });

    it("holds compressed frames to their own bound, by the bytes that travel", () => {
      const bytes = compress(Buffer.alloc(1000));
      const small = { ...options, maxFrameBytes: bytes.length };
      const data = plain(Buffer.alloc(1000));
      expectEvents(role, [compressed.binary(bytes)], [{ type: "binary", data }], small);
      expectFault(role, [compressed.binary(bytes)], 1009, { ...small, maxFrameBytes: bytes.length - 1 });
    });

    it("refuses a bomb of 1 GiB at once", () => {
      // Each of these compressed bytes stands for 1,032 zeros.
      const zeros = deflateRawSync(Buffer.alloc(1 << 20), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
      const bomb = compressed.binary(
        Buffer.concat([...Array.from({ length: 900 }, () => zeros), Buffer.of(0)]),
      );
      const start = process.cpuUsage();
      const { events } = playOnce(role, [bomb], whole, { deflate });
      expect(events).toMatchObject([{ type: "fault", code: 1009 }]);
      expect(process.cpuUsage(start).user).toBeLessThan(500_000);
    });
  });
});

describe.each(roles)("many blocks with BFINAL, received by a %s (RFC 7692 §7.2.3.4)", (role) => {
  const compressed = compressedPeerOf(role);

  describe.each(agreements)("%s", (_name, options) => {
    it("takes a few", () => {
      for (let count = 1; count <= 8; count++) {
        const text = "x".repeat(count);
        for (const end of [[], [0]]) {
          const bytes = Buffer.concat([finalBlocks(count), Buffer.from(end)]);
          expectEvents(role, [compressed.text(bytes)], [{ type: "text", text }], options);
        }
      }
    });

    it("fails with 1002 on hundreds", () => {
      for (const bytes of [
        finalBlocks(300),
        Buffer.concat(Array.from({ length: 300 }, () => fromHex("03 00"))),
      ])
        expectFault(role, [compressed.text(bytes)], 1002, options);
    });

    it("is quick about a message of 1 MiB of nothing else", () => {
      const frame = compressed.text(Buffer.concat(Array.from({ length: 1 << 19 }, () => fromHex("03 00"))));
      const start = process.cpuUsage();
      expect(playOnce(role, [frame], whole, options).events).toMatchObject([{ type: "fault", code: 1002 }]);
      expect(process.cpuUsage(start).user).toBeLessThan(500_000);
    });
  });
});
