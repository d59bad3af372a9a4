/** Types that the options of `defineApp`, `channel` and `rpc` give. Compiled by test/repo/types.test.ts and `npm run typecheck`. */
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  type AnyApp,
  type AnyJson,
  App,
  type AuthenticateContext,
  type ChannelData,
  type ChannelDefinition,
  type ChannelInput,
  type ChannelName,
  type ChannelPattern,
  channel,
  defineApp,
  jwt,
  type MethodInput,
  type MethodName,
  type MethodResult,
  type PatternParams,
  type RpcDefinition,
  reject,
  rpc,
  type User,
} from "../../src/index.js";

const message = z.object({ text: z.string(), sentAt: z.coerce.number().default(0) });

const app = defineApp({
  authenticate: [jwt({ secret: "" }), ({ token }) => (token ? { id: token } : undefined)],
  channels: {
    "chat:{room}": channel({ data: message, publish: ({ data, user }) => ({ ...data, from: user.id }) }),
    "files:{path*}": channel<{ bytes: number }>({}),
    news: channel({}),
  },
  rpc: {
    add: rpc({ input: z.object({ a: z.number() }), handler: ({ data }) => data.a }),
    ping: rpc({ handler: async () => "pong" as const }),
  },
});
type Chat = typeof app;

describe("a channel", () => {
  it("is of unknown data without a schema", () => {
    expectTypeOf(channel({})).toEqualTypeOf<ChannelDefinition<AnyJson, unknown>>();
    expectTypeOf(channel()).toEqualTypeOf<ChannelDefinition<AnyJson, unknown>>();
  });

  it("of JSON takes everything but bytes", () => {
    const check = (publish: (data: AnyJson) => void, said: { text: string }) => {
      publish(said);
      publish([1, null, { a: "b" }]);
      // @ts-expect-error: bytes are no JSON
      publish(new Uint8Array());
    };
    expectTypeOf(check).toBeFunction();
  });

  it("of bytes takes and gives bytes, in its hooks as well", () => {
    type Bytes = ChannelDefinition<Uint8Array, Uint8Array>;
    expectTypeOf(channel({ payload: "binary" })).toEqualTypeOf<Bytes>();
    expectTypeOf(channel<Uint8Array>({ payload: "binary" })).toEqualTypeOf<Bytes>();
    const turned = channel({
      payload: "binary",
      publish: ({ data }) => {
        expectTypeOf(data).toEqualTypeOf<Uint8Array>();
        return data.slice().reverse();
      },
    });
    expectTypeOf(turned).toExtend<Bytes>();
    const scored = channel({
      payload: "binary",
      kind: "map",
      map: { score: (data) => data.length },
    });
    expectTypeOf(scored).toEqualTypeOf<Bytes>();
    // @ts-expect-error: JSON is not what the channel carries
    channel<{ a: 1 }>({ payload: "binary" });
  });

  it("takes its types from type arguments, or from the schema: its input is published, its output is delivered", () => {
    expectTypeOf(channel<{ a: 1 }>({})).toEqualTypeOf<ChannelDefinition<{ a: 1 }, { a: 1 }>>();
    expectTypeOf(channel({ data: message })).toEqualTypeOf<
      ChannelDefinition<{ text: string; sentAt?: unknown }, { text: string; sentAt: number }>
    >();
  });

  it("delivers what its publish hook returns, also from a promise", () => {
    expectTypeOf(channel({ data: z.string(), publish: ({ data }) => data.length })).toEqualTypeOf<
      ChannelDefinition<string, number>
    >();
    expectTypeOf(channel({ data: z.string(), publish: async ({ data }) => data.length })).toEqualTypeOf<
      ChannelDefinition<string, number>
    >();
  });

  it("gives hooks the user, the parameters and the data that the schema returned", () => {
    channel({
      data: message,
      publish: ({ user, params, data, key }) => {
        expectTypeOf(user).toEqualTypeOf<User>();
        expectTypeOf(params).toEqualTypeOf<Readonly<Record<string, string>>>();
        expectTypeOf(data).toEqualTypeOf<{ text: string; sentAt: number }>();
        expectTypeOf(key).toEqualTypeOf<string | undefined>();
        return data;
      },
      subscribe: ({ data }) => expectTypeOf(data).toBeUnknown(),
      allow: { publish: ["role:admin", "subscribers"], history: ({ isSubscribed }) => isSubscribed },
    });
    channel({ kind: "map", data: z.object({ n: z.number() }), map: { score: ({ n }) => n } });
    channel({ publish: () => reject(403, "no") });
  });

  it("does not compile with options that it does not have", () => {
    // @ts-expect-error: there is no such option
    channel({ histroy: false });
    // @ts-expect-error: there is no such kind
    channel({ kind: "queue" });
    // @ts-expect-error: a word of access that does not exist
    channel({ allow: { publish: "everyone" } });
    // @ts-expect-error: not a duration
    channel({ history: { ttl: "a day" } });
    // @ts-expect-error: the data has no such field
    channel({ kind: "map", data: z.object({ n: z.number() }), map: { score: ({ m }) => m } });
  });
});

