/** RFC 7692 §6: RSV1 marks a compressed message, on its first frame and nowhere else. */
import { describe, expect, it } from "vitest";
import { type Role, WebSocketConnection } from "../../../packages/holdfast/src/websocket/index.js";
import { agreed, agreements, compressedPeerOf, fromHex } from "./support/deflate.js";
import { closePayload, opcodes, peerOf } from "./support/frame-builder.js";
import { expectFault, play } from "./support/play.js";

const roles: Role[] = ["server", "client"];
const helloBytes = fromHex("f2 48 cd c9 c9 07 00");

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
