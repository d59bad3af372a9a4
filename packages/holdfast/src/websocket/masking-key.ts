/** Masking keys: fresh and unpredictable for every frame (RFC 6455 §5.3 and §10.3). */
import { randomFillSync } from "node:crypto";

// Keys are drawn in blocks, since a call to the generator costs far more than four bytes of it.
const keyBlock = new Uint32Array(1024);
let keysUsed = keyBlock.length;

/** @returns an unsigned 32-bit integer */
export function randomMaskingKey(): number {
  if (keysUsed === keyBlock.length) {
    randomFillSync(keyBlock);
    keysUsed = 0;
  }
  return keyBlock[keysUsed++] as number;
}
