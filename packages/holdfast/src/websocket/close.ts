/**
 * Close codes, which of them may be sent, and the payload of a Close frame (RFC 6455 §7.4 and §5.5.1).
 * connection.ts decides when it is sent and answered.
 */
import { isUtf8 } from "node:buffer";

export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  /** Never on the wire: the peer's Close frame carried no code. */
  noStatus: 1005,
  /** Never on the wire: the connection ended without a Close frame. */
  abnormal: 1006,
  invalidPayload: 1007,
  policyViolation: 1008,
  messageTooBig: 1009,
  internalError: 1011,
} as const;

/** A control frame carries at most 125 bytes (RFC 6455 §5.5), two of which are the close code. */
export const maxCloseReasonBytes = 123;

/**
 * Whether an endpoint may put the code into a Close frame.
 * RFC 6455 §7.4.1 reserves 1004, 1005, 1006 and 1015; §7.4.2 leaves 1016–2999 to future versions of the protocol
 * (1012–1014 have been registered since), 3000–3999 to libraries and 4000–4999 to applications.
 */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

export type ClosePayload =
  | { readonly type: "close"; readonly code: number; readonly reason: string }
  | { readonly type: "fault"; readonly code: number; readonly reason: string };

/** The payload of a Close frame, or what is wrong with it (RFC 6455 §5.5.1). */
export function parseClosePayload(payload: Uint8Array): ClosePayload {
  if (payload.length === 0) return { type: "close", code: CloseCode.noStatus, reason: "" };
  // RFC 6455 §5.5.1: if there is a body, its first two bytes are the code.
  if (payload.length === 1)
    return fault(CloseCode.protocolError, "a close frame has a payload of one byte, too short for a code");
  const code = ((payload[0] as number) << 8) | (payload[1] as number);
  if (!isSendableCloseCode(code)) return fault(CloseCode.protocolError, `close code ${code} may not be sent`);
  const reason = payload.subarray(2);
  if (!isUtf8(reason)) return fault(CloseCode.invalidPayload, "a close reason is not valid UTF-8");
  return { type: "close", code, reason: Buffer.from(reason).toString("utf8") };
}

function fault(code: number, reason: string): ClosePayload {
  return { type: "fault", code, reason };
}

/** As much of a reason as a Close frame can carry, in UTF-8. */
export function clipReason(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  let end = Math.min(bytes.length, maxCloseReasonBytes);
  // Step back to a character boundary: continuation bytes are 10xxxxxx.
  while (end < bytes.length && end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
