import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assertConfiguration } from "../../src/config/load-config.js";
import { createServer } from "../../src/index.js";
import { goodSecret, loadFrom, loadYaml, makeFolder } from "./config-folder.js";

describe("precedence of options", () => {
  const yaml = "port: 1001\nmaxConnections: 11\nstore: { maxChannels: 21 }\n";

  it("is flag, variable, file, default", async () => {
    const env = { HOLDFAST_PORT: "1002", HOLDFAST_MAX_CONNECTIONS: "12" };
    const { options, settings } = await loadYaml(yaml, { env, flags: { port: 1003 } });
    expect(options).toMatchObject({ port: 1003, maxConnections: 12, store: { maxChannels: 21 } });
    const sources = ["port", "maxConnections", "store.maxChannels", "host"].map(
      (path) => settings.get(path)?.source,
    );
    expect(sources).toEqual([
      { kind: "flag", name: "--port" },
      { kind: "env", name: "HOLDFAST_MAX_CONNECTIONS" },
      { kind: "file", name: "holdfast.config.yaml" },
      { kind: "default" },
    ]);
  });

  it("leaves the rest of a group to the server", async () => {
    const { options } = await loadYaml(yaml, { env: { HOLDFAST_STORE_MAX_BYTES: "7" } });
    expect(options.store).toEqual({ maxChannels: 21, maxBytes: 7 });
    expect(options.ring).toBeUndefined();
  });

  it("takes an empty variable for none", async () => {
    expect((await loadYaml(yaml, { env: { HOLDFAST_PORT: "" } })).options.port).toBe(1001);
  });

  it("lets null in a flag or variable lift what the file says", async () => {
    const { options } = await loadYaml(yaml, { env: { HOLDFAST_MAX_CONNECTIONS: "none" } });
    expect(options.maxConnections).toBeNull();
  });

  it("refuses a variable by its name", async () => {
    await expect(loadYaml(yaml, { env: { HOLDFAST_PORT: "x" } })).rejects.toMatchObject({
      code: "HF_CLI_USAGE",
      message: expect.stringMatching(/^HOLDFAST_PORT must be an integer from 0 to 65535, but is "x"$/),
    });
  });

  it("is --config, HOLDFAST_CONFIG, what is in the folder", async () => {
    const files = { "holdfast.config.yaml": "port: 1", "b.yaml": "port: 2", "c.yaml": "port: 3" };
    const folder = makeFolder(files);
    const env = { HOLDFAST_CONFIG: "b.yaml" };
    const ports = await Promise.all([
      loadFrom(folder),
      loadFrom(folder, { env }),
      loadFrom(folder, { env, config: "c.yaml" }),
      loadFrom(folder, { env, config: "none" }),
    ]);
    expect(ports.map(({ options }) => options.port)).toEqual([1, 2, 3, undefined]);
  });
});

