/** An application with a channel of each kind, and with hooks and methods that refuse, fail, give nonsense or never end. */
import * as v from "valibot";
import { type AppOptions, channel, defineApp, Rejection, reject, rpc } from "../../../src/index.js";

/** What the application itself throws; anything else that is reported is a fault of the server. */
export const ownFault = "a fault of the application";

const everybody = { subscribe: "all", publish: "all", presence: "all", history: "all" } as const;
const never = new Promise<never>(() => {});

/** How a hook goes, by a word that comes with the command. */
async function behave<T>(word: unknown, value: T): Promise<T> {
  if (word === "broken") throw new Error(ownFault);
  if (word === "refused") reject(450, "not this one");
  if (word === "hangs") return await never;
  if (word === "strange") return 1n as never;
  if (word === "slow") for (let i = 0; i < 10; i++) await Promise.resolve();
  return value;
}

const channels = {
  "open:{name}": channel({
    allow: everybody,
    presence: true,
    joinLeave: true,
    tagsFilter: true,
    delta: true,
  }),
  "forced:{name}": channel({ allow: everybody, presence: true, joinLeave: "force", recovery: "allow" }),
  "short:{name}": channel({ allow: everybody, history: { size: 3, ttl: "10s" }, delta: true }),
  "cached:{name}": channel({ allow: everybody, recoveryMode: "cache", tagsFilter: true, delta: true }),
  "none:{name}": channel({ allow: everybody, history: false, recovery: "off" }),
  "live:{name}": channel({ kind: "live", allow: everybody, presence: true, joinLeave: true }),
  "latest:{name}": channel({ kind: "latest", allow: everybody, presence: true, tagsFilter: true }),
  "map:{name}": channel({ kind: "map", allow: everybody, presence: true, tagsFilter: true, delta: true }),
  "passing:{name}": channel({
    kind: "map",
    allow: everybody,
    history: false,
    map: { ttl: "5s", maxKeys: 2 },
  }),
  "scored:{name}": channel({
    kind: "map",
    allow: everybody,
    map: { keys: "client", score: "a" },
    remove: ({ key }) => behave(key, undefined),
  }),
  "who:{name}": channel({ kind: "map", allow: everybody, map: { subscribersOf: "open:{name}" } }),
  "users:{name}": channel({
    kind: "map",
    allow: everybody,
    map: { subscribersOf: "open:{name}", by: "user" },
  }),
  "plain:{name}": channel({ presence: true }),
  "shut:{name}": channel({ allow: { subscribe: false, publish: false, presence: false, history: false } }),
  "chat:{room}": channel({
    data: v.object({ text: v.string() }),
    presence: true,
    allow: { subscribe: "all", publish: "subscribers" },
    subscribe: ({ params }) => behave(params.room, { welcome: params.room }),
    publish: ({ data, user }) => behave(data.text, { ...data, from: user.id }),
  }),
  "asked:{how}": channel({
    allow: {
      subscribe: async ({ params }) => await behave(params.how, true),
      publish: ({ params, isSubscribed }) => isSubscribed && behave(params.how, true),
      history: ({ params }) => behave(params.how, true),
    },
  }),
  "inbox:{user}": channel({ presence: true }),
};

export function createFuzzApp(authenticate: AppOptions<never, never>["authenticate"]) {
  return defineApp({
    ...(authenticate !== undefined && { authenticate, anonymous: true }),
    channels,
    personalChannel: "inbox:{user}",
    rpc: {
      echo: rpc({ allow: "all", handler: ({ data }) => data ?? null }),
      add: rpc({
        allow: "all",
        input: v.object({ a: v.number(), b: v.number() }),
        handler: ({ data }) => data.a + data.b,
      }),
      behave: rpc({ allow: "all", handler: ({ data }) => behave(data, 1) }),
      users: rpc({ allow: "users", handler: ({ user }) => user.id }),
    },
    onConnect: ({ data }) => {
      if (data === "refused") reject(420, "come back never");
      return data === "channels" ? { data: { hi: 1 }, channels: ["open:a", "live:a"] } : undefined;
    },
    onMessage: ({ data }) => behave(data, undefined),
    onDisconnect: ({ user }) => behave(user.meta, undefined),
  });
}

/**
 * Whether a report is of what the application did: it threw, it took too long, returned what is not JSON, or refused
 * where it was not asked for more than yes or no.
 */
export function isOwnFault(error: unknown): boolean {
  if (error instanceof Rejection) return true;
  const text = error instanceof Error ? error.message : String(error);
  return text === ownFault || /took longer than \d+ ms$|which is not JSON|that is not JSON:/.test(text);
}
