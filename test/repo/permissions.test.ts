/** The reference of permissions is what the code says; test/integration/permissions.test.ts asks a running server. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commandHandlers } from "../../packages/holdfast/src/sessions/commands.js";
import { createPermissionsPage, operations } from "./permissions-page.js";

const page = join(import.meta.dirname, "../../docs/reference/permissions.md");

describe("reference of permissions", () => {
  it("is what the code says (-u writes it anew)", async () => {
    await expect(createPermissionsPage()).toMatchFileSnapshot(page);
  });

  it("has a row for every command, and no other", () => {
    expect(Object.keys(operations).sort()).toEqual([...Object.keys(commandHandlers), "send"].sort());
  });
});
