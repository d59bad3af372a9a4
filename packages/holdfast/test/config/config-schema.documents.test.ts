import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findingIds } from "../../src/config/doctor.js";
import { brokerFindingIds } from "../../src/config/examine-broker.js";
import { assertConfiguration } from "../../src/config/load-config.js";
import { certFile, keyFile } from "../support/tls.js";
import { goodSecret, loadFrom, makeFolder } from "./config-folder.js";

const root = join(import.meta.dirname, "../../../..");
const text = readFileSync(join(root, "docs/howto/configuration.md"), "utf8");
const env = { TOKEN_SECRET: goodSecret, HOLDFAST_PUBLISH_KEY: goodSecret };

/** The block of code that begins with the name of a file. */
function exampleOf(name: string): string {
  const found = new RegExp(`\`\`\`\\w+\\n((?:#|//) ${name.replaceAll(".", "\\.")}\\n[^]*?)\`\`\``).exec(
    text,
  )?.[1];
  if (found === undefined) throw new Error(`no example of ${name}`);
  return found;
}

describe("how to configure a server", () => {
  it.each(["holdfast.config.yaml", "holdfast.config.ts"])(
    "has an example of %s that is accepted",
    async (name) => {
      const example = exampleOf(name).replace("tls/cert.pem", certFile).replace("tls/key.pem", keyFile);
      const configuration = await loadFrom(makeFolder({ [name]: example }), { env });
      // Code reads the variables of its own process.
      if (name.endsWith("yaml")) assertConfiguration(configuration);
      expect(Object.keys(configuration.app?.options.channels ?? {})).toContain("chat:{room}");
    },
  );

  it("quotes what is really said", async () => {
    const example = exampleOf("holdfast.config.yaml").replace("ttl: 7d", "ttl: 7 days");
    const error: unknown = await loadFrom(makeFolder({ "holdfast.config.yaml": example }), { env }).catch(
      (each) => each,
    );
    expect(text).toContain(`\n${(error as Error).message}\n`);
  });

  it("lists every finding of the doctor, and no other", () => {
    const rows = text.slice(text.indexOf("| finding |")).split("\n\n")[0] ?? "";
    const listed = [...rows.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`([a-z-]+)`/g)].map((match) => match[1]),
    );
    expect(new Set(listed)).toEqual(new Set([...findingIds, ...brokerFindingIds]));
    expect(listed.length).toBeGreaterThan(10);
  });
});
