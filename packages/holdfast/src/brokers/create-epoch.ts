/** Ids of epochs, for every broker: random, and long enough that no two of them are ever the same. */
import { randomBytes } from "node:crypto";

/** With 96 bits, a billion epochs have two that are the same with a chance of one in 10¹¹. */
const epochBytes = 12;

export function createEpoch(): string {
  return randomBytes(epochBytes).toString("base64url");
}
