import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findConfig, readConfig } from "../../src/config/config-file.js";
import * as holdfast from "../../src/index.js";
import { makeFolder } from "./config-folder.js";

const read = (name: string, text: string | Uint8Array) =>
  readConfig(join(makeFolder({ [name]: text }), name), { holdfast }, name);

async function refusalOf(name: string, text: string): Promise<string> {
  const error: unknown = await read(name, text).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: "HF_CONFIG_INVALID" });
  return (error as Error).message;
}

const asTypeScript = `
import { defineConfig } from "holdfast";
const port: number = 9001;
export default defineConfig({ port, ring: { maxEntries: 5 } });
`;

describe("reading a configuration", () => {
  it.each([
    ["holdfast.config.ts", asTypeScript],
    ["holdfast.config.mts", asTypeScript],
    ["holdfast.config.js", "export default { port: 9001, ring: { maxEntries: 5 } };"],
    ["holdfast.config.mjs", "export default { port: 9001, ring: { maxEntries: 5 } };"],
    ["holdfast.config.json", '{ "port": 9001, "ring": { "maxEntries": 5 } }'],
    ["holdfast.config.yaml", "port: 9001\nring:\n  maxEntries: 5\n"],
    ["holdfast.config.yml", "port: 9001\nring: { maxEntries: 5 }\n"],
  ])("takes %s", async (name, text) => {
    const { value, isCode } = await read(name, text);
    expect(value).toEqual({ port: 9001, ring: { maxEntries: 5 } });
    expect(isCode).toBe(/\.m?[jt]s$/.test(name));
  });

  for (const name of ["f.ts", "f.mts", "f.js", "f.mjs", "f.json", "f.yaml"]) {
    const text =
      name.endsWith("n") || name.endsWith("l") ? '{ "port": 9001 }' : "export default { port: 9001 };";
    it(`takes ${name} with a byte order mark`, async () => {
      expect((await read(name, `\uFEFF${text}`)).value).toEqual({ port: 9001 });
    });
  }

  it.each(["f.json", "f.yaml"])("takes %s in UTF-16, as shells of Windows write it", async (name) => {
    const little = Buffer.from('\uFEFF{ "port": 9001 }', "utf16le");
    expect((await read(name, little)).value).toEqual({ port: 9001 });
    expect((await read(name, Buffer.from(little).swap16())).value).toEqual({ port: 9001 });
  });

  it("takes an empty file in YAML, which says nothing", async () => {
    expect((await read("a.yaml", "# nothing yet\n")).value).toEqual({});
  });

  it("gives code the same package that reads it, so that its applications are known", async () => {
    const text = `
      import { channel, defineApp, defineConfig } from "holdfast";
      export default defineConfig({ app: defineApp({ channels: { news: channel() } }) });
    `;
    const { value } = await read("holdfast.config.ts", text);
    expect(value.app).toBeInstanceOf(holdfast.App);
  });

  it.each([
    [{ prot: 1 }, /^f\.json: unknown option prot \(did you mean port\?\)/],
    [{ limits: {} }, /^f\.json: unknown option limits; holdfast config --schema lists the known ones/],
    [
      { ring: { maxEntrys: 1 } },
      /^f\.json: unknown option ring\.maxEntrys \(did you mean ring\.maxEntries\?\)/,
    ],
    [{ ring: { size: 1 } }, /^f\.json: unknown option ring\.size; ring is an object of maxEntries, /],
    [{ ring: { maxEntries: "x" } }, /ring\.maxEntries must be an integer of at least 1, but is "x"/],
    [{ port: 70_000 }, /port must be an integer from 0 to 65535, but is 70000/],
    [
      { maxConnections: 0 },
      /maxConnections must be an integer of at least 1, or null for no limit, but is 0/,
    ],
    [{ ring: 3 }, /ring must be an object of maxEntries, .*, but is 3/],
    [{ http2: "yes" }, /http2 must be true or false, but is "yes"/],
    [{ durability: "tape" }, /durability must be one of "memory", "process", "disk", but is "tape"/],
    [{ tls: { cert: "a" } }, /tls\.key must be a file, but is missing/],
    [{ compression: 3 }, /compression must be true, false, or an object of options, but is 3/],
    [{ compression: { lvl: 3 } }, /unknown option compression\.lvl; /],
    [{ authenticate: "jwt" }, /authenticate must be "none", or \{ jwt: \{ … \} \}, but is a string/],
    [
      { authenticate: { jwt: { audience: 1 } } },
      /authenticate\.jwt\.audience must be a string, or a list of strings/,
    ],
    [
      { authenticate: { jwt: { sercet: "" } } },
      /unknown option authenticate\.jwt\.sercet \(did you mean authenticate\.jwt\.secret\?\)/,
    ],
    [{ channels: [] }, /channels must be an object of channels by their patterns/],
    [
      { channels: { "chat:{room}": { history: { ttl: "7 days" } } } },
      /channels\["chat:\{room\}"\]\.history\.ttl must be a number of milliseconds or a text such as 30s, .*, but is "7 days"/,
    ],
    [
      { channels: { a: { history: true } } },
      /channels\.a\.history must be an object of size, ttl, bytes, or false, but is true/,
    ],
    [
      { channels: { a: { history: { sise: 1 } } } },
      /unknown option channels\.a\.history\.sise \(did you mean channels\.a\.history\.size\?\)/,
    ],
    [
      { channels: { a: { allow: { publish: "everybody" } } } },
      /channels\.a\.allow\.publish must be true, false, "all", .*, but is "everybody"/,
    ],
    [
      { channels: { a: { allow: { publish: ["all", "some"] } } } },
      /channels\.a\.allow\.publish\[1\] must be "all", .*, but is "some"/,
    ],
    [{ channels: { a: { publish: "x" } } }, /unknown option channels\.a\.publish; /],
    [{ app: {} }, /app is code, which only a holdfast\.config\.ts or \.js can contain/],
    [{ onError: "x" }, /onError is code/],
    [3, /a configuration must be an object of /],
  ])("%j is refused", async (value, message) => {
    expect(await refusalOf("f.json", JSON.stringify(value))).toMatch(message);
  });

  it.each([
    { apiKeys: { key: "S3cret!!", scope: "read" } },
    { apiKeys: [["S3cret!!"]] },
    { authenticate: { jwt: { secret: { value: "S3cret!!" } } } },
    { authenticate: { jwt: { secret: [["S3cret!!"]] } } },
    { authenticate: { jwt: "S3cret!!" } },
    { authenticate: "S3cret!!" },
    { authenticate: [{ jwt: { secret: "S3cret!!" } }] },
    { authenticate: { jwt: [{ secret: "S3cret!!" }] } },
    { authenticate: { jwt: { audience: { secret: "S3cret!!" } } } },
  ])("never says what a secret is, though it stands at a wrong place: %j", async (value) => {
    const message = await refusalOf("f.json", JSON.stringify(value));
    expect(message).toMatch(/^f\.json/);
    expect(message).not.toContain("S3cret");
  });

  it("says what to check in invalid JSON, and nothing of its text", async () => {
    const message = await refusalOf("f.json", '{"apiKeys": ["S3cret!!",]}');
    expect(message).toMatch(/^f\.json: invalid JSON.*: check for a comma/);
    expect(message).not.toContain("cret");
  });

  it("never says what a secret is", async () => {
    const secrets = { apiKeys: 17_171_717, authenticate: { jwt: { secret: [17_171_717] } } };
    const message = await refusalOf("f.json", JSON.stringify(secrets));
    expect(message).toMatch(/apiKeys must be a list of keys/);
    expect(message).toMatch(/authenticate\.jwt\.secret\[0\] must be a string, \{ env: NAME \}/);
    expect(message).not.toContain("1717");
  });

  it("names the line in YAML, of what is no YAML and of what is not accepted", async () => {
    expect(await refusalOf("f.yaml", "port: 1\nhost: [\n")).toMatch(/^f\.yaml: line 3, column \d+: /);
    expect(await refusalOf("f.yaml", "port: 1\nport: 2\n")).toMatch(/^f\.yaml: line 2, .*unique/);
    expect(await refusalOf("f.yaml", "port: 1\nring:\n  maxEntries: x\n")).toMatch(/but is "x" \(line 3\)$/);
    expect(await refusalOf("f.yaml", "port: 1\n---\nport: 2\n")).toMatch(
      /^f\.yaml: line 2, .*must be a single document/,
    );
    expect(await refusalOf("f.yaml", "secret: !env TOKEN\n")).toMatch(/^f\.yaml: line 1, .*tag/);
  });

  it("says all that is wrong at once", async () => {
    const message = await refusalOf("f.yaml", "prot: 1\nhttp2: 3\n");
    expect(message.split("\n")).toEqual([
      expect.stringMatching(/^f\.yaml: http2 must be true or false, but is 3 \(line 2\)$/),
      expect.stringMatching(/^f\.yaml: unknown option prot .* \(line 1\)$/),
    ]);
  });

  it("says of JSON that it is none", async () => {
    expect(await refusalOf("f.json", '{ "port": 1,, }')).toMatch(/^f\.json: /);
    expect(await refusalOf("f.json", "port: 1")).toMatch(/^f\.json: .*JSON/);
  });

  it("says of code what it throws, and that it exports nothing", async () => {
    expect(await refusalOf("f.ts", 'throw new Error("no such luck");')).toBe("f.ts: no such luck");
    expect(await refusalOf("f.ts", "export default {,};")).toMatch(/^f\.ts: .*Unexpected token/s);
    expect(await refusalOf("f.ts", "export const config = {};")).toMatch(/it must export its configuration/);
    expect(await refusalOf("f.ts", "export default { app: 3 };")).toMatch(
      /app must be an application made by defineApp, but is 3/,
    );
  });

  it("says of other formats what is taken", async () => {
    expect(await refusalOf("f.toml", "")).toMatch(/the file name must end with \.ts, /);
    expect(await refusalOf("f", "")).toMatch(/the file name must end with \.ts, /);
  });
});

