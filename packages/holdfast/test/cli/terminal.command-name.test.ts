import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commandName } from "../../src/cli/terminal.js";
import { makeFolder } from "../config/config-folder.js";

/** A checkout or an installed package. */
function makePackage(at: string): string {
  mkdirSync(join(at, "bin"), { recursive: true });
  writeFileSync(join(at, "package.json"), '{ "name": "holdfast" }');
  const script = join(at, "bin/holdfast.js");
  writeFileSync(script, "");
  return script;
}

describe("the name of the command", () => {
  it("is npx holdfast in its own checkout, in folders below it too", () => {
    const folder = makeFolder();
    const script = makePackage(folder);
    expect(commandName({ script, folder })).toBe("npx holdfast");
    expect(commandName({ script, folder: join(folder, "bin") })).toBe("npx holdfast");
  });

  it("is npx holdfast where it is installed", () => {
    const folder = makeFolder({ "package.json": '{ "name": "match" }' });
    const script = makePackage(join(folder, "node_modules/holdfast"));
    mkdirSync(join(folder, "node_modules/.bin"));
    const link = join(folder, "node_modules/.bin/holdfast");
    symlinkSync(script, link);
    expect(commandName({ script: link, folder })).toBe("npx holdfast");
    expect(commandName({ script, folder })).toBe("npx holdfast");
  });

  it("is its path elsewhere, where npx would ask a registry for somebody's package", () => {
    const elsewhere = makeFolder();
    const script = makePackage(join(makeFolder(), "with space"));
    expect(commandName({ script, folder: elsewhere })).toBe(`node ${JSON.stringify(script)}`);
    const below = makePackage(join(elsewhere, "tools/rt"));
    expect(commandName({ script: below, folder: elsewhere })).toBe(
      `node ${join("tools/rt/bin/holdfast.js")}`,
    );
  });

  it("is holdfast where a shell found it", () => {
    const bin = makeFolder();
    symlinkSync(makePackage(join(makeFolder(), "lib")), join(bin, "holdfast"));
    expect(commandName({ script: join(bin, "holdfast"), folder: makeFolder() })).toBe("holdfast");
  });
});
