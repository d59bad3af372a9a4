/** What a Close frame carries (RFC 6455 §5.5.1): nothing, or a code and a reason. */
import { isUtf8 } from "node:buffer";
import { CloseCode, isSendableCloseCode, maxCloseReasonBytes } from "./close-code.js";

export type ClosePayload =
  | { readonly type: "close"; readonly code: number; readonly reason: string }
  | { readonly type: "fault"; readonly code: number; readonly reason: string };

export function parseClosePayload(payload: Uint8Array): ClosePayload {
  if (payload.length === 0) return { type: "close", code: CloseCode.noStatus, reason: "" };
  // RFC 6455 §5.5.1: if there is a body, its first two bytes are the code.
  if (payload.length === 1)
    return fault(CloseCode.protocolError, "a close frame carries one byte, which is no code");
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
