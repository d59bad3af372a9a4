/** What a person has typed in, as settings. */
import { labBounds } from "../server/protocol.js";
import type { Wish } from "./lab.js";

export interface NumberField {
  readonly name: Exclude<keyof Wish, "transports" | "isTwoWay">;
  readonly label: string;
  readonly unit: string;
  readonly least: number;
  readonly most: number;
  readonly step: number;
  /** What is shown, times this, is the setting. */
  readonly factor: number;
}

export const trafficFields: readonly NumberField[] = [
  {
    name: "perSecond",
    label: "Messages",
    unit: "a second",
    least: 0.05,
    most: labBounds.mostPerSecond,
    step: 0.05,
    factor: 1,
  },
  {
    name: "bytes",
    label: "Size",
    unit: "bytes each",
    least: 40,
    most: labBounds.mostBytes,
    step: 1,
    factor: 1,
  },
  {
    name: "durationMs",
    label: "For",
    unit: "seconds",
    least: 3,
    most: labBounds.mostSeconds,
    step: 1,
    factor: 1000,
  },
  {
    name: "intervalMs",
    label: "Polls every",
    unit: "seconds",
    least: 0.1,
    most: 60,
    step: 0.1,
    factor: 1000,
  },
  {
    name: "tolerableMs",
    label: "News may be",
    unit: "seconds old",
    least: 0.01,
    most: 3600,
    step: 0.01,
    factor: 1000,
  },
];

export const networkFields: readonly NumberField[] = [
  { name: "delayMs", label: "Delay, each way", unit: "ms", least: 0, most: 2000, step: 1, factor: 1 },
  { name: "jitterMs", label: "Give or take", unit: "ms", least: 0, most: 2000, step: 1, factor: 1 },
  {
    name: "cutEveryMs",
    label: "Line breaks every (0: never)",
    unit: "seconds",
    least: 0,
    most: 60,
    step: 0.5,
    factor: 1000,
  },
];

export const usersField: NumberField = {
  name: "users",
  label: "Users",
  unit: "of each transport",
  least: 1,
  most: labBounds.mostUsers,
  step: 1,
  factor: 1,
};

/** @returns what is wrong with a value, in words; undefined where nothing is */
export function problemOf({ label, least, most, unit }: NumberField, shown: number): string | undefined {
  if (Number.isFinite(shown) && shown >= least && shown <= most) return undefined;
  return `${label} must be ${least} to ${most} ${unit}.`;
}

/** @returns what is wrong with all of it, in words */
export function wishProblem(wish: Wish): string | undefined {
  for (const field of [...trafficFields, ...networkFields, usersField]) {
    const problem = problemOf(field, wish[field.name] / field.factor);
    if (problem) return problem;
  }
  if (wish.transports.length === 0) return "Choose at least one transport.";
  if (wish.jitterMs > wish.delayMs) return "The delay cannot vary by more than itself.";
  if (wish.perSecond * wish.durationMs < 1000) return "That is too short for one message to come.";
  return undefined;
}
