import { describe, expect, it } from "vitest";
import { encodeFrame } from "../../../holdfast/src/websocket/frame.js";
import { frameHeader } from "../../src/devtools/frame-header.js";

const toBits = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");

describe("frame header (RFC 6455 §5.2)", () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])(
    "is what the engine writes for %d bytes",
    (bytes) => {
      for (const direction of ["sent", "received"] as const)
        for (const opcode of [1, 2] as const) {
          const { fields, bytes: headerBytes } = frameHeader({ direction, opcode, bytes });
          const isMasked = direction === "sent";
          const frame = encodeFrame(opcode, new Uint8Array(bytes), true, isMasked ? 7 : undefined);
          expect(headerBytes).toBe(frame.length - bytes);
          const known = fields
            .map((field) => field.bits)
            .join("")
            .replaceAll("·", "");
          expect(known).toBe(toBits(frame.subarray(0, headerBytes - (isMasked ? 4 : 0))));
        }
    },
  );
});
