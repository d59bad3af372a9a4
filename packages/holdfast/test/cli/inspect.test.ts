/** Commands that look into a server whose rules let no stranger do anything; run here, since a process each would take seconds. */
import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.js";
import { channel, defineApp, jwt } from "../../src/index.js";
import {
  apiKey,
  connectSdk,
  inSeconds,
  secret,
  startApp,
  subscribeSdk,
  tokenOf,
} from "../support/app-server.js";

const app = defineApp({
  authenticate: jwt({ secret }),
  channels: {
    "chat:{room}": channel({
      history: { size: 100 },
      allow: { publish: "role:staff", history: "subscribers" },
    }),
  },
});

/** Runs a command in this process. */
async function run(...args: string[]) {
  const said = { out: "", err: "" };
  const { stdout, stderr } = process;
  const [writeOut, writeErr] = [stdout.write, stderr.write];
  stdout.write = (text) => {
    said.out += text;
    return true;
  };
  stderr.write = (text) => {
    said.err += text;
    return true;
  };
  try {
    const code = await runProgram(["node", "holdfast", ...args]);
    return { code, ...said, lines: said.out.trim().split("\n") };
  } finally {
    stdout.write = writeOut;
    stderr.write = writeErr;
  }
}

async function start() {
  const { http, url } = await startApp(app);
  const token = tokenOf({ sub: "ann", exp: inSeconds(600) });
  return {
    http,
    token,
    connect: () => connectSdk(url, { token }),
    withKey: (...args: string[]) => run(...args, "--url", http, "--api-key", apiKey),
  };
}

describe("commands with an API key, on a server with rules", () => {
  it("publish, read and follow", async () => {
    const { withKey } = await start();
    expect(await withKey("publish", "chat:lobby", '{"n":1.0}')).toMatchObject({ code: 0, err: "" });
    await withKey("publish", "chat:lobby", "two");
    const history = await withKey("history", "chat:lobby");
    expect(history.lines).toEqual([
      '{"channel":"chat:lobby","offset":1,"data":{"n":1.0}}',
      '{"channel":"chat:lobby","offset":2,"data":"two"}',
    ]);
    expect(history.err).toMatch(/chat:lobby is at \S+:2/);
    const newest = await withKey("history", "chat:lobby", "--limit", "1");
    expect(newest.lines).toEqual(history.lines.slice(1));
    const followed = await withKey("subscribe", "chat:lobby", "--since", "0", "--count", "2");
    expect(followed).toMatchObject({ code: 0, out: history.out });
    const [epoch] = /\S+(?=:2\n)/.exec(history.err) ?? [];
    const others = await withKey("subscribe", "chat:lobby", "--since", "another:1", "--count", "2");
    expect(others).toMatchObject({ code: 0, out: history.out });
    expect(others.err).toContain("some publications of chat:lobby could not be recovered");
    const rest = await withKey("subscribe", "chat:lobby", "--since", `${epoch}:1`, "--count", "1");
    expect(rest.lines).toEqual(history.lines.slice(1));
  });

  it("list channels and connections, page by page, and describe a channel", async () => {
    const { connect, withKey } = await start();
    const ann = await connect();
    for (const room of ["a", "b", "c"]) await subscribeSdk(ann, `chat:${room}`);
    expect((await withKey("channels", "chat:*")).lines.map((line) => line.split(/ {2,}/))).toEqual([
      ["channel", "clients"],
      ...["a", "b", "c"].map((room) => [`chat:${room}`, "1"]),
    ]);
    const first = await withKey("channels", "--limit", "2", "--json");
    expect(first.lines.map((line) => JSON.parse(line).channel)).toEqual(["chat:a", "chat:b"]);
    expect(first.err).toContain("these are the first 2; --limit lists more");
    const connections = await withKey("connections", "--user", "ann", "--json");
    expect(JSON.parse(connections.out)).toMatchObject({
      user: "ann",
      transport: "websocket",
      num_channels: 3,
    });
    expect((await withKey("connections", "--channel", "chat:a")).lines[1]).toMatch(
      / ann +websocket +\S+:\d+ +\d+ s +0 B +3$/,
    );
    expect((await withKey("connections", "--user", "bo")).lines).toHaveLength(1);
    await withKey("publish", "chat:a", "1");
    const { out } = await withKey("inspect", "chat:a");
    expect(out).toMatch(/pattern +chat:\{room\}\n/);
    expect(out).toMatch(/kept +offsets 1 to 1\n/);
    expect(out).toMatch(/subscribers +1\n/);
  });

  it("explain what the rules of a channel allow", async () => {
    const { withKey } = await start();
    const { out } = await withKey("explain", "chat:lobby", "--user", "ann");
    expect(out).toContain("  subscribe  yes: users\n");
    expect(out).toContain("  publish    no: role staff\n");
    expect(out).toContain("  history    once subscribed: subscribers\n");
    const staff = await withKey("explain", "chat:lobby", "--user", "ann", "--roles", "staff,x");
    expect(staff.out).toContain("  publish    yes: role staff\n");
    expect(await withKey("explain", "elsewhere")).toMatchObject({
      code: 1,
      err: expect.stringContaining("unknown channel"),
    });
  });

  it("say why, for people and for programs", async () => {
    const { connect, withKey } = await start();
    const ann = await connect();
    await subscribeSdk(ann, "chat:lobby");
    await withKey("publish", "chat:lobby", "1");
    const { code, lines } = await withKey("why", "--channel", "chat:lobby", "--user", "ann", "--offset", "1");
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^ann got it at \S+Z, as it was published .* \[delivered\]$/);
    expect(lines.slice(1).some((line) => /^ {2}\S+Z {2}connected {2}\(\S+ \S+\)$/.test(line))).toBe(true);
    const json = await withKey("why", "--channel", "chat:lobby", "--user", "bo", "--json");
    expect(JSON.parse(json.out)).toMatchObject({ cause: "unknown_user", silent: [] });
    for (const wrong of [
      ["--offset", "1", "--id", "k"],
      ["--offset", "0"],
    ])
      expect((await withKey("why", "--channel", "a", "--user", "b", ...wrong)).code).toBe(2);
  });

  it("say which flag names a key where there is none, and what a wrong server answers", async () => {
    const { http } = await start();
    for (const args of [["channels"], ["inspect", "a"], ["why", "--channel", "a", "--user", "b"]]) {
      const { code, err } = await run(...args, "--url", http);
      expect([code, err]).toEqual([1, expect.stringContaining("--api-key or HOLDFAST_API_KEY")]);
    }
    const away = await run("publish", "a", "1", "--url", "http://localhost:1", "--api-key", apiKey);
    expect([away.code, away.err]).toEqual([1, expect.stringContaining("cannot reach http://localhost:1: ")]);
  });
});

describe("commands with a token", () => {
  it("are told which rule refuses them", async () => {
    const { http, token } = await start();
    const refused = await run("publish", "chat:lobby", "1", "--url", http, "--token", token);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(
      "permission denied: channel pattern chat:{room} allows publish to certain roles; this connection has none of these roles (code 103)",
    );
    const history = await run("history", "chat:lobby", "--url", http, "--token", token);
    expect(history.err).toContain(
      "allows history to subscribers; this connection is not subscribed (code 103)",
    );
  });
});
