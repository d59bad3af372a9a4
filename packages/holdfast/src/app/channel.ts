/**
 * How an application describes a channel: what is kept, who may do what, its schema and its hooks. Only describes it;
 * compile-channel.ts checks it. Runs in browsers, too.
 */
import type { Durability } from "../channels/log.js";
import type { ChannelKind, PayloadKind, RecoveryMode, RecoveryRule } from "../channels/rules.js";
import type { Duration } from "../time/clock.js";
import type { Access } from "./access.js";
import type { Schema, User } from "./hooks.js";
import type { Params } from "./pattern.js";

export interface HistoryOptions {
  /** Number of publications. @default 1,000 */
  readonly size?: number;
  /** How long each is kept. @default 1 day */
  readonly ttl?: Duration;
  /** Bytes of all publications. @default 4 MiB */
  readonly bytes?: number;
}

/** @typeParam Data the published data, as subscribers get it */
export interface MapOptions<Data = unknown> {
  /** Which keys a client may set: any, the id of its connection, or the id of its user. @default "any" */
  readonly keys?: "any" | "client" | "user";
  /** How long a key is kept after it was last published. @default forever */
  readonly ttl?: Duration;
  /** Number of keys; beyond, new keys are refused. @default 10,000 */
  readonly maxKeys?: number;
  /** How many of them one user (or address, if anonymous) may set once half are taken. @default a tenth */
  readonly maxUserKeys?: number;
  /** Bytes of all values, each counted with about 200 more. @default 8 MiB */
  readonly maxBytes?: number;
  /** Orders keys, highest first: a function of the data that returns a number, or the name of a numeric field. @default by key */
  readonly score?: string | ((data: Data) => number);
  /**
   * Makes the map a list of the subscribers of another channel, which the server keeps: the pattern of that channel, with the same
   * parameters. Excludes `score` and `keys`; nobody may publish in it.
   */
  readonly subscribersOf?: string;
  /**
   * In a list of subscribers: an entry for each connection, removed with it, or for each user, kept for `ttl` after its last
   * connection has gone.
   * @default "client"
   */
  readonly by?: "client" | "user";
}

export interface AllowOptions {
  /** @default "users", or "all" if the application has no `authenticate` */
  readonly subscribe?: Access;
  /** @default "subscribers" if there is a `publish` hook or a schema, else only the server */
  readonly publish?: Access;
  /** @default "subscribers" */
  readonly presence?: Access;
  /** @default "subscribers" */
  readonly history?: Access;
}

export interface SubscribeContext {
  readonly user: User;
  readonly channel: string;
  /** By name, from the pattern of the channel. */
  readonly params: Params;
  /** The `data` that the client sent with the subscribe command: any JSON. */
  readonly data: unknown;
}

export interface PublishContext<Data> {
  readonly user: User;
  readonly channel: string;
  readonly params: Params;
  /** The published data, as the schema returned it. */
  readonly data: Data;
  /** The key of the data: always in channels of kind `map`, and in those of kind `latest` if the client named one. */
  readonly key?: string;
}

export interface RemoveContext {
  readonly user: User;
  readonly channel: string;
  readonly params: Params;
  readonly key: string;
}

declare const unchanged: unique symbol;
/** The default of `Published`: no hook changes the data. */
type Unchanged = typeof unchanged;
/** What subscribers get. */
type Delivered<Data, Published> = [Published] extends [Unchanged] ? Data : Published;

/** What a `poll` function decides by, besides the keys. */
export interface PollContext {
  readonly channel: string;
  readonly params: Params;
  /** The versions of the values that the server has, by key; only those of values that it has. */
  readonly versions: ReadonlyMap<string, number>;
}

/** The value of a key. Keys that are left out have not changed. */
export interface PollItem {
  readonly key: string;
  /** Any JSON; a Uint8Array where the channel's payload is `"binary"`. Ignored if it is removed. */
  readonly data?: unknown;
  /** Positive, and greater than that of any earlier value of the key. */
  readonly version?: number;
  readonly removed?: boolean;
}

export type PollFunction = (
  keys: readonly string[],
  context: PollContext,
) => Iterable<PollItem> | Promise<Iterable<PollItem>>;

/** One of `fetch` and `url` is needed. */
export interface PollOptions {
  readonly fetch?: PollFunction;
  /**
   * Asks by `POST` with `{channel, items: [{key, version}]}`, which is answered with
   * `{result: {items: [{key, data or b64data, version, removed}]}}`.
   */
  readonly url?: string;
  /** Header fields of requests to `url`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** From an answer to the next question. @default 1 second */
  readonly interval?: Duration;
  /**
   * The secret that the application signs lists of keys with, of at least 16 bytes; in a list, any of them.
   * @default clients need no signature, and may track every key
   */
  readonly secret?: string | readonly string[];
  /** Whether values come with versions. Otherwise they are compared, and their versions made up. @default true */
  readonly versions?: boolean;
  /** Most keys of the channel of all clients of a node. @default 10,000 */
  readonly maxKeys?: number;
  /** Most keys of one client. @default 1,000 */
  readonly maxClientKeys?: number;
  /** Most bytes of all values of the channel on a node, each counted with about 200 more. @default 8 MiB */
  readonly maxBytes?: number;
}

