/** RFC 6455 §5.2: reserved bits and reserved opcodes. Autobahn sections 3 and 4. */
import { describe, expect, it } from "vitest";
import { type Role, WebSocketConnection } from "../../../packages/holdfast/src/websocket/index.js";
import { closePayload, opcodes, peerOf } from "./support/frame-builder.js";
import { expectFault, play } from "./support/play.js";

const roles: Role[] = ["server", "client"];
const reservedBits = [1, 2, 3, 4, 5, 6, 7];
const reservedOpcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];

describe.each(roles)("reserved bits, received by a %s (RFC 6455 §5.2)", (role) => {
  const peer = peerOf(role);

  it.each(reservedBits)("fails with 1002 on a message with RSV %i", (rsv) => {
    for (const opcode of [opcodes.text, opcodes.binary])
      for (const payload of ["", "Hello", Buffer.alloc(300, "x")])
        expectFault(role, [peer.frame({ opcode, payload, rsv })], 1002);
  });

  it.each(reservedBits)("fails with 1002 on a control frame with RSV %i and does not answer it", (rsv) => {
    for (const opcode of [opcodes.ping, opcodes.pong]) {
      const { sent } = expectFault(role, [peer.frame({ opcode, payload: "Hello", rsv })], 1002);
      expect(sent).toHaveLength(1);
    }
    const payload = closePayload(1000);
    expectFault(role, [peer.frame({ opcode: opcodes.close, payload, rsv })], 1002);
  });

  it.each(reservedBits)("fails with 1002 on a fragment with RSV %i", (rsv) => {
    const first = { opcode: opcodes.text, payload: "a", fin: false };
    expectFault(role, [peer.frame({ ...first, rsv })], 1002);
    const rest = peer.frame({ opcode: opcodes.continuation, payload: "b", rsv });
    expectFault(role, [peer.frame(first), rest], 1002);
  });

  it("answers a ping that came before the faulty frame", () => {
    const { sent } = expectFault(role, [peer.ping("x"), peer.frame({ opcode: opcodes.text, rsv: 4 })], 1002);
    expect(sent.map(({ type }) => type)).toEqual(["pong", "close"]);
  });
});

describe.each(roles)("opcodes, received by a %s (RFC 6455 §5.2)", (role) => {
  const peer = peerOf(role);

  it.each(reservedOpcodes)("fails with 1002 on the reserved opcode %i", (opcode) => {
    for (const payload of ["", "Hello", Buffer.alloc(300, "x")])
      expectFault(role, [peer.frame({ opcode, payload })], 1002);
    expectFault(role, [peer.frame({ opcode, fin: false })], 1002);
  });

  it.each(reservedOpcodes)("fails with 1002 on the reserved opcode %i between fragments", (opcode) => {
    expectFault(role, [peer.text("a", false), peer.frame({ opcode, payload: "b" })], 1002);
  });

  it("takes or refuses each of the 256 first bytes as the RFC says", () => {
    for (let first = 0; first < 256; first++) {
      const opcode = first & 0x0f;
      const isControl = opcode >= 8;
      const isFinal = first >= 0x80;
      const isReserved = (first & 0x70) !== 0 || reservedOpcodes.includes(opcode);
      const isFault = isReserved || (isControl && !isFinal) || opcode === opcodes.continuation;
      const rsv = (first >> 4) & 7;
      const { events } = play(role, [peer.frame({ opcode, fin: isFinal, rsv })]);
      expect(events.map(({ type }) => type).includes("fault"), `first byte ${first}`).toBe(isFault);
    }
  });
});

describe.each(roles)("faults in a header, received by a %s (RFC 6455 §10.7)", (role) => {
  const peer = peerOf(role);
  const masked = role === "server" ? 0x80 : 0;

  it.each([
    ["a reserved bit", [0xc1]],
    ["a reserved opcode", [0x83]],
    ["a reserved control opcode", [0x8b]],
    ["a control frame that is not final", [0x09]],
    ["the wrong mask bit", [0x81, 0x80 ^ masked]],
    ["a control frame of 126 bytes", [0x89, 126 | masked]],
    ["a control frame of 127", [0x89, 127 | masked]],
  ])("%s is refused at its byte, before the rest of the header", (_name, bytes) => {
    const connection = new WebSocketConnection(role);
    const upToFault = Buffer.concat([peer.text("a"), Buffer.from(bytes.slice(0, -1))]);
    expect(connection.receive(upToFault)).toHaveLength(1);
    expect(connection.receive(Buffer.from(bytes.slice(-1)))).toMatchObject([{ type: "fault", code: 1002 }]);
  });
});
