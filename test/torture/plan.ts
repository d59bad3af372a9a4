/**
 * The plan of a torture run: which faults happen when, made ahead from the seed alone. What the faults meet when their
 * time comes differs from run to run, since that is up to the machine.
 */
import type { Loss } from "./channels.js";
import type { NodeFault } from "./nodes/node-plan.js";
import type { Random } from "./random.js";

/** What happens to the line of one client; see `Link`. */
export type LinkFault =
  | { readonly kind: "cut" }
  | { readonly kind: "reset" }
  | { readonly kind: "cutInFrame"; readonly direction: "up" | "down"; readonly keptPart: number }
  | { readonly kind: "stall"; readonly direction: "up" | "down" | "both"; readonly ms: number }
  | { readonly kind: "slow"; readonly bytesPerSecond: number; readonly ms: number }
  | { readonly kind: "halfOpen" };

/** What happens to a server by itself. */
export type ServerFault =
  | {
      readonly kind: "end";
      readonly loss: Loss;
      readonly downMs: number;
      readonly tearSeed: number;
      /** Starts that a kill ends so soon, before the one that counts. */
      readonly briefStartsMs: readonly number[];
      /** Whether the plan stands still until the clients are back; else what is next meets a server that starts. */
      readonly isAwaited: boolean;
    }
  /** The server's process stands still, as on a machine that is paused. */
  | { readonly kind: "suspend"; readonly ms: number }
  /** The server's wall clock steps. */
  | { readonly kind: "clock"; readonly stepMs: number }
  /** The server's disk has no room. */
  | { readonly kind: "fullDisk"; readonly ms: number };

/** What happens to clients and their lines. */
export type ClientFault =
  | { readonly kind: "link"; readonly client: number; readonly fault: LinkFault }
  /** The reader's socket is not read from for a time. */
  | { readonly kind: "pause"; readonly client: number; readonly ms: number }
  /** The reader leaves one of its channels, and comes back. */
  | { readonly kind: "leave"; readonly client: number; readonly awayMs: number }
  /** The server's side unsubscribes the reader from all of its channels. */
  | { readonly kind: "unsubscribe"; readonly client: number }
  /** More at once than a reader that has paused can be sent. */
  | { readonly kind: "burst"; readonly channel: string; readonly count: number; readonly bytes: number }
  /** One publication in a channel that is quiet otherwise. */
  | { readonly kind: "whisper"; readonly channel: string };

export type SystemFault = ServerFault | NodeFault;
export type Fault = SystemFault | ClientFault;

export interface PlannedFault {
  /** On a clock that stands still while the plan does. */
  readonly atMs: number;
  readonly fault: Fault;
}

export interface PlanOptions {
  readonly seconds: number;
  /** Clients are numbered from 0: publishers first, then readers, then those who are present. */
  readonly publishers: number;
  readonly subscribers: number;
  readonly people: number;
  readonly channels: readonly string[];
  /** Times that the server is killed, of which every other is a power cut where these are wanted. */
  readonly kills: number;
  readonly hasPowerCuts: boolean;
  readonly faultsPerSecond: number;
  /** Times a minute that the server's process, clock or disk fails without ending it. */
  readonly troublesPerMinute: number;
  readonly hasStore: boolean;
}

const clientFaults: ReadonlySet<string> = new Set<ClientFault["kind"]>([
  "link",
  "pause",
  "leave",
  "unsubscribe",
  "burst",
  "whisper",
]);