describe("finding a configuration", () => {
  it("takes the one in the folder, and none where there is none", () => {
    expect(findConfig(makeFolder(), undefined)).toBeUndefined();
    const folder = makeFolder({ "holdfast.config.json": "{}" });
    expect(findConfig(folder, undefined)).toBe(join(folder, "holdfast.config.json"));
  });

  it("refuses to choose between several, and names them", () => {
    const folder = makeFolder({ "holdfast.config.json": "{}", "holdfast.config.yaml": "" });
    expect(() => findConfig(folder, undefined)).toThrow(
      /has holdfast\.config\.json and holdfast\.config\.yaml, but only one can be used/,
    );
  });

  it("takes the one that is named, whatever else is there, or none at all", () => {
    const folder = makeFolder({ "holdfast.config.json": "{}", "holdfast.config.yaml": "" });
    writeFileSync(join(folder, "other.yaml"), "");
    expect(findConfig(folder, { text: "other.yaml", by: "--config" })).toBe(join(folder, "other.yaml"));
    expect(findConfig(folder, { text: "none", by: "--config" })).toBeUndefined();
    expect(() => findConfig(folder, { text: "gone.yaml", by: "HOLDFAST_CONFIG" })).toThrow(
      "HOLDFAST_CONFIG gone.yaml: no such file",
    );
  });
});
