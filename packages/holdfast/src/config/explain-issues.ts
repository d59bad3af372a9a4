/** Explains what is wrong with a configuration, in sentences that name the place, the value and what is accepted. */
import type { z } from "zod";
import { nearestOf } from "../errors.js";

type Issue = z.core.$ZodIssue;
export type Path = readonly PropertyKey[];

export interface Fault {
  readonly path: Path;
  readonly text: string;
}

/** Values at these places, and below them, are never printed. */
const secretPlaces = /(?:^|\.)(?:apiKeys|broker|secret|publicKeys)\b/;
/** An invalid value here may be a misplaced secret. */
const placesOfSecrets = /^(?:apiKeys|authenticate|broker)\b/;

export function isSecretPlace(place: string): boolean {
  return secretPlaces.test(place);
}

/** @param value the checked value */
export function explainIssues(issues: readonly Issue[], value: unknown): readonly Fault[] {
  return issues.flatMap((issue) => explain(issue, [], value));
}

function explain(issue: Issue, above: Path, value: unknown): readonly Fault[] {
  const path = [...above, ...issue.path];
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      path: [...path, key],
      text: explainUnknown(key, path, issue.message),
    }));
  if (issue.code === "invalid_union") {
    const meant = issue.errors.filter((branch) => !isOtherType(branch));
    if (meant.length === 1) return (meant[0] as Issue[]).flatMap((inner) => explain(inner, path, value));
  }
  return [
    {
      path,
      text: `${formatPath(path) || "a configuration"} must be ${issue.message}, ${describe(path, value)}`,
    },
  ];
}

/** Longer lists of names are omitted: the nearest name or the schema helps more. */
const maxListedKeys = 25;

/** @param accepted what is accepted in its place: `an object of maxEntries, maxBytes` */
function explainUnknown(key: string, path: Path, accepted: string): string {
  const names = accepted.replace("an object of ", "").split(", ");
  const nearest = nearestOf(key, names);
  const unknown = `unknown option ${formatPath([...path, key])}`;
  if (nearest !== undefined) return `${unknown} (did you mean ${formatPath([...path, nearest])}?)`;
  if (names.length > maxListedKeys) return `${unknown}; holdfast config --schema lists the known ones`;
  return `${unknown}; ${formatPath(path) || "a configuration"} is ${accepted}`;
}

/** Whether one of several shapes was not meant, since its type differs. */
function isOtherType(issues: readonly Issue[]): boolean {
  return issues.some(({ code, path }) => path.length === 0 && code !== "unrecognized_keys");
}

function describe(path: Path, value: unknown): string {
  const given = path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
  if (given === undefined) return "but is missing";
  if (given === null) return "but is null";
  const place = formatPath(path);
  if (isSecretPlace(place) || placesOfSecrets.test(place)) return `but is ${kindOf(given)}`;
  if (typeof given === "function") return "but is a function";
  const text = JSON.stringify(given);
  return `but is ${text.length > 80 ? `${text.slice(0, 77)}…` : text}`;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  return typeof value === "string" ? "a string" : `a ${typeof value}`;
}

/** `channels["chat:{room}"].history.ttl` */
export function formatPath(path: Path): string {
  return path
    .map((key, index) => {
      if (typeof key === "number") return `[${key}]`;
      const name = String(key);
      if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `[${JSON.stringify(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join("");
}
