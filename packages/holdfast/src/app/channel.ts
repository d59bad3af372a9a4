/** What an application says of a channel: what is kept, who may do what, what its data looks like, and hooks. */
import type { Durability } from "../channels/broker.js";
import type { ChannelKind, Recovery, RecoveryMode } from "../channels/rules.js";
import type { Access } from "./access.js";
import type { Duration } from "./duration.js";
import type { MapOptions } from "./map-options.js";
import type { Params } from "./pattern.js";
import type { Schema } from "./schema.js";
import type { User } from "./user.js";

export interface HistoryOptions {
  /** Most publications. @default 1,000 */
  readonly size?: number;
  /** How long each is kept. @default 1 day */
  readonly ttl?: Duration;
  /** Most bytes of publications. @default 4 MiB */
  readonly bytes?: number;
}

export interface AllowOptions {
  /** @default "users"; where the application has no `authenticate`, "all" */
  readonly subscribe?: Access;
  /** @default "subscribers" where there is a `publish` hook or a schema; else nobody but the server */
  readonly publish?: Access;
  /** @default "subscribers" */
  readonly presence?: Access;
  /** @default "subscribers" */
  readonly history?: Access;
}

export interface SubscribeContext {
  readonly user: User;
  readonly channel: string;
  readonly params: Params;
  /** What the client sent with the command. */
  readonly data: unknown;
}

export interface PublishContext<Data> {
  readonly user: User;
  readonly channel: string;
  readonly params: Params;
  /** Checked with the schema, where there is one. */
  readonly data: Data;
  /** What the data is the value of, in channels of kind `map`; in those of kind `latest`, where the client has named one. */
  readonly key?: string;
}

export interface RemoveContext {
  readonly user: User;
  readonly channel: string;
  readonly params: Params;
  readonly key: string;
}

export interface ChannelOptions<Input = unknown, Data = Input, Published = Data> {
  /** How it is read. @default "stream" */
  readonly kind?: ChannelKind;
  /** Of kind `map`: its keys, how long they stay, and their order. */
  readonly map?: MapOptions<NoInfer<Published>>;
  /** What is kept; `false` for nothing. @default 1,000 publications for a day */
  readonly history?: HistoryOptions | false;
  /** What a publish waits for. @default "process" */
  readonly durability?: Durability;
  /** Whether it is known who is subscribed. @default false */
  readonly presence?: boolean;
  /** Whether subscribers are told who comes and goes: those that ask for it, or all of them. @default false */
  readonly joinLeave?: boolean | "force";
  /** Whether clients that come back go on where they were: all, those that ask for it, none. @default "force" */
  readonly recovery?: Recovery;
  /** What they get: all they have missed, or the newest publication. @default "stream" */
  readonly recoveryMode?: RecoveryMode;
  /** Whether subscribers may ask for publications by their tags. @default false */
  readonly tagsFilter?: boolean;
  /** Whether subscribers may get payloads as patches of the ones before. @default false */
  readonly delta?: boolean;
  readonly allow?: AllowOptions;
  /** What publications have to look like: any Standard Schema (zod, valibot, arktype). @default any JSON */
  readonly data?: Schema<Input, Data>;
  /** Has the last word on subscriptions. What it returns is for the client; `reject` refuses. */
  readonly subscribe?: (context: SubscribeContext) => unknown;
  /** Has the last word on clients' publications. Returns the data as subscribers get it; `reject` refuses. */
  readonly publish?: (context: PublishContext<Data>) => Published | Promise<Published>;
  /**
   * Has the last word on clients' removals of a map's keys; `reject` refuses.
   * @default whoever may publish may remove; where there is a `publish` hook and clients choose their keys, nobody
   */
  readonly remove?: (context: RemoveContext) => unknown;
}

declare const types: unique symbol;

/** A channel of an application; made by `channel`. */
export interface ChannelDefinition<Input = unknown, Published = unknown> {
  readonly options: ChannelOptions;
  /** For the compiler only: what is published, and what subscribers get. */
  readonly [types]?: { readonly input: Input; readonly published: Published };
}

/** What may be published in a channel by a client. */
export type InputOf<C> = C extends ChannelDefinition ? NonNullable<C[typeof types]>["input"] : never;
/** What subscribers of a channel get. */
export type PublishedOf<C> = C extends ChannelDefinition ? NonNullable<C[typeof types]>["published"] : never;

declare const unchanged: unique symbol;
/** Stands for what no hook makes of the data. */
type Unchanged = typeof unchanged;

/** A channel of an application. Its types come from its own options; where it stands says nothing of them. */
export function channel<Input = unknown, Data = Input, Published = Unchanged>(
  options: ChannelOptions<Input, Data, Published> = {},
): ChannelDefinition<NoInfer<Input>, NoInfer<[Published] extends [Unchanged] ? Data : Published>> {
  // What the hook takes is what the schema gives, which is checked where they are called.
  return Object.freeze({ options: Object.freeze(options) as unknown as ChannelOptions });
}
