/** Ids of epochs for every broker: random, and long enough never to repeat. */
import { randomBytes } from "node:crypto";

/** With 96 bits, the chance that two of a billion epochs are equal is one in 10¹¹. */
const epochBytes = 12;

export function createEpoch(): string {
  return randomBytes(epochBytes).toString("base64url");
}