describe("options of a configuration", () => {
  it("without anything is what serve has always been", async () => {
    const { app, config, options } = await loadFrom(makeFolder());
    expect([app, config]).toEqual([undefined, undefined]);
    expect(options).toEqual({ data: "./holdfast-data", rulesFor: expect.any(Function) });
    expect(options.rulesFor?.("any")).toMatchObject({ durability: "process", hasPresence: true });
  });

  it("has paths relative to the file, and those of flags to the working directory", async () => {
    const folder = makeFolder({ "holdfast.config.yaml": "data: ./history\npages: www\n" });
    const { options } = await loadFrom(folder);
    expect(options).toMatchObject({ data: join(folder, "history"), pages: join(folder, "www") });
    expect((await loadFrom(folder, { flags: { data: "./history" } })).options.data).toBe("./history");
  });

  it.each(["data: memory", "data: null"])("has no folder with %s", async (yaml) => {
    expect((await loadYaml(yaml)).options.data).toBeNull();
  });

  it.each([
    ["allowedOrigins: '*'", { allowedOrigins: "*" }],
    ["allowedOrigins: [https://a.example]", { allowedOrigins: ["https://a.example"] }],
    ["compression: true", { compression: true }],
    ["compression: false", { compression: false }],
    ["compression: { level: 5 }", { compression: { level: 5 } }],
    ["http2: false\nmaxConnections: null", { http2: false, maxConnections: null }],
    ["pages: null", { pages: null }],
    ["pingIntervalMs: 30000\nstore: { maxBytes: 5 }", { pingIntervalMs: 30_000, store: { maxBytes: 5 } }],
  ])("takes %j", async (yaml, expected) => {
    expect((await loadYaml(yaml)).options).toMatchObject(expected);
  });

  it("turns compression on by one of its details, and off by a flag whatever the file says", async () => {
    const env = { HOLDFAST_COMPRESSION_LEVEL: "5" };
    expect((await loadFrom(makeFolder(), { env })).options.compression).toEqual({ level: 5 });
    const off = await loadYaml("compression: { level: 5 }", { flags: { compression: false } });
    expect(off.options.compression).toBe(false);
    const more = await loadYaml("compression: { level: 5, memLevel: 2 }", {
      flags: { "compression.level": 6 },
    });
    expect(more.options.compression).toEqual({ level: 6, memLevel: 2 });
  });

  it("reads certificate and key, which go together", async () => {
    const folder = makeFolder({ "c.pem": "CERT", "k.pem": "KEY" });
    writeFileSync(join(folder, "holdfast.config.yaml"), "tls: { cert: c.pem, key: k.pem }");
    const { options } = await loadFrom(folder);
    expect(options.tls).toEqual({ cert: Buffer.from("CERT"), key: Buffer.from("KEY") });
    await expect(loadFrom(makeFolder(), { flags: { "tls.cert": "c" } })).rejects.toThrow(
      /--tls-key is missing/,
    );
    await expect(loadYaml("tls: { cert: c.pem, key: k.pem }")).rejects.toThrow(
      /^holdfast\.config\.yaml: tls\.cert .*c\.pem cannot be read: ENOENT/,
    );
  });

  it("has keys of the interface from variables and files, with and without a scope", async () => {
    const folder = makeFolder({ "key.txt": "from-the-file-0123\n" });
    writeFileSync(
      join(folder, "holdfast.config.yaml"),
      "apiKeys: [ { env: KEY }, { key: { file: key.txt }, scope: read }, in-the-file-012345 ]",
    );
    const { options } = await loadFrom(folder, { env: { KEY: "from-the-variable" } });
    expect(options.apiKeys).toEqual([
      "from-the-variable",
      { key: "from-the-file-0123", scope: "read" },
      "in-the-file-012345",
    ]);
    await expect(loadFrom(folder)).rejects.toThrow(
      /^holdfast\.config\.yaml: apiKeys\[0\] refers to the environment variable KEY, which is not set$/,
    );
  });

  it.each([
    ["a flag", { flags: { broker: "redis://one" } }, undefined],
    ["a variable", { env: { HOLDFAST_BROKER: "redis://one" } }, undefined],
    ["a file", {}, "broker: redis://one"],
    ["a file that refers to a variable", { env: { REDIS_URL: "redis://one" } }, "broker: { env: REDIS_URL }"],
  ])("takes the URL of a broker from %s, and then no folder of a store", async (_name, sources, yaml) => {
    const folder = makeFolder(yaml === undefined ? {} : { "holdfast.config.yaml": yaml });
    const { options } = await loadFrom(folder, sources);
    expect(options.broker).toBe("redis://one");
    expect(options).not.toHaveProperty("data");
  });

  it("refuses a folder beside a broker, and the URL of no known broker without showing it", async () => {
    const both = await loadFrom(makeFolder({}), { flags: { broker: "redis://one", data: "./data" } });
    expect(() => assertConfiguration(both)).toThrow(/^data must be null, or left out, with a broker/);
    const other = await loadFrom(makeFolder({}), { flags: { broker: "kafka://ann:secret@one" } });
    expect(() => assertConfiguration(other)).toThrow(
      /^broker must be a URL that starts with redis:\/\/(?!.*secret)/,
    );
  });

  it("takes a broker and onError of code", async () => {
    const code = "export default { onError() {}, broker: { open() {} } };";
    const { options } = await loadFrom(makeFolder({ "holdfast.config.mjs": code }));
    expect(options).toMatchObject({ onError: expect.any(Function), broker: expect.any(Object) });
    expect(options).not.toHaveProperty("data");
  });
});

