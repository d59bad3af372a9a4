/**
 * Reads what the engine sends, and holds it to RFC 6455 §5: minimal lengths, no reserved bits but RSV1
 * where permessage-deflate was agreed on, whole control frames,
 * masked from a client and unmasked from a server, nothing after a Close frame. Free of the engine's code.
 */
import type { Role } from "../../../../packages/holdfast/src/websocket.js";

export interface WireFrame {
  readonly fin: boolean;
  readonly opcode: number;
  /** RSV1, which permessage-deflate gives a meaning (RFC 7692 §6). */
  readonly isCompressed: boolean;
  /** Undefined on an unmasked frame. */
  readonly key: Buffer | undefined;
  /** Unmasked. */
  readonly payload: Buffer;
  /** Octets of the header, the masking key among them. */
  readonly headerBytes: number;
}

const knownOpcodes = [0, 1, 2, 8, 9, 10];

function assertThat(condition: boolean, message: string): void {
  if (!condition) throw new Error(`the engine sent ${message}`);
}

function readLength(bytes: Buffer): { length: number; offset: number } {
  const short = bytes.readUInt8(1) & 0x7f;
  if (short < 126) return { length: short, offset: 2 };
  if (short === 126) {
    const length = bytes.readUInt16BE(2);
    assertThat(length > 125, `${length} as a length in 16 bits`);
    return { length, offset: 4 };
  }
  const length = Number(bytes.readBigUInt64BE(2));
  assertThat(length > 0xffff, `${length} as a length in 64 bits`);
  return { length, offset: 10 };
}

function readFrame(bytes: Buffer, role: Role, canBeCompressed: boolean): WireFrame {
  assertThat(bytes.length >= 2, `half a header: ${bytes.toString("hex", 0, 2)}`);
  const first = bytes.readUInt8(0);
  const opcode = first & 0x0f;
  const fin = first >= 0x80;
  const isCompressed = canBeCompressed && (first & 0x40) !== 0;
  assertThat(!isCompressed || opcode === 1 || opcode === 2, `RSV1 on opcode ${opcode}`);
  assertThat((first & (isCompressed ? 0x30 : 0x70)) === 0, `reserved bits: ${first.toString(16)}`);
  assertThat(knownOpcodes.includes(opcode), `opcode ${opcode}`);
  const isMasked = bytes.readUInt8(1) >= 0x80;
  assertThat(isMasked === (role === "client"), `${isMasked ? "a masked" : "an unmasked"} frame as ${role}`);
  const { length, offset } = readLength(bytes);
  assertThat(opcode < 8 || (fin && length <= 125), `a control frame with FIN ${fin} and ${length} bytes`);
  const headerBytes = offset + (isMasked ? 4 : 0);
  assertThat(bytes.length >= headerBytes + length, `a frame cut off at ${bytes.length} bytes`);
  const key = isMasked ? Buffer.from(bytes.subarray(offset, headerBytes)) : undefined;
  const payload = Buffer.from(bytes.subarray(headerBytes, headerBytes + length));
  if (key) for (let i = 0; i < length; i++) payload[i] = (payload[i] as number) ^ (key[i % 4] as number);
  return { fin, opcode, isCompressed, key, payload, headerBytes };
}

/** @throws when the bytes are not a sequence of whole frames that this role may send */
export function parseFrames(bytes: Uint8Array, role: Role, canBeCompressed = false): WireFrame[] {
  const frames: WireFrame[] = [];
  let rest = Buffer.from(bytes);
  let isMessageOpen = false;
  while (rest.length > 0) {
    assertThat(frames.at(-1)?.opcode !== 8, "bytes after its Close frame");
    const frame = readFrame(rest, role, canBeCompressed);
    if (frame.opcode < 8) {
      assertThat((frame.opcode === 0) === isMessageOpen, `opcode ${frame.opcode} between fragments`);
      isMessageOpen = !frame.fin;
    }
    frames.push(frame);
    rest = rest.subarray(frame.headerBytes + frame.payload.length);
  }
  return frames;
}
