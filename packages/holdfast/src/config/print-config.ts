/** The effective options as rows: value and source. Secrets are masked. */
import { isSecretPlace } from "./explain-issues.js";
import type { Configuration } from "./load-config.js";
import { isReference } from "./secrets.js";
import type { Source } from "./settings.js";

export interface ConfigRow {
  readonly option: string;
  readonly value: unknown;
  readonly source: Source;
}

export const mask = "********";

const ofApp = ["authenticate", "anonymous", "personalChannel", "channels", "app", "onError"];

/** Options of the server in their order, then the description of the application. */
export function configRows({ settings, config }: Configuration): readonly ConfigRow[] {
  const options = [...settings.values()].map(({ option, value, source }) => ({
    option: option.path,
    value: masked(option.path, value),
    source,
  }));
  if (config === undefined) return options;
  const source: Source = { kind: "file", name: config.name };
  const described = ofApp
    .filter((name) => config.value[name] !== undefined)
    .flatMap((name) => leavesOf(name, config.value[name]))
    .map(([option, value]) => ({ option, value: masked(option, value), source }));
  return [...options, ...described];
}

/** One line each, in columns. */
export function formatRows(rows: readonly ConfigRow[]): string {
  const cells = rows.map(({ option, value, source }) => [option, formatValue(value), formatSource(source)]);
  // One long value must not push the other sources out of view.
  const most = [80, 40];
  const widths = most.map((width, column) =>
    Math.min(width, Math.max(...cells.map((row) => (row[column] as string).length))),
  );
  return cells
    .map(([option = "", value = "", source = ""]) =>
      `${option.padEnd(widths[0] as number)}  ${value.padEnd(widths[1] as number)}  ${source}`.trimEnd(),
    )
    .join("\n");
}

function formatValue(value: unknown): string {
  if (typeof value === "function") return "in code";
  if (value === undefined) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function formatSource(source: Source): string {
  return source.kind === "default" ? "default" : source.name;
}

function leavesOf(path: string, value: unknown): readonly (readonly [string, unknown])[] {
  if (["app", "onError"].includes(path)) return [[path, "in code"]];
  if (typeof value !== "object" || value === null || Array.isArray(value) || isReference(value))
    return [[path, value]];
  return Object.entries(value).flatMap(([name, each]) =>
    leavesOf(/^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`, each),
  );
}

function masked(place: string, value: unknown): unknown {
  if (place === "broker")
    return typeof value === "string" ? value.replace(/\/\/.*@/, `//${mask}@`) : value && "in code";
  return isSecretPlace(place) ? maskAll(value) : value;
}

/** Names of variables and files are not secrets, and neither are scopes. */
function maskAll(value: unknown): unknown {
  if (typeof value === "string") return mask;
  if (Array.isArray(value)) return value.map(maskAll);
  if (typeof value !== "object" || value === null || isReference(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, name === "scope" ? each : maskAll(each)]),
  );
}