describe("the application of a configuration", () => {
  const yaml = `
authenticate: { jwt: { secret: { env: SECRET }, audience: chat } }
anonymous: true
personalChannel: "inbox:{user}"
channels:
  "chat:{room}": { history: { size: 5, ttl: 7d }, allow: { publish: [users, "role:bot"] } }
  "inbox:{user}": { kind: live }
`;

  it("is what it describes", async () => {
    const { app, options } = await loadYaml(yaml, { env: { SECRET: goodSecret } });
    expect(app?.options).toEqual({
      authenticate: { tokens: { secret: goodSecret, audience: "chat" } },
      anonymous: true,
      personalChannel: "inbox:{user}",
      channels: {
        "chat:{room}": {
          options: { history: { size: 5, ttl: "7d" }, allow: { publish: ["users", "role:bot"] } },
        },
        "inbox:{user}": { options: { kind: "live" } },
      },
    });
    expect(options).not.toHaveProperty("rulesFor");
    expect(() => app && createServer(app, { ...options, data: null })).not.toThrow();
  });

  it("is none where nothing is said, or that nobody is asked", async () => {
    expect((await loadYaml("port: 1")).app).toBeUndefined();
    expect((await loadYaml("authenticate: none")).app).toBeUndefined();
  });

  it("may have channels without asking who clients are", async () => {
    const { app } = await loadYaml("authenticate: none\nchannels: { news: {} }");
    expect(app?.options).toEqual({ channels: { news: { options: {} } } });
  });

  it("has to say its channels", async () => {
    await expect(loadYaml(`authenticate: { jwt: { secret: ${goodSecret} } }`)).rejects.toThrow(
      /channels is required with authenticate; use "\{name\*\}" for all channels/,
    );
  });

  it("may be code, beside which nothing is described", async () => {
    const code = (more: string) => `
      import { channel, defineApp } from "holdfast";
      const app = defineApp({ channels: { news: channel({ durability: "memory" }), chat: channel() } });
      export default { app, ${more} };
    `;
    const { app } = await loadFrom(makeFolder({ "holdfast.config.ts": code("") }));
    expect(Object.keys(app?.options.channels ?? {})).toEqual(["news", "chat"]);
    await expect(loadFrom(makeFolder({ "holdfast.config.ts": code("channels: {}") }))).rejects.toThrow(
      /channels cannot be combined with app/,
    );
  });

  it("waits as --durability says where a channel says nothing of it", async () => {
    const yamlOfTwo = "channels: { a: { durability: memory }, b: {} }";
    const said = await loadYaml(yamlOfTwo, { flags: { durability: "disk" } });
    const durabilities = (app: typeof said.app) =>
      Object.values(app?.options.channels ?? {}).map(({ options }) => options.durability);
    expect(durabilities(said.app)).toEqual(["memory", "disk"]);
    expect(durabilities((await loadYaml(yamlOfTwo)).app)).toEqual(["memory", undefined]);
  });

  it("has several secrets and public keys, from wherever they are", async () => {
    const { publicKey } = generateKeyPairSync("ed25519");
    const folder = makeFolder({
      "old.txt": `${goodSecret}-old\n`,
      "key.pem": publicKey.export({ type: "spki", format: "pem" }).toString(),
      "key.json": JSON.stringify(publicKey.export({ format: "jwk" })),
    });
    const lines = [
      "authenticate: { jwt: { secret: [ { env: SECRET }, { file: old.txt } ],",
      "  publicKeys: [ { file: key.pem }, { file: key.json } ] } }",
      "channels: { '{name*}': {} }",
    ];
    writeFileSync(join(folder, "holdfast.config.yaml"), lines.join("\n"));
    const configuration = await loadFrom(folder, { env: { SECRET: goodSecret } });
    expect(configuration.app?.options.authenticate).toMatchObject({
      tokens: {
        secret: [goodSecret, `${goodSecret}-old`],
        publicKeys: [expect.stringContaining("BEGIN PUBLIC KEY"), { kty: "OKP" }],
      },
    });
    expect(() => assertConfiguration(configuration)).not.toThrow();
    writeFileSync(join(folder, "key.json"), "{ no key");
    await expect(loadFrom(folder, { env: { SECRET: goodSecret } })).rejects.toThrow(
      /^holdfast\.config\.yaml: authenticate\.jwt\.publicKeys\[1\]: key\.json is invalid JSON$/,
    );
    await expect(loadYaml(lines.join("\n"), { env: { SECRET: goodSecret } })).rejects.toThrow(
      /authenticate\.jwt\.secret\[1\]: ENOENT/,
    );
  });
});

describe("judging a configuration", () => {
  const judge = async (...given: Parameters<typeof loadYaml>) => {
    const configuration = await loadYaml(...given);
    try {
      assertConfiguration(configuration);
      return "accepted";
    } catch (error) {
      return (error as Error).message;
    }
  };

  it("names where what is refused was set", async () => {
    expect(await judge("allowedOrigins: [x]")).toMatch(
      /^holdfast\.config\.yaml: allowedOrigins must be "\*", or a list of origins/,
    );
    expect(await judge("", { env: { HOLDFAST_BASE_PATH: "x" } })).toMatch(
      /but is "x" \(HOLDFAST_BASE_PATH\)$/,
    );
    expect(await judge("", { flags: { port: 70_000 } })).toMatch(/but is 70000 \(--port\)$/);
    expect(await judge("pingIntervalMs: 100")).toMatch(
      /pongTimeoutMs must be less than pingIntervalMs \(100\), but is 8000/,
    );
  });

  it("names what is refused of the application", async () => {
    expect(await judge("authenticate: { jwt: { secret: short } }\nchannels: { a: {} }")).toBe(
      "holdfast.config.yaml: authenticate.jwt.secret must be at least 32 bytes long for HS256, but is 5 bytes long",
    );
    expect(await judge("channels: { a: { kind: latest, delta: true } }")).toMatch(
      /^holdfast\.config\.yaml: channels\["a"\]\.delta must be false/,
    );
    expect(await judge("channels: { '{a}{b': {} }")).toMatch(/^holdfast\.config\.yaml: the channel pattern/);
    expect(await judge("anonymous: true\nchannels: { a: {} }")).toBe("accepted");
    expect(await judge("personalChannel: x\nchannels: { a: {} }")).toMatch(/personalChannel must be one of/);
  });
});
