/** Settings of a run: defaults, checks for whatever comes from a person or a page, and presets for common questions. */
import { HoldfastError } from "holdfast";
import { maxConnections } from "./node/machine.js";
import {
  defaultLabSettings,
  headerKinds,
  type LabSettings,
  type LabTransport,
  labTransports,
} from "./report/index.js";

/** `LabSettings` before they are checked. Durations are numbers of milliseconds or strings such as `500ms`, `1s`, `2m`. */
export type LabInput = { readonly [K in keyof LabSettings]?: unknown };

type NumberName = {
  [K in keyof LabSettings]: LabSettings[K] extends number ? K : never;
}[keyof LabSettings];

interface NumberRule {
  readonly min: number;
  readonly max: number;
  readonly kind: "whole" | "any" | "duration";
  readonly allowsZero?: boolean;
}

const numberRules: Readonly<Record<NumberName, NumberRule>> = {
  users: { min: 1, max: 8000, kind: "whole" },
  intervalMs: { min: 50, max: 600_000, kind: "duration" },
  ratePerSecond: { min: 0.01, max: 10_000, kind: "any" },
  sizeBytes: { min: 16, max: 65_536, kind: "whole" },
  durationMs: { min: 1000, max: 600_000, kind: "duration" },
  delayMs: { min: 0, max: 5000, kind: "duration" },
  jitterMs: { min: 0, max: 5000, kind: "duration" },
  cutEveryMs: { min: 200, max: 3_600_000, kind: "duration", allowsZero: true },
  waitMs: { min: 500, max: 60_000, kind: "duration" },
  maxLatencyMs: { min: 1, max: 86_400_000, kind: "duration" },
  seed: { min: 0, max: 0xffff_ffff, kind: "whole" },
};

/** Beyond this, the loopback interface is measured rather than a transport. */
const maxBytesPerSecond = 32 * 1024 * 1024;

/**
 * @param connections that one process may open, by its limit of open files
 * @throws HF_OPTION_INVALID naming the setting, what came and what is accepted
 */
export function resolveLabSettings(input: LabInput, connections = maxConnections()): LabSettings {
  const known = Object.keys(defaultLabSettings);
  const unknown = Object.keys(input).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw invalid(unknown, `unknown setting ${unknown}; the lab accepts ${known.join(", ")}`);
  const numbers = Object.fromEntries(
    Object.entries(numberRules).map(([name, rule]) => [
      name,
      resolveNumber(name, input[name as NumberName] ?? defaultLabSettings[name as NumberName], rule),
    ]),
  ) as unknown as Pick<LabSettings, NumberName>;
  const settings: LabSettings = {
    ...numbers,
    transports: resolveTransports("transports", input.transports ?? labTransports, 1),
    blocked: resolveTransports("blocked", input.blocked ?? [], 0),
    isTwoWay: resolveBoolean("isTwoWay", input.isTwoWay ?? false),
    headers: resolveChoice("headers", input.headers ?? defaultLabSettings.headers, headerKinds),
  };
  checkTogether(settings, connections);
  return settings;
}

function checkTogether(settings: LabSettings, connections: number): void {
  const { users, ratePerSecond, sizeBytes, durationMs, delayMs, jitterMs, transports } = settings;
  if (ratePerSecond * sizeBytes > maxBytesPerSecond)
    throw invalid(
      "ratePerSecond",
      `${ratePerSecond} messages a second of ${sizeBytes} bytes exceed the maximum of ${maxBytesPerSecond} bytes a second`,
    );
  if (ratePerSecond * durationMs < 1000)
    throw invalid(
      "durationMs",
      `durationMs must be at least ${Math.ceil(1000 / ratePerSecond)} for one message at ${ratePerSecond} a second, but is ${durationMs}`,
    );
  if (jitterMs > delayMs)
    throw invalid("jitterMs", `jitterMs must not be more than delayMs (${delayMs}), but is ${jitterMs}`);
  // A user of http-stream answers pings over a second connection, and a simulated network holds both ends of each.
  const each = (transports.includes("http-stream") ? 2 : 1) * (hasNetwork(settings) ? 2 : 1);
  const max = Math.floor(connections / each);
  if (users > max)
    throw invalid(
      "users",
      `users must be at most ${Math.max(0, max)} here, but is ${users}: a process may have ${connections} connections open ` +
        `(see ulimit -n), and a user takes up to ${each}`,
    );
}

