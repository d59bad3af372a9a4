/** Durabilities, from the weakest to the strongest. */
import type { Durability } from "../../channels/log.js";

const ranks: Readonly<Record<Durability, number>> = { memory: 0, process: 1, disk: 2 };

/** Whether the first promises less than the second. */
export function isWeaker(one: Durability, other: Durability): boolean {
  return ranks[one] < ranks[other];
}
