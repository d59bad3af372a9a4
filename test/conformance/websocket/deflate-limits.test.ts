/** RFC 7692 §8: compressed messages that expand too far, or cost too much on purpose. */
import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Role } from "../../../packages/holdfast/src/websocket/index.js";
import { agreements, compressedPeerOf, fromHex, tail } from "./support/deflate.js";
import { bytesOf, peerOf } from "./support/frame-builder.js";
import { plain } from "./support/outcome.js";
import { expectEvents, expectFault, type PlayOptions, playOnce, whole } from "./support/play.js";

const roles: Role[] = ["server", "client"];

const compress = (payload: Uint8Array) =>
  deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -tail.length);

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
