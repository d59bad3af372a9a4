import { chmodSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { goodSecret, makeFolder } from "../config/config-folder.js";
import { connectSdk, createSdk, next, subscribeSdk } from "../support/app-server.js";
import { CliRun, runCli } from "./run-cli.js";

const yaml = `
port: 0
data: memory
authenticate:
  jwt:
    secret: { env: CHAT_SECRET }
    audience: chat
channels:
  "chat:{room}":
    history: { size: 10, ttl: 1h }
    allow: { publish: subscribers }
  "staff":
    allow: { subscribe: "role:staff" }
`;
const env = { CHAT_SECRET: goodSecret, HOLDFAST_DATA: "" };

interface Served {
  readonly run: CliRun;
  readonly folder: string;
  /** Of WebSockets. */
  readonly url: string;
  readonly origin: string;
  token(...args: string[]): Promise<string>;
}

/** A server of a configuration, and what makes tokens with it. */
async function serveWith(name: string, text: string, ...args: string[]): Promise<Served> {
  const folder = makeFolder({ [name]: text });
  const run = new CliRun(["serve", ...args], env, folder);
  await run.untilSaid(/Ctrl\+C to stop/);
  const origin = /listening on (http:\S+)/.exec(run.out)?.[1];
  if (origin === undefined) throw new Error(`no address in: ${run.out}${run.err}`);
  return {
    run,
    folder,
    origin,
    url: `${origin.replace("http", "ws")}/connection/websocket`,
    token: async (...choices) => (await runCli(["token", ...choices], env, folder)).out.trim(),
  };
}

describe("holdfast serve with a configuration", () => {
  it("suggests no command that would have to reach a Unix socket", async () => {
    const folder = makeFolder({ "holdfast.config.yaml": yaml });
    const run = new CliRun(["serve", "--unix-socket", "holdfast.sock"], env, folder);
    await run.untilSaid(/Ctrl\+C to stop/);
    expect(run.out).toContain("doctor --config holdfast.config.yaml");
    expect(run.out).not.toMatch(/subscribe|publish/);
  });

  it("lets a client in with a token of holdfast token, into one channel and not into another", async () => {
    const { url, token } = await serveWith("holdfast.config.yaml", yaml);
    const client = await connectSdk(url, { token: await token("--user", "ann") });
    const chat = await subscribeSdk(client, "chat:lobby");
    const published = next<{ data: unknown }>(chat, "publication");
    await chat.publish({ text: "hello" });
    expect((await published).data).toEqual({ text: "hello" });
    const staff = client.newSubscription("staff");
    const refused = next<{ code: number; reason: string }>(staff, "unsubscribed");
    staff.subscribe();
    expect(await refused).toMatchObject({
      code: 103,
      reason:
        "permission denied: channel pattern staff allows subscribe to certain roles; this connection has none of these roles",
    });
    const unknown = client.newSubscription("elsewhere");
    const unknownRefused = next<{ code: number }>(unknown, "unsubscribed");
    unknown.subscribe();
    expect(await unknownRefused).toMatchObject({ code: 102 });
  });

  it("goes by roles, channels and subscriptions that a token has", async () => {
    const { url, token } = await serveWith("holdfast.config.yaml", yaml);
    const boss = await connectSdk(url, { token: await token("--user", "bo", "--roles", "staff") });
    await subscribeSdk(boss, "staff");
    const client = createSdk(url, { token: await token("--user", "cy", "--channels", "chat:1,chat:2") });
    const subscribed = next<{ channel: string }>(client, "subscribed");
    client.connect();
    expect((await subscribed).channel).toBe("chat:1");
    await subscribeSdk(client, "staff", { token: await token("--user", "cy", "--channel", "staff") });
  });

  it("keeps away who has no token, or one for others", async () => {
    const { url } = await serveWith("holdfast.config.yaml", yaml);
    for (const token of ["", `${"a".repeat(20)}.e30.x`]) {
      const client = createSdk(url, { token });
      const gone = next<{ code: number }>(client, "disconnected");
      client.connect();
      expect([3500, 3501]).toContain((await gone).code);
    }
  });

  it("says where the configuration is and who may connect", async () => {
    const { run } = await serveWith("holdfast.config.yaml", yaml);
    expect(run.out).toContain("Configuration  holdfast.config.yaml");
    expect(run.out).toContain(
      "Only this machine can connect (127.0.0.1).\nClients authenticate with a token.",
    );
    expect(run.out).toContain(
      "Channels: chat:{room}, staff.\nHistory is kept in memory until the server stops.",
    );
    expect(run.out).not.toMatch(/Authentication is disabled/);
    // It runs in a folder where npx finds no package of this name.
    const suggested = /(node \S+\.js) subscribe chat:1 --token (.*)/.exec(run.out);
    expect(suggested?.[2]).toContain(`"$(${suggested?.[1]} token --user ann --config holdfast.config.yaml)"`);
  });

  it("says the truth without tokens, beyond this machine, and without an application", async () => {
    const open = await serveWith(
      "holdfast.config.json",
      '{ "port": 0, "data": "memory" }',
      "--host",
      "0.0.0.0",
    );
    expect(open.run.out).toContain("Configuration  holdfast.config.json");
    expect(open.run.out).toContain("Warning: anyone who can reach 0.0.0.0 can connect.");
    expect(open.run.out).toContain("Authentication is disabled, and every client may use every channel.");
    const believed = await serveWith(
      "holdfast.config.json",
      '{ "port": 0, "data": "memory", "channels": { "a": {} } }',
    );
    expect(believed.run.out).toContain("Authentication is disabled. Channels: a.");
    const asked = await serveWith("holdfast.config.yaml", yaml, "--host", "0.0.0.0");
    expect(asked.run.out).toContain(
      "Other machines can connect at 0.0.0.0.\nClients authenticate with a token.",
    );
  });

  it("serves an application in TypeScript, hooks and all", async () => {
    const { url } = await serveWith(
      "holdfast.config.ts",
      `import { channel, defineApp, defineConfig, reject } from "holdfast";
      const shout = (text: string): string => text.toUpperCase();
      export default defineConfig({
        port: 0,
        data: null,
        app: defineApp({
          authenticate: ({ data }) => ({ id: (data as { name: string }).name }),
          channels: {
            hall: channel({ publish: ({ data }) => (data === "bad" ? reject(450, "not here") : shout(String(data))) }),
          },
        }),
      });`,
    );
    const client = await connectSdk(url, { data: { name: "ann" } });
    const hall = await subscribeSdk(client, "hall");
    const published = next<{ data: unknown }>(hall, "publication");
    await hall.publish("hello");
    expect((await published).data).toBe("HELLO");
    // Another copy of the package would not know what it throws.
    await expect(hall.publish("bad")).rejects.toMatchObject({ code: 450, message: "not here" });
  });

  it("speaks to the other commands with a token", async () => {
    const { origin, token } = await serveWith("holdfast.config.yaml", yaml);
    const as = (text: string) => ["--url", origin, "--token", text];
    const ann = as(await token("--user", "ann", "--channels", "chat:1"));
    expect((await runCli(["publish", "chat:1", "17", ...ann])).err).toBe("");
    const { lines } = await runCli([
      "subscribe",
      "chat:1",
      "--since",
      "0",
      "--count",
      "1",
      ...as(await token("--user", "bo")),
    ]);
    expect(JSON.parse(lines[0] as string)).toMatchObject({ channel: "chat:1", data: 17 });
    const refused = await runCli(["publish", "staff", "17", ...ann]);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("code 103")]);
  });

  it.each([
    ["holdfast.config.yaml", "port: 0\nhost: [", /holdfast: holdfast\.config\.yaml: line 2, column 8/],
    [
      "holdfast.config.json",
      '{ "prot": 1 }',
      /holdfast: holdfast\.config\.json: unknown option prot \(did you mean port/,
    ],
    [
      "holdfast.config.yaml",
      "port: 70000",
      /holdfast\.config\.yaml: port must be an integer from 0 to 65535/,
    ],
    [
      "holdfast.config.yaml",
      yaml.replace("CHAT_SECRET", "GONE"),
      /authenticate\.jwt\.secret refers to the environment variable GONE, which is not set/,
    ],
  ])("does not start with %s: %j", async (name, text, message) => {
    const { code, err } = await runCli(["serve"], env, makeFolder({ [name]: text }));
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  it("does not start where several files could count, or the named one is not there", async () => {
    const folder = makeFolder({ "holdfast.config.json": "{}", "holdfast.config.yaml": "" });
    const several = await runCli(["serve"], {}, folder);
    expect([several.code, several.err]).toEqual([
      2,
      expect.stringMatching(/holdfast\.config\.json and holdfast\.config\.yaml/),
    ]);
    const gone = await runCli(["serve"], { HOLDFAST_CONFIG: "gone.yaml" }, folder);
    expect([gone.code, gone.err]).toEqual([2, "holdfast: HOLDFAST_CONFIG gone.yaml: no such file\n"]);
  });
});

describe("holdfast config", () => {
  it("prints options and where each comes from", async () => {
    const folder = makeFolder({ "holdfast.config.yaml": yaml });
    const variables = { ...env, HOLDFAST_MAX_CONNECTION_CHANNELS: "7" };
    const args = ["config", "--ping-interval-ms", "30000", "--store-max-bytes", "1000000"];
    const { code, lines } = await runCli(args, variables, folder);
    expect(code).toBe(0);
    expect(lines.map((line) => line.replace(/ {2,}/g, " "))).toEqual(
      expect.arrayContaining([
        "port 0 holdfast.config.yaml",
        "maxConnectionChannels 7 HOLDFAST_MAX_CONNECTION_CHANNELS",
        "pingIntervalMs 30000 --ping-interval-ms",
        "store.maxBytes 1000000 --store-max-bytes",
        "maxConnections 50000 default",
        'authenticate.jwt.secret {"env":"CHAT_SECRET"} holdfast.config.yaml',
      ]),
    );
    const json = await runCli(["config", "--json"], variables, folder);
    expect(JSON.parse(json.out)).toContainEqual({
      option: "maxConnectionChannels",
      value: 7,
      source: { kind: "env", name: "HOLDFAST_MAX_CONNECTION_CHANNELS" },
    });
  });

  it("masks what is secret", async () => {
    const key = "pT4kWq8sZx2mVb6nLc9r";
    const text = yaml.replace("{ env: CHAT_SECRET }", goodSecret);
    const { out } = await runCli(
      ["config", "--api-keys", key],
      env,
      makeFolder({ "holdfast.config.yaml": text }),
    );
    expect(out).toMatch(/apiKeys +\["\*{8}"\] +--api-keys/);
    expect(out).not.toContain(key);
    expect(out).not.toContain(goodSecret);
  });

  it("checks, with an exit code", async () => {
    const good = await runCli(["config", "--check"], env, makeFolder({ "holdfast.config.yaml": yaml }));
    expect([good.code, good.out, good.err]).toEqual([0, "", "holdfast: holdfast.config.yaml is valid\n"]);
    const short = await runCli(
      ["config", "--check"],
      { ...env, CHAT_SECRET: "x" },
      makeFolder({ "holdfast.config.yaml": yaml }),
    );
    expect([short.code, short.err]).toEqual([
      2,
      expect.stringMatching(/authenticate\.jwt\.secret must be at least 32 bytes/),
    ]);
  });

  it("prints the schema for editors", async () => {
    const { out } = await runCli(["config", "--schema"]);
    expect(JSON.parse(out)).toMatchObject({ type: "object", properties: { channels: { type: "object" } } });
  });
});

describe("holdfast doctor", () => {
  it("lists findings, and ends with 1 where there are errors", async () => {
    const folder = makeFolder({ "holdfast.config.yaml": yaml });
    const few = ["doctor", "--max-connections", "50"];
    const fine = await runCli(few, env, folder);
    expect([fine.code, fine.out]).toEqual([0, "No findings.\n"]);
    const weak = await runCli([...few, "--json"], { ...env, CHAT_SECRET: "changeme".repeat(5) }, folder);
    expect(weak.code).toBe(1);
    expect(JSON.parse(weak.out)).toEqual([
      { severity: "error", id: "weak-secret", message: expect.any(String), advice: expect.any(String) },
    ]);
  });

  it("counts warnings as errors where it has to be strict", async () => {
    const folder = makeFolder({ "holdfast.config.yaml": yaml.replace("{ env: CHAT_SECRET }", goodSecret) });
    chmodSync(`${folder}/holdfast.config.yaml`, 0o644);
    const args = ["doctor", "--max-connections", "50"];
    const lenient = await runCli(args, env, folder);
    expect([lenient.code, lenient.out]).toEqual([
      0,
      expect.stringMatching(/^warning {2}readable-secrets: .*\n {9}→ chmod 600/),
    ]);
    expect(lenient.out).toContain("0 errors, 1 warning, 0 notes");
    expect((await runCli([...args, "--strict"], env, folder)).code).toBe(1);
  });

  it("finds that a file cannot be read", async () => {
    const { code, out } = await runCli(["doctor"], env, makeFolder({ "holdfast.config.yaml": "port: x" }));
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/^error {4}not-accepted: holdfast\.config\.yaml: port must be/),
    ]);
  });

  it("refuses workers that would share no store", async () => {
    const { code, out } = await runCli(["doctor", "--workers", "2", "--data", "memory"], env, makeFolder());
    expect([code, out]).toEqual([1, expect.stringContaining("workers need a store that they share")]);
  });

  it("connects to the broker, unless told not to", async () => {
    const broker = ["doctor", "--max-connections", "50", "--broker", "redis://:a@127.0.0.1:1"];
    const folder = makeFolder({ "holdfast.config.yaml": yaml });
    const withoutData = { ...env, HOLDFAST_DATA: "" };
    const connected = await runCli(broker, withoutData, folder);
    expect([connected.code, connected.out]).toEqual([
      1,
      expect.stringMatching(/^error {4}broker-unreachable: /),
    ]);
    const apart = await runCli([...broker, "--no-connect"], withoutData, folder);
    expect([apart.code, apart.out]).toEqual([0, "No findings.\n"]);
  });

  it("has only a note on a server without any configuration", async () => {
    const { code, out } = await runCli(["doctor", "--max-connections", "50", "--json"], {}, makeFolder());
    expect(code).toBe(0);
    expect((JSON.parse(out) as { id: string }[]).map(({ id }) => id)).toEqual(["no-authentication"]);
  });
});