/** Values that `JSON.stringify` can write; bytes are none. */
export type AnyJson =
  | string
  | number
  | boolean
  | null
  | (object & { readonly BYTES_PER_ELEMENT?: never })
  // What is written in braces, where the compiler would refuse every other property of the above.
  | { readonly [key: string]: unknown; readonly BYTES_PER_ELEMENT?: never };
/** What hooks get: without a schema, bytes in a channel of bytes. */
type Carried<Data, Payload> = Payload extends "binary" ? (unknown extends Data ? Uint8Array : Data) : Data;
/** What clients publish: without a schema, any JSON, or bytes in a channel of bytes. */
type Publishable<Input, Payload> = unknown extends Input
  ? Payload extends "binary"
    ? Uint8Array
    : AnyJson
  : Input;

/** Where types are written out, `channel<Uint8Array>` is of bytes. */
type DefaultPayload<Input> = Input extends Uint8Array ? "binary" : "json";

export interface ChannelOptions<
  Input = unknown,
  Data = Input,
  Published = Data,
  Payload extends PayloadKind = PayloadKind,
> {
  /** How it is kept and read. @default "stream" */
  readonly kind?: ChannelKind;
  /** In channels of kind `map`: its keys, how long they are kept, and their order. */
  readonly map?: MapOptions<NoInfer<Delivered<Carried<Data, Payload>, Published>>>;
  /** How much is kept; `false` keeps nothing. @default 1,000 publications for 1 day */
  readonly history?: HistoryOptions | false;
  /**
   * What publications carry: `"json"`, or `"binary"` for bytes, which hooks and schemas get as a Uint8Array. Anything else is refused.
   * @default "json"
   */
  readonly payload?: Payload;
  /** What a publish waits for. @default "process" */
  readonly durability?: Durability;
  /** Whether the server keeps a list of who is subscribed. @default false */
  readonly presence?: boolean;
  /** Whether subscribers are told who joins and leaves: those that ask for it (`true`), or all (`"force"`). @default false */
  readonly joinLeave?: boolean | "force";
  /** Whether clients that reconnect continue where they were: all, those that ask for it, or none. @default "force" */
  readonly recovery?: RecoveryRule;
  /** What they get then: everything they missed, or the newest publication. @default "stream" */
  readonly recoveryMode?: RecoveryMode;
  /** Whether subscribers may filter publications by tags. @default false */
  readonly tagsFilter?: boolean;
  /** Whether subscribers may get payloads as patches of the previous one. @default false */
  readonly delta?: boolean;
  /**
   * How long SDKs gather what their application publishes, of which they send the first at once and then the last of each key: for
   * cursors and the like. Not a limit. @default not at all
   */
  readonly publishDebounce?: Duration;
  /** Who may subscribe, publish, and read presence and history. */
  readonly allow?: AllowOptions;
  /**
   * Whether a name with a `#`, such as `dialog#ann,bo`, is for the users after it: these may subscribe, and nobody else may do
   * anything without a token for the channel. Names without a `#` are as in any channel. @default false
   */
  readonly userLimited?: boolean;
  /** Schema of publications: any Standard Schema (zod, valibot, arktype). @default any JSON */
  readonly data?: Schema<Input, Data>;
  /**
   * Makes the channel a polled one: clients track keys, and the server asks for the values of all tracked keys together. A function, or an
   * object with it and more options. Excludes `kind`, `map`, `history` and `publish`.
   */
  readonly poll?: PollFunction | PollOptions;
  /** Called when a client that may subscribe does so. What it returns is JSON for the client; `reject` refuses. */
  readonly subscribe?: (context: SubscribeContext) => unknown;
  /** Called when a client that may publish does so. Returns the data as subscribers get it; `reject` refuses. */
  readonly publish?: (context: PublishContext<Carried<Data, Payload>>) => Published | Promise<Published>;
  /**
   * Called when a client removes a key of a map; `reject` refuses.
   * @default clients that may publish may remove, unless there is a `publish` hook and clients choose their keys
   */
  readonly remove?: (context: RemoveContext) => unknown;
}

/** A channel of an application; made by `channel`. */
export interface ChannelDefinition<Input = unknown, Published = unknown> {
  readonly options: ChannelOptions;
  /** For the compiler only: what clients publish, and what subscribers get. */
  readonly "~types"?: { readonly input: Input; readonly published: Published };
}

/** Describes a channel. Its types come from its own options. */
export function channel<
  Input = unknown,
  Data = Input,
  Published = Unchanged,
  Payload extends PayloadKind = DefaultPayload<Input>,
>(
  options: ChannelOptions<Input, Data, Published, Payload> = {},
): ChannelDefinition<
  NoInfer<Publishable<Input, Payload>>,
  NoInfer<Delivered<Carried<Data, Payload>, Published>>
> {
  // The hooks take what the schema returns, which is checked where they are called.
  return Object.freeze({ options: Object.freeze(options) as unknown as ChannelOptions });
}
