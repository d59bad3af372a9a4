/** Settings of a run, checked: whatever comes from people or pages goes through here. */
import { HoldfastError } from "holdfast";
import { mostConnections } from "./machine.js";
import { headerKinds, type LabSettings, type LabTransport, labTransports } from "./report/index.js";

/** What a run is asked for: names of `LabSettings`, durations as numbers of milliseconds or texts such as `500ms`, `1s`, `2m`. */
export type LabInput = { readonly [K in keyof LabSettings]?: unknown };

export const defaultLabSettings: LabSettings = Object.freeze({
  transports: labTransports,
  users: 200,
  intervalMs: 1000,
  perSecond: 1,
  bytes: 100,
  durationMs: 10_000,
  delayMs: 0,
  jitterMs: 0,
  cutEveryMs: 0,
  waitMs: 25_000,
  tolerableMs: 1000,
  isTwoWay: false,
  blocked: [],
  headers: "browser",
  seed: 1,
});

type NumberName = {
  [K in keyof LabSettings]: LabSettings[K] extends number ? K : never;
}[keyof LabSettings];

interface NumberRule {
  readonly least: number;
  readonly most: number;
  readonly kind: "whole" | "any" | "duration";
  readonly isZeroAccepted?: boolean;
}

const numberRules: Readonly<Record<NumberName, NumberRule>> = {
  users: { least: 1, most: 8000, kind: "whole" },
  intervalMs: { least: 50, most: 600_000, kind: "duration" },
  perSecond: { least: 0.01, most: 10_000, kind: "any" },
  bytes: { least: 16, most: 65_536, kind: "whole" },
  durationMs: { least: 1000, most: 600_000, kind: "duration" },
  delayMs: { least: 0, most: 5000, kind: "duration" },
  jitterMs: { least: 0, most: 5000, kind: "duration" },
  cutEveryMs: { least: 200, most: 3_600_000, kind: "duration", isZeroAccepted: true },
  waitMs: { least: 500, most: 60_000, kind: "duration" },
  tolerableMs: { least: 1, most: 86_400_000, kind: "duration" },
  seed: { least: 0, most: 0xffff_ffff, kind: "whole" },
};

/** Beyond, a machine's loopback rather than a transport is measured. */
const mostBytesPerSecond = 32 * 1024 * 1024;

/**
 * @param connections that one process may open, by its limit of open files
 * @throws HF_OPTION_INVALID naming the setting, what came and what is accepted
 */
export function resolveLabSettings(input: LabInput, connections = mostConnections()): LabSettings {
  const known = Object.keys(defaultLabSettings);
  const unknown = Object.keys(input).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw invalid(unknown, `there is no setting ${unknown} of the lab; there are ${known.join(", ")}`);
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
  const { users, perSecond, bytes, durationMs, delayMs, jitterMs, transports } = settings;
  if (perSecond * bytes > mostBytesPerSecond)
    throw invalid(
      "perSecond",
      `${perSecond} messages a second of ${bytes} bytes are more than the ${mostBytesPerSecond} bytes a second that are accepted`,
    );
  if (perSecond * durationMs < 1000)
    throw invalid(
      "durationMs",
      `durationMs must be at least ${Math.ceil(1000 / perSecond)} for one message to come at ${perSecond} a second, but is ${durationMs}`,
    );
  if (jitterMs > delayMs)
    throw invalid("jitterMs", `jitterMs must not be more than delayMs (${delayMs}), but is ${jitterMs}`);
  // A user of http-stream has a second connection for its answers to pings, and a network holds both ends of each.
  const each = (transports.includes("http-stream") ? 2 : 1) * (hasNetwork(settings) ? 2 : 1);
  const most = Math.floor(connections / each);
  if (users > most)
    throw invalid(
      "users",
      `users must be at most ${Math.max(0, most)} here, but is ${users}: a process may have ${connections} connections open ` +
        `(see ulimit -n), and a user takes up to ${each}`,
    );
}

/** Whether a network is put between users and server. */
export function hasNetwork({ delayMs, cutEveryMs }: Pick<LabSettings, "delayMs" | "cutEveryMs">): boolean {
  return delayMs > 0 || cutEveryMs > 0;
}

function resolveNumber(name: string, value: unknown, rule: NumberRule): number {
  const { least, most, kind, isZeroAccepted } = rule;
  const number = kind === "duration" ? parseLabDuration(value) : toNumber(value);
  const isWithin = number !== undefined && number >= least && number <= most;
  const isAccepted = isWithin && (kind === "any" || Number.isInteger(number));
  if (isAccepted || (isZeroAccepted && number === 0)) return number;
  const what =
    kind === "whole" ? "a whole number" : kind === "any" ? "a number" : "a duration such as 500ms, 1s or 2m,";
  const unit = kind === "duration" ? " ms" : "";
  const orZero = isZeroAccepted ? ", or 0 for never" : "";
  throw invalid(
    name,
    `${name} must be ${what} from ${least} to ${most}${unit}${orZero}, but is ${JSON.stringify(value)}`,
  );
}

function toNumber(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** @returns whole milliseconds; undefined where it is no duration */
export function parseLabDuration(value: unknown): number | undefined {
  if (typeof value !== "string") return toNumber(value);
  const found = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m)?$/.exec(value.trim());
  return found ? Math.round(Number(found[1]) * (units[found[2] ?? "ms"] as number)) : undefined;
}

function resolveTransports(name: string, value: unknown, least: number): readonly LabTransport[] {
  const list =
    typeof value === "string"
      ? value
          .split(",")
          .filter(Boolean)
          .map((each) => each.trim())
      : value;
  const isRight =
    Array.isArray(list) &&
    list.length >= least &&
    list.every((each) => labTransports.includes(each)) &&
    new Set(list).size === list.length;
  if (!isRight)
    throw invalid(
      name,
      `${name} must be ${least === 0 ? "a" : "a non-empty"} list of ${labTransports.join(", ")}, each once, but is ${JSON.stringify(value)}`,
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
