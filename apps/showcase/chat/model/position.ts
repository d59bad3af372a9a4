/** A place in a channel's log: the offset of a publication within an epoch. */
export interface Position {
  epoch: string;
  offset: number;
}

export function isPosition(value: unknown): value is Position {
  if (typeof value !== "object" || value === null) return false;
  const { epoch, offset } = value as Partial<Position>;
  return typeof epoch === "string" && typeof offset === "number";
}