describe("holdfast token", () => {
  it("makes one, and says on standard error what it is good for", async () => {
    const { code, out, err } = await runCli(
      ["token", "--user", "ann"],
      env,
      makeFolder({ "holdfast.config.yaml": yaml }),
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect(err).toBe("holdfast: ann can connect with it for 1h\n");
  });

  it("checks one, from an argument or standard input", async () => {
    const folder = makeFolder({ "holdfast.config.yaml": yaml });
    const { out: token } = await runCli(["token", "--user", "ann", "--id", "t1"], env, folder);
    const checked = await runCli(["token", "--check", token.trim()], env, folder);
    expect(checked.code).toBe(0);
    expect(checked.out).toContain('"jti": "t1"');
    expect(checked.out).toMatch(/\naccepted: the token of a connection, valid for another (?:1 h|59 min)\n$/);
    const piped = await runCli(["token", "--check", "-", "--json"], env, folder, token);
    expect(JSON.parse(piped.out)).toMatchObject({ isAccepted: true, claims: { sub: "ann", aud: "chat" } });
    const other = await runCli(
      ["token", "--check", "-"],
      { ...env, HOLDFAST_SECRET: goodSecret.toLowerCase() },
      folder,
      token,
    );
    expect([other.code, other.out]).toEqual([
      1,
      expect.stringMatching(/\nrefused: the token was not signed with any of this/),
    ]);
  });

  it("needs nothing of the configuration but what it says of tokens", async () => {
    const more = "apiKeys: [{ env: GONE }]\ntls: { cert: gone.pem, key: gone.pem }\n";
    const folder = makeFolder({ "holdfast.config.yaml": more + yaml });
    expect((await runCli(["token", "--user", "ann"], env, folder)).code).toBe(0);
    expect((await runCli(["config"], env, folder)).err).toContain(
      "apiKeys[0] refers to the environment variable GONE",
    );
  });

  it("needs no configuration with a secret", async () => {
    const variables = { HOLDFAST_SECRET: goodSecret };
    const { out } = await runCli(["token", "--user", "ann", "--expires", "never"], variables, makeFolder());
    const checked = await runCli(["token", "--secret", goodSecret, "--check", out.trim()], {}, makeFolder());
    expect(checked.out).toMatch(/valid forever/);
  });

  it.each([
    [["token"], /use --user to make a token/],
    [["token", "--user", "ann", "--expires", "soon"], /--expires must be a time/],
    [["token", "--user", "ann", "--channels", "ä"], /the server would refuse this token: .*channels\[0\]/],
    [["token", "--user", "ann", "--key", "gone.pem"], /--key gone\.pem cannot be read: ENOENT/],
  ])("%j is not understood", async (args, message) => {
    const { code, err } = await runCli(args, env, makeFolder({ "holdfast.config.yaml": yaml }));
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  it("says that there is no key", async () => {
    const { code, err } = await runCli(["token", "--user", "ann"], {}, makeFolder());
    expect([code, err]).toEqual([2, expect.stringMatching(/no key: pass --secret/)]);
  });
});