/** Whether a network is simulated between users and server. */
export function hasNetwork({ delayMs, cutEveryMs }: Pick<LabSettings, "delayMs" | "cutEveryMs">): boolean {
  return delayMs > 0 || cutEveryMs > 0;
}

function resolveNumber(name: string, value: unknown, rule: NumberRule): number {
  const { min, max, kind, allowsZero } = rule;
  const number = kind === "duration" ? parseLabDuration(value) : toNumber(value);
  const isWithin = number !== undefined && number >= min && number <= max;
  const isAccepted = isWithin && (kind === "any" || Number.isInteger(number));
  if (isAccepted || (allowsZero && number === 0)) return number;
  const what =
    kind === "whole" ? "a whole number" : kind === "any" ? "a number" : "a duration such as 500ms, 1s or 2m,";
  const unit = kind === "duration" ? " ms" : "";
  const orZero = allowsZero ? ", or 0 for never" : "";
  throw invalid(
    name,
    `${name} must be ${what} from ${min} to ${max}${unit}${orZero}, but is ${JSON.stringify(value)}`,
  );
}

function toNumber(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** @returns whole milliseconds; undefined for an invalid duration */
export function parseLabDuration(value: unknown): number | undefined {
  if (typeof value !== "string") return toNumber(value);
  const found = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m)?$/.exec(value.trim());
  return found ? Math.round(Number(found[1]) * (units[found[2] ?? "ms"] as number)) : undefined;
}

function resolveTransports(name: string, value: unknown, min: number): readonly LabTransport[] {
  const list =
    typeof value === "string"
      ? value
          .split(",")
          .filter(Boolean)
          .map((each) => each.trim())
      : value;
  const isValid =
    Array.isArray(list) &&
    list.length >= min &&
    list.every((each) => labTransports.includes(each)) &&
    new Set(list).size === list.length;
  if (!isValid)
    throw invalid(
      name,
      `${name} must be ${min === 0 ? "a" : "a non-empty"} list of ${labTransports.join(", ")}, each once, but is ${JSON.stringify(value)}`,
    );
  return labTransports.filter((each) => list.includes(each));
}

function resolveBoolean(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw invalid(name, `${name} must be true or false, but is ${JSON.stringify(value)}`);
}

function resolveChoice<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  const found = choices.find((each) => each === value);
  if (found === undefined)
    throw invalid(name, `${name} must be ${choices.join(" or ")}, but is ${JSON.stringify(value)}`);
  return found;
}

function invalid(option: string, message: string): HoldfastError {
  return new HoldfastError("HF_OPTION_INVALID", message, { details: { option } });
}

export interface LabPreset {
  /** One line. */
  readonly description: string;
  readonly input: LabInput;
}

export const labPresets = {
  classic: {
    description: "200 users who poll every second for a message that comes every ten",
    input: { users: 200, intervalMs: 1000, ratePerSecond: 0.1, durationMs: 20_000 },
  },
  crowd: {
    description: "5,000 users at once, and a message every ten seconds",
    input: {
      users: 5000,
      intervalMs: 1000,
      ratePerSecond: 0.1,
      durationMs: 20_000,
      maxLatencyMs: 2000,
      transports: ["poll", "long-poll", "sse", "websocket"],
    },
  },
  chat: {
    description: "a busy room: 300 users, 2 messages a second, and everybody writes",
    input: {
      users: 300,
      intervalMs: 1000,
      ratePerSecond: 2,
      sizeBytes: 200,
      maxLatencyMs: 500,
      isTwoWay: true,
    },
  },
  ticker: {
    description: "prices: 100 users, 50 messages a second, one way",
    input: { users: 100, intervalMs: 500, ratePerSecond: 50, sizeBytes: 150, maxLatencyMs: 250 },
  },
} as const satisfies Record<string, LabPreset>;

/** @throws HF_OPTION_INVALID naming the presets */
export function labPreset(name: string): LabPreset {
  const found = (labPresets as Readonly<Record<string, LabPreset>>)[name];
  if (found && Object.hasOwn(labPresets, name)) return found;
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `unknown preset ${JSON.stringify(name)}; available presets are ${Object.keys(labPresets).join(", ")}`,
    { details: { option: "preset" } },
  );
}
