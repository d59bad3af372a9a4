/** What a client says that it is. */
export function softwareOf({ name, version }: { readonly name?: string; readonly version?: string }): string {
  return [name, version].filter(Boolean).join(" ") || "not said";
}
