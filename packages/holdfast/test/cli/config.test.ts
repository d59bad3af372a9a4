import { describe, expect, it } from "vitest";
import { configRows, formatRows } from "../../src/cli/config.js";
import { mask } from "../../src/options/secrets.js";
import { goodSecret, loadYaml } from "../config/config-folder.js";

const key = "tH8sKq2mVb9LwZc4NpYr7xJd";
const jwk = '{ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }';
const yaml = `
apiKeys: [${key}, { key: { env: KEY }, scope: publish }]
authenticate: { jwt: { secret: [${goodSecret}, { env: SECRET }], publicKeys: [${jwk}], audience: chat } }
channels: { "chat:{room}": { history: { ttl: 7d }, presence: true } }
`;
const env = { KEY: `${key}-of-variable`, SECRET: `${goodSecret}-of-variable`, HOLDFAST_PORT: "9000" };

describe("printing a configuration", () => {
  it("has every option with its value and where it comes from", async () => {
    const rows = configRows(await loadYaml(yaml, { env, flags: { host: "::1" } }));
    const file = { kind: "file", name: "holdfast.config.yaml" };
    expect(rows).toEqual(
      expect.arrayContaining([
        { option: "port", value: 9000, source: { kind: "env", name: "HOLDFAST_PORT" } },
        { option: "host", value: "::1", source: { kind: "flag", name: "--host" } },
        { option: "maxConnectionChannels", value: 128, source: { kind: "default" } },
        { option: "authenticate.jwt.audience", value: "chat", source: file },
        { option: 'channels["chat:{room}"].history.ttl', value: "7d", source: file },
        { option: 'channels["chat:{room}"].presence', value: true, source: file },
      ]),
    );
  });

  it("masks secrets and keys, and leaves the names of where they are", async () => {
    const rows = configRows(await loadYaml(yaml, { env }));
    const value = (name: string) => rows.find(({ option }) => option === name)?.value;
    expect(value("apiKeys")).toEqual([mask, { key: mask, scope: "publish" }]);
    expect(value("authenticate.jwt.secret")).toEqual([mask, { env: "SECRET" }]);
    for (const text of [JSON.stringify(rows), formatRows(rows)])
      for (const secret of [key, goodSecret, "11qYAYKx"]) expect(text).not.toContain(secret);
  });

  it("masks keys from a flag and a variable", async () => {
    const rows = configRows(await loadYaml("", { env: { HOLDFAST_API_KEYS: key } }));
    expect(rows.find(({ option }) => option === "apiKeys")).toEqual({
      option: "apiKeys",
      value: [mask],
      source: { kind: "env", name: "HOLDFAST_API_KEYS" },
    });
  });

  it("puts rows in columns", async () => {
    const lines = formatRows(configRows(await loadYaml(yaml, { env }))).split("\n");
    expect(lines[0]).toMatch(/^port {2,}9000 {2,}HOLDFAST_PORT$/);
    expect(lines.at(-1)).toMatch(/^channels\["chat:\{room\}"\]\.presence +true +holdfast\.config\.yaml$/);
  });
});
