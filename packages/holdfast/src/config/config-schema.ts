/** The shape of a configuration, from the table of options and what describes an application. The schema for editors is the same. */
import { z } from "zod";
import { App } from "../app/define-app.js";
import { channelSchema } from "./channel-schema.js";
import { jwtSchema } from "./jwt-schema.js";
import { type ConfigOption, configOptions } from "./option-table.js";
import { choice, fields, flag, integer, secret, text } from "./shapes.js";

const apiKey = z.union([secret, fields({ key: secret, scope: choice(["read", "publish", "admin"]) })], {
  error: "a text, { env: NAME }, { file: PATH }, or { key, scope }",
});

const authenticate = z.union([z.literal("none"), fields({ jwt: jwtSchema })], {
  error: '"none", or { jwt: { … } }',
});

/** What describes an application, beside the options of the server. */
const description = {
  authenticate: authenticate.optional(),
  anonymous: flag.optional(),
  personalChannel: text("a pattern such as inbox:{user}").optional(),
  channels: z
    .record(z.string(), channelSchema, {
      error: "an object of channels by their patterns, such as chat:{room}",
    })
    .optional(),
};

const groups = groupOptions();

/** Of files that are data. */
export const dataSchema = fields({
  $schema: z.string().optional().describe("where editors find the schema of this file"),
  ...Object.fromEntries(
    [...(groups.get("") ?? [])].map((option) => [option.path, described(option).optional()]),
  ),
  ...Object.fromEntries([...groups].filter(([name]) => name !== "").map(toGroup)),
  ...description,
});

const isFunction = (value: unknown): boolean => typeof value === "function";

/** Of files that are code. */
export const codeSchema = fields({
  ...dataSchema.shape,
  app: z.custom((value) => value instanceof App, { error: "an application made by defineApp" }).optional(),
  audit: z.union([flag, z.custom(isFunction)], { error: "true, false, or a function" }).optional(),
  broker: z.custom((value) => typeof value === "object" && value !== null, { error: "a broker" }).optional(),
  onError: z.custom(isFunction, { error: "a function" }).optional(),
});

/** JSON Schema (draft 2020-12) of configurations that are data. */
export function configJsonSchema(): object {
  return z.toJSONSchema(dataSchema, { io: "input" });
}

function groupOptions(): Map<string, ConfigOption[]> {
  const found = new Map<string, ConfigOption[]>();
  for (const option of configOptions) {
    const group = option.path.includes(".") ? option.path.slice(0, option.path.indexOf(".")) : "";
    found.set(group, [...(found.get(group) ?? []), option]);
  }
  return found;
}

function toGroup([name, options]: [string, readonly ConfigOption[]]): [string, z.ZodType] {
  const shape = Object.fromEntries(
    options.map((option) => [option.path.slice(name.length + 1), described(option)]),
  );
  // One without the other would serve nothing.
  if (name === "tls")
    return [
      name,
      z.union([z.null(), fields(shape)], { error: "{ cert: FILE, key: FILE }, or null" }).optional(),
    ];
  const partial = fields(
    Object.fromEntries(Object.entries(shape).map(([key, each]) => [key, each.optional()])),
  );
  if (name !== "compression") return [name, partial.optional()];
  return [
    name,
    z.union([z.boolean(), partial], { error: "true, false, or an object of options" }).optional(),
  ];
}

function described(option: ConfigOption): z.ZodType {
  return shapeOf(option).describe(option.summary);
}

function shapeOf({ kind, path, choices = [], nullWord }: ConfigOption): z.ZodType {
  if (path === "apiKeys") return z.array(apiKey, { error: "a list of keys" });
  switch (kind) {
    case "integer":
      return z.union([integer(0), z.null()], {
        error: "a whole number, or null where the bound may be lifted",
      });
    case "boolean":
      return flag;
    case "choice":
      return choice(choices);
    case "list":
      return z.union([z.string(), z.array(z.string())], { error: "a text, or a list of texts" });
    case "path":
      if (path.startsWith("tls.")) return text("the name of a file");
      return z.union([text(), z.null()], { error: `a path, or null (${nullWord})` });
    default:
      return text();
  }
}
