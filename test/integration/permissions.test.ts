/** A running server refuses and allows what docs/reference/permissions.md says that it does by default. */
import { describe, expect, it, onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { z } from "zod";
import { type Access, accessByDefault } from "../../packages/holdfast/src/app/access.js";
import type { Scope } from "../../packages/holdfast/src/http/api/api-method.js";
import { apiMethods } from "../../packages/holdfast/src/http/api/methods.js";
import { channel, defineApp, jwt, rpc } from "../../packages/holdfast/src/index.js";
import type { ChannelAction } from "../../packages/holdfast/src/sessions/application.js";
import { secret, startApp, tokenOf } from "../../packages/holdfast/test/support/app-server.js";
import { toJsonLines, toProtobufFrame } from "../../packages/holdfast/test/support/protobuf-oracle.js";
import { startServer } from "../../packages/holdfast/test/support/server.js";
import { operations } from "../repo/permissions-page.js";

const channels = {
  plain: channel({ presence: true }),
  checked: channel({ presence: true, data: z.object({ text: z.string() }) }),
  hooked: channel({ presence: true, publish: ({ data }) => data }),
  bare: channel({ history: false, allow: { presence: "all", history: "all" } }),
  "inbox:{user}": channel({ presence: true }),
};
const parts = {
  channels,
  personalChannel: "inbox:{user}",
  rpc: { hello: rpc({ handler: () => "hello" }) },
} as const;
const apps = {
  "with authenticate": defineApp({ ...parts, authenticate: jwt({ secret }), anonymous: true }),
  "without authenticate": defineApp(parts),
};
type AppName = keyof typeof apps;

const subjects = ["anonymous", "user", "subscriber"] as const;
type Subject = (typeof subjects)[number];

const connects: Readonly<Record<AppName, object>> = {
  "with authenticate": { token: tokenOf({ sub: "ann" }) },
  "without authenticate": { data: { user: "ann" } },
};
const commands: Readonly<Record<ChannelAction | "presence_stats", object>> = {
  publish: { data: { text: "hello" } },
  presence: {},
  presence_stats: {},
  history: { limit: 1 },
  subscribe: {},
};

const encodings = ["JSON", "Protobuf"] as const;
type Encoding = (typeof encodings)[number];

type Outcome = "allowed" | `error ${number}` | `close ${number}`;

/** What comes of a command by itself: its answer, or the end of the connection. */
class Asker {
  readonly #socket: WsWebSocket;
  readonly #isBinary: boolean;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #code = 0;
  #lastId = 0;

  private constructor(socket: WsWebSocket, isBinary: boolean) {
    this.#socket = socket;
    this.#isBinary = isBinary;
    socket.on("message", (frame) => {
      const lines = isBinary ? toJsonLines("Reply", frame as Buffer) : String(frame);
      for (const line of lines.split("\n")) this.#take(JSON.parse(line) as Reply);
    });
    socket.on("close", (code) => {
      this.#code = code;
      for (const tell of this.#waiting.values()) tell(`close ${code}`);
    });
  }

  static async open(url: string, encoding: Encoding): Promise<Asker> {
    const isBinary = encoding === "Protobuf";
    const socket = isBinary ? new WsWebSocket(url, "centrifuge-protobuf") : new WsWebSocket(url);
    onTestFinished(() => socket.terminate());
    const asker = new Asker(socket, isBinary);
    await new Promise((resolve) => socket.once("open", resolve));
    return asker;
  }

  async ask(method: string, params: object): Promise<Outcome> {
    if (this.#code > 0) return `close ${this.#code}`;
    const id = ++this.#lastId;
    const outcome = new Promise<Outcome>((resolve) => this.#waiting.set(id, resolve));
    const line = JSON.stringify(method === "send" ? { send: params } : { id, [method]: params });
    this.#socket.send(this.#isBinary ? (toProtobufFrame(line) as Uint8Array) : line);
    return await outcome;
  }

  #take({ id, error }: Reply): void {
    if (id === undefined) return;
    this.#waiting.get(id)?.(error ? `error ${error.code}` : "allowed");
    this.#waiting.delete(id);
  }
}

interface Reply {
  readonly id?: number;
  readonly error?: { readonly code: number };
}

async function connect(encoding: Encoding, appName: AppName, subject: Subject, name?: string) {
  const running = await startApp(apps[appName]);
  const asker = await Asker.open(running.url, encoding);
  const params = subject === "anonymous" ? {} : connects[appName];
  expect(await asker.ask("connect", params)).toBe("allowed");
  if (subject === "subscriber" && name) await running.api("subscribe", { user: "ann", channel: name });
  return { ...running, asker };
}

/** By the words' own meaning. */
function isAllowed(access: Access, subject: Subject): boolean {
  if (access === "subscribers") return subject === "subscriber";
  if (access === "users") return subject !== "anonymous";
  return access === "all";
}

const cases = (Object.keys(apps) as AppName[]).flatMap((appName) =>
  subjects.flatMap((subject) =>
    ["plain", "checked", "hooked", "inbox:zoe"].map((name) => [appName, subject, name] as const),
  ),
);

describe.each(encodings)("default permissions, in %s,", (encoding) => {
  it.each(cases)("%s: the %s may do in %s what the table says", async (appName, subject, name) => {
    const { asker, errors } = await connect(encoding, appName, subject, name);
    const circumstances = {
      hasAuthenticate: appName === "with authenticate",
      isPersonal: name.startsWith("inbox:"),
      isForClients: name === "checked" || name === "hooked",
    };
    const mayPublish = isAllowed(accessByDefault("publish", circumstances), subject);
    const publication = { channel: name, ...commands.publish };
    expect(await asker.ask("rpc", { method: "holdfast.publish", data: publication })).toBe(
      mayPublish ? "allowed" : "error 103",
    );
    for (const [method, params] of Object.entries(commands)) {
      // Who is subscribed already needs no permission.
      if (method === "subscribe" && subject === "subscriber") continue;
      const action = method === "presence_stats" ? "presence" : (method as ChannelAction);
      const expected = isAllowed(accessByDefault(action, circumstances), subject) ? "allowed" : "error 103";
      expect([method, await asker.ask(method, { channel: name, ...params })]).toEqual([method, expected]);
      if (expected !== "allowed") expect(operations[method as "history"].refused).toContain(expected);
    }
    const mayCall = isAllowed(accessByDefault("rpc", circumstances), subject);
    expect(await asker.ask("rpc", { method: "hello" })).toBe(mayCall ? "allowed" : "error 103");
    expect(await asker.ask("unsubscribe", { channel: name })).toBe("allowed");
    expect(errors).toEqual([]);
  });

  it("deny everything in a channel that matches no pattern", async () => {
    const { asker } = await connect(encoding, "without authenticate", "user");
    for (const [method, params] of Object.entries(commands))
      expect([method, await asker.ask(method, { channel: "unheard-of", ...params })]).toEqual([
        method,
        "error 102",
      ]);
  });

  it("allow everything on a server without an application", async () => {
    const { url } = await startServer();
    const asker = await Asker.open(url, encoding);
    expect(await asker.ask("connect", {})).toBe("allowed");
    for (const [method, params] of Object.entries(commands))
      expect([method, await asker.ask(method, { channel: "any", ...params })]).toEqual([method, "allowed"]);
  });

  it.each([
    ["with authenticate", "rpc", { method: "unheard-of" }, "error 104"],
    ["with authenticate", "presence", { channel: "bare" }, "error 108"],
    ["with authenticate", "history", { channel: "bare" }, "error 108"],
    ["with authenticate", "ping", {}, "error 108"],
    ["with authenticate", "send", { data: 1 }, "close 3508"],
    ["with authenticate", "refresh", { token: tokenOf({ sub: "bob" }) }, "close 3500"],
    ["with authenticate", "refresh", { token: tokenOf({ sub: "ann", exp: 1 }) }, "close 3005"],
    ["with authenticate", "refresh", { token: tokenOf({ sub: "ann" }) }, "allowed"],
    ["with authenticate", "sub_refresh", { channel: "plain", token: "x" }, "error 103"],
    ["without authenticate", "refresh", { token: "x" }, "error 108"],
    ["without authenticate", "sub_refresh", { channel: "plain", token: "x" }, "error 108"],
  ] as const)("%s, %s %j is answered with what the table says", async (appName, method, params, expected) => {
    const { asker } = await connect(encoding, appName, "user");
    expect(await asker.ask(method, params)).toBe(expected);
    if (expected !== "allowed") expect(operations[method].refused).toContain(expected);
  });

  it.each([
    [{}, "close 3501"],
    [{ token: tokenOf({ sub: "ann" }, "another secret that is long enough, too") }, "close 3500"],
    [{ token: tokenOf({ sub: "ann", exp: 1 }) }, "error 109"],
  ] as const)(
    "a connect with %j that nobody knows is answered with what the table says",
    async (params, expected) => {
      const { url } = await startApp(defineApp({ authenticate: jwt({ secret }) }));
      expect(await (await Asker.open(url, encoding)).ask("connect", params)).toBe(expected);
      expect(operations.connect.refused).toContain(expected);
    },
  );
});

describe("API keys of other servers", () => {
  const keys: Readonly<Record<Scope, string>> = {
    read: "a key for reading, long enough",
    publish: "a key for publishing, long enough",
    admin: "a key for all, and long enough",
  };
  const includes: Readonly<Record<Scope, readonly Scope[]>> = {
    read: ["read"],
    publish: ["read", "publish"],
    admin: ["read", "publish", "admin"],
  };

  it.each(["read", "publish", "admin"] as const)(
    "of scope %s may call what the table says",
    async (scope) => {
      const apiKeys = Object.entries(keys).map(([name, key]) => ({ key, scope: name as Scope }));
      const { api } = await startApp(apps["with authenticate"], { apiKeys });
      const turn = Object.keys(keys).indexOf(scope);
      for (const [i, [name, method]] of [...apiMethods].entries()) {
        // Without parameters, so that nothing comes of what is allowed.
        const { status, body } = await api(name, {}, { "X-API-Key": keys[scope] });
        const isRefused = body.error?.code === 103;
        expect([name, status, isRefused]).toEqual([name, 200, !includes[scope].includes(method.scope)]);
        // A third of them: who tries more wrong keys is refused for a while.
        if (i % 3 !== turn) continue;
        expect((await api(name, {}, { "X-API-Key": "a key that nobody knows of" })).status).toBe(401);
      }
    },
  );

  it("may call nothing when there are none", async () => {
    const { http } = await startApp(apps["with authenticate"], { apiKeys: [] });
    for (const name of [...apiMethods.keys(), "batch"])
      expect((await fetch(`${http}/api/${name}`, { method: "POST", body: "{}" })).status).toBe(401);
  });
});
