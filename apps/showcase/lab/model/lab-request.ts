/** What a person asks the lab to measure: presets, the fields of the form, and what is wrong with their values. */
import { browserTransports, labBounds } from "../server/protocol.js";
import type { LabRequest } from "./lab.js";

export interface Preset {
  readonly name: string;
  readonly title: string;
  readonly request: LabRequest;
}

const base: LabRequest = {
  transports: browserTransports,
  users: 50,
  intervalMs: 1000,
  ratePerSecond: 0.2,
  sizeBytes: 100,
  durationMs: 15_000,
  delayMs: 0,
  jitterMs: 0,
  cutEveryMs: 0,
  maxLatencyMs: 1000,
  isTwoWay: false,
};

export const presets: readonly Preset[] = [
  {
    name: "chat",
    title: "Chat: 2 messages a second, both ways",
    request: { ...base, ratePerSecond: 2, isTwoWay: true, maxLatencyMs: 500 },
  },
  { name: "score", title: "Live score: something every 5 seconds", request: base },
  {
    name: "ticker",
    title: "Ticker: 20 changes a second",
    request: { ...base, ratePerSecond: 20, sizeBytes: 200, maxLatencyMs: 250, durationMs: 10_000 },
  },
  {
    name: "train",
    title: "On a train: 80 ms delay, and the connection breaks",
    request: {
      ...base,
      ratePerSecond: 1,
      delayMs: 80,
      jitterMs: 40,
      cutEveryMs: 5000,
      durationMs: 20_000,
      maxLatencyMs: 3000,
    },
  },
  {
    name: "report",
    title: "A report: one poll a minute is enough",
    request: { ...base, ratePerSecond: 0.1, intervalMs: 5000, maxLatencyMs: 60_000, durationMs: 20_000 },
  },
];

export interface NumberField {
  readonly name: Exclude<keyof LabRequest, "transports" | "isTwoWay">;
  readonly label: string;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** What is shown, times this, is the setting. */
  readonly factor: number;
}

export const trafficFields: readonly NumberField[] = [
  {
    name: "ratePerSecond",
    label: "Messages",
    unit: "a second",
    min: 0.05,
    max: labBounds.maxPerSecond,
    step: 0.05,
    factor: 1,
  },
  {
    name: "sizeBytes",
    label: "Size",
    unit: "bytes each",
    min: 40,
    max: labBounds.maxBytes,
    step: 1,
    factor: 1,
  },
  {
    name: "durationMs",
    label: "For",
    unit: "seconds",
    min: 3,
    max: labBounds.maxSeconds,
    step: 1,
    factor: 1000,
  },
  {
    name: "intervalMs",
    label: "Polls every",
    unit: "seconds",
    min: 0.1,
    max: 60,
    step: 0.1,
    factor: 1000,
  },
  {
    name: "maxLatencyMs",
    label: "Acceptable latency",
    unit: "seconds",
    min: 0.01,
    max: 3600,
    step: 0.01,
    factor: 1000,
  },
];

export const networkFields: readonly NumberField[] = [
  { name: "delayMs", label: "Delay, each way", unit: "ms", min: 0, max: 2000, step: 1, factor: 1 },
  { name: "jitterMs", label: "Jitter", unit: "ms", min: 0, max: 2000, step: 1, factor: 1 },
  {
    name: "cutEveryMs",
    label: "Connection breaks every (0: never)",
    unit: "seconds",
    min: 0,
    max: 60,
    step: 0.5,
    factor: 1000,
  },
];

export const usersField: NumberField = {
  name: "users",
  label: "Users",
  unit: "of each transport",
  min: 1,
  max: labBounds.maxUsers,
  step: 1,
  factor: 1,
};

/** @returns what is wrong with a value, in words; undefined where nothing is */
export function fieldProblem({ label, min, max, unit }: NumberField, shown: number): string | undefined {
  if (Number.isFinite(shown) && shown >= min && shown <= max) return undefined;
  return `${label} must be ${min} to ${max} ${unit}.`;
}

/** @returns what is wrong with all of it, in words */
export function requestProblem(request: LabRequest): string | undefined {
  for (const field of [...trafficFields, ...networkFields, usersField]) {
    const problem = fieldProblem(field, request[field.name] / field.factor);
    if (problem) return problem;
  }
  if (request.transports.length === 0) return "Choose at least one transport.";
  if (request.jitterMs > request.delayMs) return "The jitter cannot be more than the delay.";
  if (request.ratePerSecond * request.durationMs < 1000) return "That is too short for a single message.";
  return undefined;
}
