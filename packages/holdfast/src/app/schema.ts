/** Checks values with schemas of any library that implements Standard Schema (https://standardschema.dev). */
import type { StandardSchemaV1 } from "@standard-schema/spec";

export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

export type SchemaResult = { readonly value: unknown } | { readonly fault: string };

const maxIssues = 3;

export function isSchema(value: unknown): value is Schema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = (value as { "~standard"?: unknown })["~standard"];
  return (
    typeof standard === "object" &&
    standard !== null &&
    typeof (standard as { validate?: unknown }).validate === "function"
  );
}

/** @param name what the value is, for the sentence that says where it is wrong */
export async function checkWith(schema: Schema, value: unknown, name: string): Promise<SchemaResult> {
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return { value: result.value };
  const texts = result.issues
    .slice(0, maxIssues)
    .map(({ message, path }) => `${name}${pathOf(path)}: ${message}`);
  const rest = result.issues.length - texts.length;
  return { fault: `${texts.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}` };
}

function pathOf(path: StandardSchemaV1.Issue["path"]): string {
  return (path ?? [])
    .map((segment) => (typeof segment === "object" ? segment.key : segment))
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("");
}