describe("a method", () => {
  it("takes its types from the schema of its input and from what its handler returns", () => {
    expectTypeOf(app.options.rpc?.add).toEqualTypeOf<RpcDefinition<{ a: number }, number> | undefined>();
    expectTypeOf<MethodInput<Chat, "add">>().toEqualTypeOf<{ a: number }>();
    expectTypeOf<MethodResult<Chat, "add">>().toBeNumber();
    expectTypeOf<MethodResult<Chat, "ping">>().toEqualTypeOf<"pong">();
    expectTypeOf<MethodInput<Chat, "ping">>().toBeUnknown();
  });

  it("does not compile without a handler, or with data that the schema does not return", () => {
    // @ts-expect-error: there is no handler
    rpc({ input: z.string() });
    // @ts-expect-error: the data is a string
    rpc({ input: z.string(), handler: ({ data }) => data.a });
  });
});

describe("an application", () => {
  it("knows its patterns, names, parameters and methods", () => {
    expectTypeOf<ChannelPattern<Chat>>().toEqualTypeOf<"chat:{room}" | "files:{path*}" | "news">();
    expectTypeOf<ChannelName<Chat>>().toEqualTypeOf<`chat:${string}` | `files:${string}` | "news">();
    expectTypeOf<PatternParams<"chat:{room}:{user}">>().toExtend<{ room: string; user: string }>();
    expectTypeOf<PatternParams<"files:{path*}">>().toExtend<{ path: string }>();
    expectTypeOf<MethodName<Chat>>().toEqualTypeOf<"add" | "ping">();
  });

  it("knows the data of a channel by its pattern and by its name", () => {
    type Delivered = { from: string; text: string; sentAt: number };
    expectTypeOf<ChannelData<Chat, "chat:{room}">>().toEqualTypeOf<Delivered>();
    expectTypeOf<ChannelData<Chat, "chat:lobby">>().toEqualTypeOf<Delivered>();
    expectTypeOf<ChannelData<Chat, `chat:${string}`>>().toEqualTypeOf<Delivered>();
    expectTypeOf<ChannelInput<Chat, "chat:{room}">>().toEqualTypeOf<{ text: string; sentAt?: unknown }>();
    expectTypeOf<ChannelData<Chat, "files:a/b">>().toEqualTypeOf<{ bytes: number }>();
  });

  it("is any application to whoever needs no more, and its shape alone counts", () => {
    expectTypeOf(app).toExtend<AnyApp>();
    expectTypeOf<App>().toExtend<AnyApp>();
    interface Copy {
      readonly "~types"?: {
        readonly channels: { readonly a: ChannelDefinition<1, 2> };
        readonly methods: Record<never, never>;
      };
    }
    expectTypeOf<ChannelData<Copy, "a">>().toEqualTypeOf<2>();
  });

  it("gives its hooks what they are called with", () => {
    defineApp({
      authenticate: (context) => {
        expectTypeOf(context).toEqualTypeOf<AuthenticateContext>();
        return { id: "ann", roles: ["admin"], channels: ["news"], expiresAt: 0 };
      },
      channels: {},
      onConnect: ({ user, data }) => {
        expectTypeOf(user).toEqualTypeOf<User>();
        expectTypeOf(data).toBeUnknown();
        return { data: 1 };
      },
      onMessage: ({ data }) => expectTypeOf(data).toBeUnknown(),
    });
  });

  it("does not compile with what it cannot mean", () => {
    // @ts-expect-error: there is no such option
    defineApp({ channles: {} });
    // @ts-expect-error: a user has an id
    defineApp({ channels: {}, authenticate: () => ({ name: "ann" }) });
    // @ts-expect-error: a channel is made by `channel`
    defineApp({ channels: { news: { kind: "live" } } });
    // @ts-expect-error: a list of roles
    defineApp({ channels: {}, authenticate: () => ({ id: "ann", roles: "admin" }) });
    // @ts-expect-error: there is no such algorithm
    jwt({ secret: "", algorithms: ["none"] });
    expectTypeOf(App).toBeConstructibleWith({ channels: {} });
  });
});
