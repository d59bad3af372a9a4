/** The channels of a torture run: what each kind promises, by the prefix of its name. */

export type Durability = "memory" | "process" | "disk";

export interface ChannelTraits {
  readonly kind: "stream" | "live" | "latest" | "map";
  readonly durability: Durability;
  /** Entries that the log keeps at least; undefined where it keeps all of a run. */
  readonly maxEntries?: number;
}

/** Entries of the logs that are short, so that readers that stay away fall out of them. */
export const shortEntries = 50;

const traitsByPrefix = {
  process: { kind: "stream", durability: "process" },
  disk: { kind: "stream", durability: "disk" },
  memory: { kind: "stream", durability: "memory" },
  short: { kind: "stream", durability: "process", maxEntries: shortEntries },
  latest: { kind: "latest", durability: "process" },
  live: { kind: "live", durability: "memory" },
  map: { kind: "map", durability: "process" },
} as const satisfies Record<string, ChannelTraits>;

export type Prefix = keyof typeof traitsByPrefix;

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

export function createChannelNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${cycle[index % cycle.length]}:${index}`);
}

/** A server without a store keeps everything in memory, whatever the channel is called. */
export type Store = "disk" | "none";

export function isMap(channel: string): boolean {
  return channel.startsWith("map:");
}

export function traitsOf(channel: string, store: Store = "disk"): ChannelTraits {
  const prefix = channel.split(":", 1)[0] as Prefix;
  const traits: ChannelTraits | undefined = traitsByPrefix[prefix];
  if (traits === undefined) throw new Error(`no channel of a torture run: ${channel}`);
  return store === "none" ? { ...traits, durability: "memory" } : traits;
}

/** How a server process ended: its memory is gone, or also what the disk had not been told to keep. */
export type Loss = "kill" | "powerCut";

export function survives(durability: Durability, loss: Loss): boolean {
  return durability === "disk" || (durability === "process" && loss === "kill");
}

/** For the server: the rules of each prefix as one JSON text. */
export function describeRules(): string {
  return JSON.stringify(traitsByPrefix);
}
