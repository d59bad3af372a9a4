/**
 * Expectations about types, packages/<name>/test/types/*.test-d.ts: compiled here, since running tests does not look at types. And what the
 * compiler says where somebody misspells a name of an application.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";

const root = join(import.meta.dirname, "../..");

/** @returns the errors of the compiler, in files of the repository and in the code */
function compile(code: string, include: readonly string[] = []): readonly string[] {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache/types-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "code.ts"), code);
  const config = {
    extends: "../../tsconfig.json",
    include: ["code.ts", ...include.map((path) => `../../${path}`)],
    // What the repository's own excludes would leave out.
    exclude: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { stdout } = spawnSync(process.execPath, [compiler, "-p", folder, "--pretty", "false"], {
    encoding: "utf8",
  });
  return stdout.split("\n").filter((line) => line.includes("error TS"));
}

describe("types", () => {
  it("are what their expectations say", () => {
    const wrong = `
      import { expectTypeOf } from "vitest";
      import { channel, type ChannelDefinition } from "holdfast";
      expectTypeOf(channel<1>({})).toEqualTypeOf<ChannelDefinition<2, 2>>();
      // @ts-expect-error: this compiles
      channel({});
    `;
    const errors = compile(wrong, ["packages/*/test/types/*.test-d.ts"]);
    expect(errors.filter((line) => !line.includes("code.ts("))).toEqual([]);
    expect(errors.map((line) => line.replace(/^.*\((\d+),.*error (TS\d+).*$/, "$1 $2"))).toEqual([
      "4 TS2344",
      "5 TS2578",
    ]);
  }, 60_000);

  it("list the patterns, names and methods that there are, where one is misspelt", () => {
    const errors = compile(`
      import { connect } from "@holdfast/client";
      import { useChannel, useMap } from "@holdfast/client/react";
      import type { ChatApp } from "../../packages/client/test/support/chat-app.js";
      const client = connect<ChatApp>("http://localhost:8000");
      client.channel("chta:{room}", { room: "a" });
      client.channel("chta:lobby");
      client.rpc("nope");
      useChannel(client, "chta:lobby");
      useMap(client, "borad:chess");
    `);
    expect(errors).toHaveLength(5);
    for (const error of [...errors.slice(0, 2), ...errors.slice(3)]) expect(error).toContain('"chat:{room}"');
    expect(errors[2]).toMatch(/"add".*"whoAmI"|"whoAmI".*"add"/);
  }, 60_000);
});
