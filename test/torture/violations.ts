/** The promises that a torture run is held against, and how a broken one is reported. */

export const promises = {
  lost: "acknowledged publications lost",
  duplicate: "duplicates",
  disorder: "out of order",
  gap: "undetected gaps",
  behind: "readers that never got to the end",
  conflict: "different data at one position",
  key: "keys with more than one effect",
  vanished: "delivered, and gone from the log",
  outside: "delivered outside a subscription",
  needless: "told of a loss without need",
  epoch: "epochs without a reason",
  invented: "publications that nobody sent",
  value: "values of a map that are not those of its log",
  changed: "logs changed by a restart",
  differs: "logs that differ from node to node",
  presence: "lists of clients that are wrong",
  turns: "joins and leaves that do not alternate",
  run: "failures of the run itself",
} as const;

export type PromiseName = keyof typeof promises;

export interface Violation {
  readonly promise: PromiseName;
  /** Where: a channel, or a reader of one. */
  readonly where: string;
  readonly text: string;
}

/** How often each promise was broken, all of them named. */
export function countByPromise(violations: readonly Violation[]): Map<PromiseName, number> {
  const counts = new Map((Object.keys(promises) as PromiseName[]).map((name) => [name, 0]));
  for (const { promise } of violations) counts.set(promise, (counts.get(promise) ?? 0) + 1);
  return counts;
}
