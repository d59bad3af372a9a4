/** RFC 7692 §7.2.2: compressed messages that are broken, cut off, or no text. */
import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Role } from "../../../packages/holdfast/src/websocket/index.js";
import { agreements, compressedPeerOf, fromHex, tail } from "./support/deflate.js";
import { peerOf } from "./support/frame-builder.js";
import { expandMessage } from "./support/inflate-oracle.js";
import { expectEvents, expectFault, play } from "./support/play.js";
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
