import type { PartContext, RunningPart } from "../part.js";

export function createNotices(_context: PartContext) {
  const running: RunningPart = { start: () => {}, stop: () => {} };
  return { running, channels: {}, rpc: {} } as const;
}
