/** The channels of a torture run: what each kind promises, by the prefix of its name. */

export type Durability = "memory" | "process" | "disk";

export interface ChannelTraits {
  readonly kind: "stream" | "live" | "latest" | "map";
  readonly durability: Durability;
  /** Entries that the log keeps at least; undefined where it keeps all of a run. */
  readonly maxEntries?: number;
  /** Whether it has presence, joins and leaves. */
  readonly hasPresence?: true;
}

/** Entries of the logs that are short, so that readers that stay away fall out of them. */
export const shortEntries = 50;

const prefixes = {
  process: { kind: "stream", durability: "process" },
  disk: { kind: "stream", durability: "disk" },
  memory: { kind: "stream", durability: "memory" },
  short: { kind: "stream", durability: "process", maxEntries: shortEntries },
  latest: { kind: "latest", durability: "process" },
  live: { kind: "live", durability: "memory" },
  map: { kind: "map", durability: "process" },
  quiet: { kind: "stream", durability: "process" },
  people: { kind: "live", durability: "memory", hasPresence: true },
} as const satisfies Record<string, ChannelTraits>;

export type Prefix = keyof typeof prefixes;

/** In this order channels are made, so that few channels are of the kinds that promise most. */
const cycle: readonly Prefix[] = [
  "process",
  "disk",
  "short",
  "memory",
  "process",
  "latest",
  "disk",
  "live",
  "map",
  "process",
  "disk",
];

/** Keys of a map, so that its state takes more than one page of 100. */
export const mapKeys = 130;

export function createChannelNames(count: number, hasMaps = true): string[] {
  const prefixes = hasMaps ? cycle : cycle.filter((prefix) => prefix !== "map");
  return Array.from({ length: count }, (_, index) => `${prefixes[index % prefixes.length]}:${index}`);
}

/** Channels that have presence, and nothing else. */
export const peopleChannels: readonly string[] = ["people:0", "people:1"];

/** Channels of several nodes in which nothing follows what was published while nodes and their store fail. */
export const quietChannels: readonly string[] = ["quiet:0", "quiet:1", "quiet:2"];

/** What a store can keep: all that channels ask for, what a process must survive at most, or nothing. */
export type Store = "disk" | "process" | "none";

export function isMap(channel: string): boolean {
  return channel.startsWith("map:");
}

export function traitsOf(channel: string, store: Store = "disk"): ChannelTraits {
  const prefix = channel.split(":", 1)[0] as Prefix;
  if (!Object.hasOwn(prefixes, prefix)) throw new Error(`no channel of a torture run: ${channel}`);
  return promisedBy(store, prefixes[prefix]);
}

/** How a server process ended: its memory is gone, or also what the disk had not been told to keep. */
export type Loss =
  | "kill"
  | "powerCut"
  /** The store went back to an earlier state: it has forgotten the end of what was not on the disk. */
  | "rollback"
  /** A primary that another one had replaced is a replica now, and what it still took is gone. Its epoch ended with the promotion. */
  | "demotion";

export function survives(durability: Durability, loss: Loss): boolean {
  return durability === "disk" || (durability === "process" && loss === "kill");
}

/** For the server: what each prefix stands for. */
export function traitsByPrefix(store: Store): Record<Prefix, ChannelTraits> {
  const entries = Object.entries(prefixes).map(([prefix, traits]) => [prefix, promisedBy(store, traits)]);
  return Object.fromEntries(entries) as Record<Prefix, ChannelTraits>;
}

function promisedBy(store: Store, traits: ChannelTraits): ChannelTraits {
  if (store === "none") return { ...traits, durability: "memory" };
  return store === "process" && traits.durability === "disk" ? { ...traits, durability: "process" } : traits;
}
