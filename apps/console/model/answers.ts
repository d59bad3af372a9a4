/** Answers of the API, as far as the console shows them. The server describes them at /api/openapi.json. */
import type { Scope } from "./api.js";

export interface KeyAnswer {
  readonly name: string;
  readonly scope: Scope;
}

export interface StoreHealth {
  readonly index_bytes: number;
  readonly journal_bytes: number;
  readonly pending_bytes: number;
  readonly channels: number;
  readonly publications: number;
  readonly commits: number;
  readonly commit_seconds: number;
}

export interface NodeHealth {
  readonly resident_bytes: number;
  readonly heap_bytes: number;
  readonly cpu_seconds: number;
  readonly held_bytes: number;
  readonly ring_bytes: number;
  readonly errors: number;
  readonly broker: string;
  readonly broker_up: boolean;
  readonly broker_disconnects: number;
  readonly position_repairs: number;
  readonly recovered: number;
  readonly not_recovered: number;
  readonly store?: StoreHealth;
}

export interface NodeAnswer {
  readonly uid: string;
  readonly name: string;
  readonly version: string;
  readonly num_clients: number;
  readonly num_users: number;
  readonly num_subs: number;
  readonly num_channels: number;
  readonly uptime: number;
  readonly health?: NodeHealth;
}

export interface SilentNode {
  readonly uid: string;
  readonly name: string;
  readonly version: string;
}

export interface InfoAnswer {
  readonly nodes: readonly NodeAnswer[];
  readonly silent?: readonly SilentNode[];
}

export interface LoadSample {
  readonly at: number;
  readonly connections: number;
  readonly subscriptions: number;
  readonly published: number;
  readonly delivered: number;
  readonly received_bytes: number;
  readonly sent_bytes: number;
  readonly behind: number;
  readonly loop_lag_ms: number;
}

export interface LoadAnswer {
  readonly interval_ms: number;
  readonly nodes: readonly {
    readonly uid: string;
    readonly name: string;
    readonly samples: readonly LoadSample[];
  }[];
  readonly silent: readonly SilentNode[];
}

export interface ChannelsAnswer {
  readonly channels: Readonly<
    Record<string, { readonly num_clients: number; readonly epoch?: string; readonly offset?: number }>
  >;
  readonly next?: string;
}

export interface SubscriptionAnswer {
  readonly channel: string;
  readonly epoch: string;
  readonly offset: number;
  readonly head: number;
  readonly state: string;
}

export interface ConnectionAnswer {
  readonly client: string;
  readonly user: string;
  readonly transport: string;
  readonly codec?: string;
  readonly address?: string;
  readonly name?: string;
  readonly version?: string;
  readonly node: string;
  readonly opened_at: number;
  readonly unsent_bytes: number;
  readonly behind_since?: number;
  readonly num_channels: number;
  readonly channels: readonly string[];
  readonly subscriptions?: readonly SubscriptionAnswer[];
}

export interface ConnectionsAnswer {
  readonly connections: readonly ConnectionAnswer[];
  readonly next?: string;
}

export interface ChannelRulesAnswer {
  readonly pattern?: string;
  readonly kind: "stream" | "live" | "latest" | "map";
  readonly durability: string;
  readonly history: { readonly size: number; readonly bytes: number; readonly ttl_ms: number };
  readonly presence: boolean;
  readonly join_leave: boolean;
  readonly recovery: string;
  readonly hooks: readonly string[];
}

export interface InspectAnswer extends ChannelRulesAnswer {
  readonly epoch: string;
  readonly offset: number;
  readonly oldest?: number;
  readonly newest_time?: number;
  readonly num_clients: number;
}

export interface PublicationAnswer {
  readonly offset: number;
  readonly time: number;
  readonly data?: unknown;
  readonly key?: string;
  readonly removed?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
  readonly info?: { readonly user: string; readonly client: string };
}

export interface HistoryAnswer {
  readonly publications: readonly PublicationAnswer[];
  readonly offset: number;
  readonly epoch: string;
}

export interface TailAnswer extends Omit<HistoryAnswer, "publications"> {
  /** Without an offset in channels of kind live. */
  readonly publications: readonly (Omit<PublicationAnswer, "offset"> & { readonly offset?: number })[];
  readonly recovered: boolean;
}

export interface WhyAnswer {
  readonly cause: string;
  readonly sentence: string;
  readonly publication?: { readonly epoch: string; readonly offset: number; readonly time?: number };
  readonly evidence: readonly {
    readonly at?: number;
    readonly node?: string;
    readonly client?: string;
    readonly text: string;
  }[];
  readonly silent: readonly string[];
}

export interface SettingAnswer {
  readonly option: string;
  readonly section: string;
  readonly value: unknown;
  readonly is_default: boolean;
  readonly doc: string;
}

export interface ConfigAnswer {
  readonly version: string;
  readonly node: string;
  readonly settings: readonly SettingAnswer[];
  readonly channels: readonly (ChannelRulesAnswer & { readonly allow: Readonly<Record<string, string>> })[];
}
