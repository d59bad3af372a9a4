import type { PartContext, RunningPart } from "../part.js";

export function createCanvas(_context: PartContext) {
  const running: RunningPart = { start: () => {}, stop: () => {} };
  return { running, channels: {}, rpc: {} } as const;
}
