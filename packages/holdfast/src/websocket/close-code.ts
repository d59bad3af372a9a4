/**
 * Close codes (RFC 6455 §7.4): which may travel in a Close frame, and the ones this engine sends itself.
 */

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
