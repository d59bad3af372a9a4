/** Settings for questions that are often asked. */
import { HoldfastError } from "holdfast";
import type { LabInput } from "./settings.js";

export interface LabPreset {
  /** One line. */
  readonly description: string;
  readonly input: LabInput;
}

export const labPresets = {
  classic: {
    description: "200 users who poll every second for a message that comes every ten",
    input: { users: 200, intervalMs: 1000, perSecond: 0.1, durationMs: 20_000 },
  },
  crowd: {
    description: "5,000 users at once, and a message every ten seconds",
    input: {
      users: 5000,
      intervalMs: 1000,
      perSecond: 0.1,
      durationMs: 20_000,
      tolerableMs: 2000,
      transports: ["poll", "long-poll", "sse", "websocket"],
    },
  },
  chat: {
    description: "a busy room: 300 users, 2 messages a second, and everybody writes",
    input: { users: 300, intervalMs: 1000, perSecond: 2, bytes: 200, tolerableMs: 500, isTwoWay: true },
  },
  ticker: {
    description: "prices: 100 users, 50 messages a second, one way",
    input: { users: 100, intervalMs: 500, perSecond: 50, bytes: 150, tolerableMs: 250 },
  },
} as const satisfies Record<string, LabPreset>;

/** @throws HF_OPTION_INVALID naming those that there are */
export function labPreset(name: string): LabPreset {
  const found = (labPresets as Readonly<Record<string, LabPreset>>)[name];
  if (found && Object.hasOwn(labPresets, name)) return found;
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `there is no preset ${JSON.stringify(name)}; there are ${Object.keys(labPresets).join(", ")}`,
    { details: { option: "preset" } },
  );
}
