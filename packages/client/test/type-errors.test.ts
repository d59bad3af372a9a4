/** What the compiler says of names that an application does not have. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";

const root = join(import.meta.dirname, "../../..");

it("lists the patterns, names and methods that there are", () => {
  const folder = mkdtempSync(join(root, ".cache/type-errors-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const code = `
import { connect } from "../../packages/client/src/node.js";
import { useChannel, useMap } from "../../packages/client/src/react/index.js";
import type { ChatApp } from "../../packages/client/test/support/chat-app.js";
const client = connect<ChatApp>("http://localhost:8000");
client.channel("chta:{room}", { room: "a" });
client.channel("chta:lobby");
client.rpc("nope");
useChannel(client, "chta:lobby");
useMap(client, "borad:chess");
`;
  writeFileSync(join(folder, "page.ts"), code);
  const config = { extends: "../../tsconfig.json", include: ["page.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { stdout } = spawnSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" });
  const errors = stdout.split("\n").filter((line) => line.includes(": error "));
  expect(errors).toHaveLength(5);
  for (const error of [...errors.slice(0, 2), ...errors.slice(3)]) expect(error).toContain('"chat:{room}"');
  expect(errors[2]).toMatch(/"add".*"whoAmI"|"whoAmI".*"add"/);
}, 60_000);
