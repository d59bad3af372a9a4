/**
 * Masking (RFC 6455 §5.3): octet i of the payload is XORed with octet i mod 4 of the masking key.
 */

/**
 * Masks or unmasks in place.
 * @param bytes part of a payload; overwritten
 * @param key the masking key as it stands in the frame, first octet in the highest byte
 * @param position index of the first of these bytes within the payload
 */
export function maskInPlace(bytes: Uint8Array, key: number, position: number): void {
  // Rotate the key so that index 0 of `bytes` uses the octet it is due.
  const shift = (position & 3) * 8;
  const rotated = shift === 0 ? key : (key << shift) | (key >>> (32 - shift));
  const k0 = (rotated >>> 24) & 0xff;
  const k1 = (rotated >>> 16) & 0xff;
  const k2 = (rotated >>> 8) & 0xff;
  const k3 = rotated & 0xff;
  let index = maskWords(bytes, k0, k1, k2, k3);
  for (const end = bytes.length - 3; index < end; index += 4) {
    bytes[index] = (bytes[index] as number) ^ k0;
    bytes[index + 1] = (bytes[index + 1] as number) ^ k1;
    bytes[index + 2] = (bytes[index + 2] as number) ^ k2;
    bytes[index + 3] = (bytes[index + 3] as number) ^ k3;
  }
  if (index < bytes.length) bytes[index] = (bytes[index] as number) ^ k0;
  if (index + 1 < bytes.length) bytes[index + 1] = (bytes[index + 1] as number) ^ k1;
  if (index + 2 < bytes.length) bytes[index + 2] = (bytes[index + 2] as number) ^ k2;
}

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
/** Below this size the view over words costs more than it saves. */
const minBytesForWords = 128;

/** Masks whole 32-bit words where the bytes are aligned for it; returns how many bytes are done (a multiple of 4). */
function maskWords(bytes: Uint8Array, k0: number, k1: number, k2: number, k3: number): number {
  if (!isLittleEndian || bytes.length < minBytesForWords) return 0;
  // The word view must start at a multiple of 4 in the underlying memory; bytes before it are done singly.
  const lead = (4 - (bytes.byteOffset & 3)) & 3;
  const key = [k0, k1, k2, k3];
  for (let i = 0; i < lead; i++) bytes[i] = (bytes[i] as number) ^ (key[i] as number);
  const word =
    ((key[lead & 3] as number) |
      ((key[(lead + 1) & 3] as number) << 8) |
      ((key[(lead + 2) & 3] as number) << 16) |
      ((key[(lead + 3) & 3] as number) << 24)) >>>
    0;
  const count = (bytes.length - lead) >>> 2;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + lead, count);
  for (let i = 0; i < count; i++) words[i] = (words[i] as number) ^ word;
  // The tail must start at an index that is a multiple of 4 for the caller's key order: do the rest here.
  for (let i = lead + count * 4; i < bytes.length; i++)
    bytes[i] = (bytes[i] as number) ^ (key[i & 3] as number);
  return bytes.length;
}
