import type { PartContext, RunningPart } from "../part.js";

export function createLeaderboard(_context: PartContext) {
  const running: RunningPart = { start: () => {}, stop: () => {} };
  return { running, channels: {}, rpc: {} } as const;
}