export function createPlan(random: Random, options: PlanOptions): PlannedFault[] {
  const { seconds, faultsPerSecond, hasPowerCuts } = options;
  const ofEnds = random.fork();
  const ofLines = random.fork();
  const ofBursts = random.fork();
  const ofTroubles = random.fork();
  const plan: PlannedFault[] = [];

  const whole = seconds * 1000;
  for (let i = 0; i < options.kills; i++) {
    // One in each of as many slices of the time, with room at both ends.
    const atMs = Math.round(whole * (0.1 + (0.85 * (i + ofEnds.next() * 0.8)) / options.kills));
    const loss = hasPowerCuts && i % 2 === 1 ? "powerCut" : "kill";
    const downMs = ofEnds.chance(0.5) ? 0 : ofEnds.integer(50, 400);
    const tearSeed = ofEnds.integer(0, 0x7fffffff);
    const isAwaited = ofEnds.chance(0.75);
    const brief = ofEnds.chance(0.3) ? ofEnds.integer(1, 2) : 0;
    const briefStartsMs = Array.from({ length: brief }, () => ofEnds.integer(150, 900));
    plan.push({ atMs, fault: { kind: "end", loss, downMs, tearSeed, briefStartsMs, isAwaited } });
  }
  for (let i = 0; i < Math.round(seconds * faultsPerSecond); i++)
    plan.push({ atMs: ofLines.integer(0, whole), fault: createClientFault(ofLines, options) });
  for (let i = 0; i < Math.round((seconds * options.troublesPerMinute) / 60); i++)
    plan.push({ atMs: ofTroubles.integer(0, whole), fault: createTrouble(ofTroubles, i, options.hasStore) });
  const short = options.channels.filter((channel) => channel.startsWith("short:"));
  if (short.length > 0)
    for (let atMs = 1000; atMs < whole; atMs += ofBursts.integer(4000, 7000)) {
      const size = { count: ofBursts.integer(100, 250), bytes: ofBursts.integer(8000, 24_000) };
      plan.push({ atMs, fault: { kind: "burst", channel: ofBursts.pick(short), ...size } });
    }
  return plan.sort((a, b) => a.atMs - b.atMs);
}

export function isClientFault(fault: Fault): fault is ClientFault {
  return clientFaults.has(fault.kind);
}

/** Each kind in turn, so that short runs have all of them. */
function createTrouble(random: Random, turn: number, hasStore: boolean): ServerFault {
  const kinds = ["suspend", "clock", ...(hasStore ? (["fullDisk"] as const) : [])] as const;
  switch (kinds[turn % kinds.length]) {
    case "clock":
      return { kind: "clock", stepMs: random.pick([-1, 1]) * random.integer(500, 4000) };
    case "fullDisk":
      return { kind: "fullDisk", ms: random.integer(200, 1500) };
    default:
      // At times for longer than a client may take to answer a ping.
      return {
        kind: "suspend",
        ms: random.chance(0.3) ? random.integer(2200, 3500) : random.integer(100, 1500),
      };
  }
}

function createClientFault(random: Random, { publishers, subscribers, people }: PlanOptions): ClientFault {
  const reader = publishers + random.integer(0, subscribers - 1);
  const chance = random.next();
  if (chance < 0.15) return { kind: "pause", client: reader, ms: random.integer(300, 4000) };
  if (chance < 0.25) return { kind: "leave", client: reader, awayMs: random.integer(0, 1500) };
  if (chance < 0.35) return { kind: "unsubscribe", client: reader };
  const others = [random.integer(0, publishers - 1)];
  if (people > 0) others.push(publishers + subscribers + random.integer(0, people - 1));
  const client = random.chance(0.5) ? reader : random.pick(others);
  return { kind: "link", client, fault: createLinkFault(random) };
}

function createLinkFault(random: Random): LinkFault {
  const kind = random.pick([
    "cut",
    "reset",
    "cutInFrame",
    "cutInFrame",
    "stall",
    "slow",
    "halfOpen",
  ] as const);
  switch (kind) {
    case "cutInFrame":
      return { kind, direction: random.pick(["up", "down"]), keptPart: random.next() };
    case "stall":
      return { kind, direction: random.pick(["up", "down", "both"]), ms: random.integer(200, 4000) };
    case "slow":
      return { kind, bytesPerSecond: random.integer(200, 20_000), ms: random.integer(500, 4000) };
    default:
      return { kind };
  }
}
