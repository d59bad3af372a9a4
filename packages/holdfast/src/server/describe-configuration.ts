/**
 * The options in force, as the console and `POST /api/config` show them: each with its value, and whether that is the default. Secrets
 * are masked, and what code has given is named. Channels of an application come with their rules.
 */
import { hostname } from "node:os";
import type { CompiledApp } from "../app/compile-app.js";
import { toDescribedChannel } from "../http/api/schemas.js";
import { type Entry, entriesOf, withoutLinks } from "../options/option.js";
import { configOnlyOptions, type ServerSettings, sections, serverOptions } from "../options/schema.js";
import { mask, maskAddress } from "../options/secrets.js";
import { version } from "./version.js";

export function describeConfiguration(settings: ServerSettings, app: CompiledApp | undefined): object {
  return {
    version,
    node: `${hostname()}:${process.pid}`,
    settings: sections.flatMap(({ heading, options }) =>
      [...entriesOf(options)]
        .filter(([path]) => isShown(path))
        .map(([path, entry]) => describeSetting(heading, path, entry, valueAt(settings, path))),
    ),
    channels: (app?.describedChannels ?? []).map(({ described: { pattern, hooks, allow }, rules }) => ({
      ...toDescribedChannel({ pattern, hooks, rules }),
      allow,
    })),
  };
}

/** Not those that only files and flags have, and not `onError`, which every server has one of its own for. */
function isShown(path: string): boolean {
  const isOfServer = !Object.hasOwn(configOnlyOptions, path) || Object.hasOwn(serverOptions, path);
  return isOfServer && path !== "onError";
}

/** A group that is switched off has no values. */
function valueAt(settings: ServerSettings, path: string): unknown {
  const [name = "", field] = path.split(".");
  const value = (settings as unknown as Readonly<Record<string, unknown>>)[name];
  if (field !== undefined) return (value as Readonly<Record<string, unknown>> | undefined)?.[field];
  const isSwitch =
    (serverOptions as Readonly<Record<string, { readonly kind: string }>>)[name]?.kind === "switched";
  return isSwitch ? value !== undefined : value;
}

function describeSetting(section: string, option: string, entry: Entry, value: unknown): object {
  return {
    option,
    section,
    value: shownValue(option, entry, value),
    is_default: isDefault(entry, value),
    doc: withoutLinks(entry.doc),
  };
}

/** Options of a group that is switched off have no value. */
function isDefault({ default: usual }: Entry, value: unknown): boolean {
  if (value === undefined || value === usual) return true;
  return typeof value !== "function" && JSON.stringify(value) === JSON.stringify(usual);
}

function shownValue(option: string, entry: Entry, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (option === "broker") return typeof value === "string" ? maskAddress(value) : "in code";
  if (option === "apiKeys") return (value as readonly unknown[]).map(shownKey);
  if (option === "tls") return mask;
  if (entry.isSecret) return mask;
  return typeof value === "function" || (typeof value === "object" && !Array.isArray(value))
    ? "in code"
    : value;
}

function shownKey(given: unknown): object {
  const { scope = "admin", name = "api" } = (typeof given === "object" ? given : {}) as Record<
    string,
    unknown
  >;
  return { key: mask, scope, name };
}
