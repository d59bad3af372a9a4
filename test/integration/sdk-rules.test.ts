/** What an application allows and refuses, as the published SDK meets it: both sides of every rule. */
import * as v from "valibot";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import {
  channel,
  defineApp,
  type HoldfastServer,
  jwt,
  reject,
  rpc,
} from "../../packages/holdfast/src/index.js";
import {
  connectSdk,
  createSdk,
  next,
  secret,
  startApp,
  subscribeSdk,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { RawClient, textFrame, until } from "../../packages/holdfast/test/support/server.js";

const message = z.object({ text: z.string().min(1) });

const app = defineApp({
  authenticate: jwt({ secret }),
  anonymous: true,
  channels: {
    open: channel({
      allow: { subscribe: "all", publish: "all", presence: "all", history: "all" },
      presence: true,
    }),
    shut: channel({
      allow: { subscribe: false, publish: false, presence: false, history: false },
      presence: true,
    }),
    "members:{club}": channel({
      allow: { subscribe: "users", publish: "subscribers", presence: "subscribers", history: "subscribers" },
      presence: true,
    }),
    "staff:{name}": channel({ allow: { subscribe: "role:staff", publish: ["role:staff", "role:admin"] } }),
    "own:{user}": channel({ allow: { subscribe: ({ user, params }) => user.id === params.user } }),
    "chat:{room}": channel({
      data: message,
      publish: ({ user, params, data }) => {
        if (data.text === "forbidden") reject(451, "not here");
        if (data.text === "broken") throw new Error("a fault of the application");
        if (data.text === "nothing") return undefined as never;
        return { ...data, from: user.id, room: params.room ?? "" };
      },
      subscribe: ({ data, params }) => {
        if (params.room === "full") reject(450, "the room is full");
        return { welcome: params.room, said: data };
      },
    }),
    "chat:lobby": channel({ data: v.object({ text: v.string() }) }),
    "{name}": channel({ allow: { subscribe: "all" }, history: false }),
  },
  rpc: {
    add: rpc({
      input: z.object({ a: z.number(), b: z.number() }),
      allow: "all",
      handler: ({ data }) => data.a + data.b,
    }),
    whoami: rpc({ handler: ({ user }) => user.id }),
    secret: rpc({ allow: "role:staff", handler: () => "42" }),
    broken: rpc({ allow: "all", handler: () => Promise.reject(new Error("a fault of the application")) }),
    hangs: rpc({ allow: "all", handler: () => new Promise<never>(() => {}) }),
    refuses: rpc({ allow: "all", handler: () => reject(499, "no") }),
    strange: rpc({ allow: "all", handler: () => 1n }),
  },
});

type Code = number | "allowed";

async function outcomeOf(work: Promise<unknown>): Promise<Code> {
  return await work.then(
    () => "allowed" as const,
    (error: { code: number }) => error.code,
  );
}

async function clientOf(url: string, user: string, roles: readonly string[] = []) {
  return await connectSdk(url, user === "" ? {} : { token: tokenOf({ sub: user, roles }) });
}

async function subscribeOutcome(
  url: string,
  name: string,
  user: string,
  roles?: readonly string[],
): Promise<Code> {
  const client = await clientOf(url, user, roles);
  const subscription = client.newSubscription(name);
  const refused = next<{ code: number }>(subscription, "unsubscribed");
  const done = next(subscription, "subscribed");
  subscription.subscribe();
  return await Promise.race([done.then(() => "allowed" as const), refused.then(({ code }) => code)]);
}

describe("subscribing", () => {
  it.each<[string, string, readonly string[], Code]>([
    ["open", "", [], "allowed"],
    ["shut", "ann", ["staff"], 103],
    ["members:chess", "ann", [], "allowed"],
    ["members:chess", "", [], 103],
    ["staff:a", "ann", ["staff"], "allowed"],
    ["staff:a", "ann", ["other"], 103],
    ["staff:a", "", [], 103],
    ["own:ann", "ann", [], "allowed"],
    ["own:bob", "ann", [], 103],
    ["chat:full", "ann", [], 450],
    ["chat:hall", "ann", [], "allowed"],
    ["anything", "", [], "allowed"],
    ["unheard:of", "ann", [], 102],
  ])("to %s as %j with %j comes to %s", async (name, user, roles, expected) => {
    const { url, errors } = await startApp(app);
    expect(await subscribeOutcome(url, name, user, roles)).toBe(expected);
    expect(errors).toEqual([]);
  });

  it("returns the hook's result", async () => {
    const { url } = await startApp(app);
    const client = await clientOf(url, "ann");
    const subscription = client.newSubscription("chat:hall", { data: { hi: 1 } });
    const done = next<{ data: unknown }>(subscription, "subscribed");
    subscription.subscribe();
    expect((await done).data).toEqual({ welcome: "hall", said: { hi: 1 } });
  });
});

describe("publishing", () => {
  it.each<[string, string, readonly string[], Code]>([
    ["open", "", [], "allowed"],
    ["shut", "ann", [], 103],
    ["members:chess", "ann", [], 103],
    ["staff:a", "ann", ["admin"], "allowed"],
    ["staff:a", "ann", [], 103],
    ["anything", "ann", [], 103],
    ["unheard:of", "ann", [], 102],
  ])("into %s as %j with %j, without a subscription, comes to %s", async (name, user, roles, expected) => {
    const { url } = await startApp(app);
    const client = await clientOf(url, user, roles);
    expect(await outcomeOf(client.publish(name, { text: "x" }))).toBe(expected);
  });

  it("is allowed to subscribers when the channel says so", async () => {
    const { url } = await startApp(app);
    const subscription = await subscribeSdk(await clientOf(url, "ann"), "members:chess");
    expect(await outcomeOf(subscription.publish("x"))).toBe("allowed");
  });

  it("sends subscribers the data returned by the hook", async () => {
    const { url } = await startApp(app);
    const subscription = await subscribeSdk(await clientOf(url, "ann"), "chat:hall");
    const received = next<{ data: unknown }>(subscription, "publication");
    await subscription.publish({ text: "hello", extra: 1 });
    expect((await received).data).toEqual({ text: "hello", from: "ann", room: "hall" });
  });

  it.each([
    ["chat:hall", { text: 5 }, 107, "data.text: "],
    ["chat:hall", { text: "" }, 107, "data.text: "],
    ["chat:hall", "text", 107, "data: "],
    ["chat:lobby", { text: 5 }, 107, "data.text: "],
    ["chat:hall", { text: "forbidden" }, 451, "not here"],
  ])("into %s of %j is refused, and says where it is wrong", async (name, data, code, words) => {
    const { url, errors } = await startApp(app);
    const subscription = await subscribeSdk(await clientOf(url, "ann"), name);
    await expect(subscription.publish(data)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
    expect(errors).toEqual([]);
  });

  it.each(["broken", "nothing"])(
    "fails alone, and is reported once, where the hook is at fault: %s",
    async (text) => {
      const { url, errors } = await startApp(app);
      const subscription = await subscribeSdk(await clientOf(url, "ann"), "chat:hall");
      await expect(subscription.publish({ text })).rejects.toMatchObject({ code: 100 });
      expect(errors).toHaveLength(1);
      await expect(subscription.publish({ text: "on we go" })).resolves.toBeDefined();
    },
  );
});

describe.each(["presence", "history"] as const)("reading %s", (what) => {
  it.each<[string, string, boolean, Code]>([
    ["open", "", false, "allowed"],
    ["shut", "ann", false, 103],
    ["members:chess", "ann", false, 103],
    ["members:chess", "ann", true, "allowed"],
    ["unheard:of", "ann", false, 102],
  ])("of %s as %j, subscribed: %s, comes to %s", async (name, user, isSubscribed, expected) => {
    const { url } = await startApp(app);
    const client = await clientOf(url, user);
    if (isSubscribed) await subscribeSdk(client, name);
    const read = what === "presence" ? client.presence(name) : client.history(name, { limit: 1 });
    expect(await outcomeOf(read)).toBe(expected);
  });

  it("is unavailable when the channel has it off", async () => {
    const { url } = await startApp(app);
    const client = await clientOf(url, "ann");
    const subscription = await subscribeSdk(client, "anything");
    const read = what === "presence" ? subscription.presence() : subscription.history({ limit: 1 });
    expect(await outcomeOf(read)).toBe(108);
  });
});

describe("methods", () => {
  it.each<[string, unknown, string, readonly string[], unknown]>([
    ["add", { a: 1, b: 2 }, "", [], { data: 3 }],
    ["add", { a: 1, b: "2" }, "", [], { code: 107, message: expect.stringContaining("data.b: ") }],
    ["whoami", undefined, "ann", [], { data: "ann" }],
    ["whoami", undefined, "", [], { code: 103 }],
    ["secret", undefined, "ann", ["staff"], { data: "42" }],
    ["secret", undefined, "ann", [], { code: 103 }],
    ["refuses", undefined, "", [], { code: 499, message: "no" }],
    ["toString", undefined, "ann", [], { code: 104 }],
  ])("%s of %j as %j with %j comes to %j", async (name, data, user, roles, expected) => {
    const { url, errors } = await startApp(app);
    const client = await clientOf(url, user, roles);
    expect(await client.rpc(name, data).catch((error: unknown) => error)).toMatchObject(expected as object);
    expect(errors).toEqual([]);
  });

  it.each(["broken", "strange", "hangs"])(
    "that are at fault fail alone, and are reported once: %s",
    async (name) => {
      const { url, errors } = await startApp(app, { hookTimeoutMs: 50 });
      const client = await clientOf(url, "ann");
      await expect(client.rpc(name, null)).rejects.toMatchObject({ code: 100 });
      expect(errors).toHaveLength(1);
      await expect(client.rpc("whoami", null)).resolves.toEqual({ data: "ann" });
    },
  );
});

describe("hooks of connections", () => {
  it("accept, subscribe, and see the end of a connection", async () => {
    const onDisconnect = vi.fn();
    const { url, server } = await startApp(
      defineApp({
        authenticate: ({ emulatedHeaders }) => ({ id: emulatedHeaders?.["x-user"] ?? "nobody" }),
        channels: { "inbox:{user}": channel(), news: channel() },
        personalChannel: "inbox:{user}",
        onConnect: ({ user, data }) => ({ data: { hello: user.id, data }, channels: ["news"] }),
        onDisconnect: ({ user }) => onDisconnect(user.id),
      }),
    );
    const client = await connectSdk(url, { headers: { "X-User": "ann" }, data: { a: 1 } });
    const received = next<{ channel: string; data: unknown }>(client, "publication");
    await server.publish("inbox:ann", "for you");
    expect(await received).toMatchObject({ channel: "inbox:ann", data: "for you" });
    client.disconnect();
    await until(() => onDisconnect.mock.calls.length === 1);
    expect(onDisconnect).toHaveBeenCalledWith("ann");
  });

  it("that authenticate too slowly end the connection, and the client reconnects", async () => {
    let asked = 0;
    const never = new Promise<undefined>(() => {});
    const { url, port, errors } = await startApp(
      // In the list, all functions have the time together.
      defineApp({ authenticate: [() => undefined, () => (++asked <= 2 ? never : { id: "ann" })] }),
      { hookTimeoutMs: 50 },
    );
    const raw = await RawClient.upgrade(port);
    raw.write(textFrame({ id: 1, connect: {} }));
    expect(await raw.readClose()).toEqual({ code: 3004, reason: "internal server error" });
    const error = new Error("authenticate took longer than 50 ms");
    expect(errors).toEqual([error]);
    await connectSdk(url);
    expect(asked).toBe(3);
    expect(errors).toEqual([error, error]);
  });

  it("may refuse a known user, and the client stays away", async () => {
    const { url, errors } = await startApp(defineApp({ authenticate: () => reject(403, "banned") }));
    const client = createSdk(url);
    const ended = next<{ code: number; reason: string }>(client, "disconnected");
    client.connect();
    expect(await ended).toMatchObject({ code: 3507, reason: "permission denied: banned" });
    expect(errors).toEqual([]);
  });

  it("may refuse a connection", async () => {
    const { url } = await startApp(defineApp({ onConnect: () => reject(420, "come back never") }));
    const client = createSdk(url);
    const ended = next<{ code: number; reason: string }>(client, "disconnected");
    client.connect();
    expect(await ended).toMatchObject({ code: 4920, reason: "come back never" });
  });

  it("receive one-way messages", async () => {
    const onMessage = vi.fn();
    const { url } = await startApp(defineApp({ onMessage: ({ data }) => onMessage(data) }));
    const client = await connectSdk(url);
    await client.send({ hi: 1 });
    await until(() => onMessage.mock.calls.length === 1);
    expect(onMessage).toHaveBeenCalledWith({ hi: 1 });
  });
});

describe("several servers in one process", () => {
  it("share nothing", async () => {
    const one = await startApp(app);
    const other = await startApp(app);
    const [here, there] = await Promise.all([clientOf(one.url, "ann"), clientOf(other.url, "ann")]);
    const received = vi.fn();
    (await subscribeSdk(there, "open")).on("publication", received);
    await (await subscribeSdk(here, "open")).publish("x");
    const server: HoldfastServer<typeof app> = other.server;
    expect((await server.history("open")).publications).toEqual([]);
    expect(received).not.toHaveBeenCalled();
  });
});
