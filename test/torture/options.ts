/** The flags of a torture run: each with its default, its range, and one line of help. */
import { parseArgs } from "node:util";
import type { Store } from "./channels.js";
import { findMutation, type Mutation, mutations } from "./mutations.js";
import { type BrokerName, brokerNames, traitsOfBroker } from "./nodes/brokers.js";
import { type NodeFaultKind, nodeFaultKinds } from "./nodes/node-plan.js";
import { type PublishWay, publishWays } from "./publish-ways.js";

export interface TortureOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly publishers: number;
  readonly subscribers: number;
  /** How many of the subscribers are centrifuge SDKs. */
  readonly sdkSubscribers: number;
  /** Clients in channels with presence. */
  readonly people: number;
  readonly channels: number;
  /** Publications a second, of all publishers together. */
  readonly rate: number;
  readonly kills: number;
  readonly hasPowerCuts: boolean;
  readonly faultsPerSecond: number;
  /** Times a minute that the server's process, clock or disk fails without ending it. */
  readonly troublesPerMinute: number;
  readonly store: Store;
  /** Server processes. More than one share the store of a broker. */
  readonly nodes: number;
  /** Undefined for one server on a store of its own. */
  readonly broker: BrokerName | undefined;
  /** Kinds of faults of nodes and their store that happen. */
  readonly nodeFaults: readonly NodeFaultKind[];
  readonly ways: readonly PublishWay[];
  /** Most time for everything to come to rest after the last fault. */
  readonly settleSeconds: number;
  /** How the server is broken on purpose; undefined for not at all. */
  readonly mutation: Mutation | undefined;
}

interface NumberFlag {
  readonly fallback: number | ((seconds: number) => number);
  readonly least: number;
  readonly most: number;
  readonly help: string;
}

const numbers = {
  seed: {
    fallback: () => Math.floor(Math.random() * 0x7fffffff),
    least: 0,
    most: 0x7fffffff,
    help: "everything random follows from it; by default another each time",
  },
  seconds: {
    fallback: 30,
    least: 1,
    most: 600,
    help: "time in which faults happen, without that in which the server is started",
  },
  publishers: { fallback: 200, least: 1, most: 2000, help: "clients that publish" },
  subscribers: { fallback: 200, least: 1, most: 2000, help: "clients that read" },
  "sdk-subscribers": { fallback: 4, least: 0, most: 100, help: "how many of these are centrifuge SDKs" },
  people: { fallback: 10, least: 0, most: 1000, help: "clients in channels with presence" },
  channels: { fallback: 20, least: 1, most: 1000, help: "channels, of all kinds in turn" },
  rate: { fallback: 400, least: 1, most: 20_000, help: "publications a second, all together" },
  kills: {
    fallback: (seconds: number) => Math.max(2, Math.round(seconds / 4)),
    least: 0,
    most: 1000,
    help: "times that a server is killed; by default one in 4 s, and 2 at least",
  },
  nodes: { fallback: 1, least: 1, most: 10, help: "server processes; more than one need a broker" },
  faults: { fallback: 10, least: 0, most: 1000, help: "faults of lines and readers a second" },
  troubles: {
    fallback: 30,
    least: 0,
    most: 600,
    help: "pauses of a server, steps of its clock, full disks; with nodes, faults of the store and partitions, a minute",
  },
  "settle-seconds": { fallback: 240, least: 1, most: 600, help: "most time to come to rest afterwards" },
} as const satisfies Record<string, NumberFlag>;

type NumberName = keyof typeof numbers;

export class InvalidFlag extends Error {}

/** @returns undefined where help is asked for. @throws InvalidFlag naming the flag and what it accepts */
export function readOptions(args: readonly string[]): TortureOptions | undefined {
  const values = parse(args);
  if (values.help === true) return undefined;
  const seconds = readNumber("seconds", values.seconds, 0);
  const number = (name: NumberName) => readNumber(name, values[name], seconds);
  const subscribers = number("subscribers");
  const isOn = (name: string) => values[name] !== false;
  const nodes = number("nodes");
  const broker = readBroker(values.broker, nodes);
  const store = broker ? traitsOfBroker(broker).store : isOn("store") ? "disk" : "none";
  return {
    seed: number("seed"),
    seconds,
    publishers: number("publishers"),
    subscribers,
    sdkSubscribers: Math.min(number("sdk-subscribers"), subscribers),
    people: number("people"),
    channels: number("channels"),
    rate: number("rate"),
    kills: number("kills"),
    // Without a store, no file is left that could lose anything.
    hasPowerCuts: store === "disk" && broker === undefined && isOn("power-cuts"),
    faultsPerSecond: number("faults"),
    troublesPerMinute: number("troubles"),
    store,
    nodes,
    broker,
    nodeFaults: readList("node-faults", values["node-faults"], nodeFaultKinds),
    ways: readList("ways", values.ways, publishWays),
    settleSeconds: number("settle-seconds"),
    mutation: readMutation(values.mutation),
  };
}

export function describeOptions(): string {
  const rows = Object.entries(numbers).map(([name, { fallback, least, most, help }]): [string, string] => {
    const standard = typeof fallback === "number" ? `, by default ${fallback}` : "";
    return [`--${name} N`, `${help} (${least} to ${most}${standard})`];
  });
  rows.push(
    ["--no-power-cuts", "the server is only killed, and no file loses what was not flushed"],
    ["--no-store", "the server keeps everything in memory, and no channel promises more"],
    ["--broker NAME", "what nodes share, of:"],
    ...brokerNames.map((name): [string, string] => [`  ${name}`, traitsOfBroker(name).help]),
    ["--node-faults LIST", `of ${nodeFaultKinds.join(",")} (by default all that the broker has)`],
    ["--ways LIST", `ways to publish, of ${publishWays.join(",")} (by default all)`],
    ["--mutation NAME", "breaks the server on purpose; what is found then must be a violation:"],
    ...mutations.map(({ name, describes }): [string, string] => [`  ${name}`, describes]),
    ["--help", "this text"],
  );
  const lines = rows.map(([flag, help]) => `  ${flag.padEnd(22)} ${help}`);
  return `Usage: npm run torture -- [flags]\n\n${lines.join("\n")}\n`;
}

function parse(args: readonly string[]): Record<string, string | boolean | undefined> {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const named = Object.fromEntries(Object.keys(numbers).map((name) => [name, text]));
  const options = {
    ...named,
    "power-cuts": flag,
    store: flag,
    broker: text,
    "node-faults": text,
    ways: text,
    mutation: text,
    help: flag,
  };
  try {
    return parseArgs({ args: [...args], options, allowNegative: true }).values;
  } catch (error) {
    throw new InvalidFlag(`${error instanceof Error ? error.message : error}\n\n${describeOptions()}`);
  }
}

function readNumber(name: NumberName, given: string | boolean | undefined, seconds: number): number {
  const { fallback, least, most }: NumberFlag = numbers[name];
  if (given === undefined) return typeof fallback === "number" ? fallback : fallback(seconds);
  const value = Number(given);
  if (Number.isInteger(value) && value >= least && value <= most && given !== "") return value;
  throw new InvalidFlag(`--${name} accepts an integer from ${least} to ${most}, not ${given}.`);
}

function readList<T extends string>(
  name: string,
  given: string | boolean | undefined,
  all: readonly T[],
): readonly T[] {
  if (typeof given !== "string") return all;
  const list = given.split(",");
  const unknown = list.find((each) => !(all as readonly string[]).includes(each));
  if (unknown === undefined) return list as T[];
  throw new InvalidFlag(`--${name} accepts ${all.join(", ")}, separated by commas, not ${unknown}.`);
}

function readBroker(given: string | boolean | undefined, nodes: number): BrokerName | undefined {
  const name = brokerNames.find((each) => each === given);
  if (name === undefined && (given !== undefined || nodes > 1)) {
    const why = given === undefined ? `is needed for ${nodes} nodes` : `is not ${given}`;
    throw new InvalidFlag(`--broker ${why}: it accepts ${brokerNames.join(", ")}.`);
  }
  return name;
}

function readMutation(given: string | boolean | undefined): Mutation | undefined {
  if (typeof given !== "string") return undefined;
  const mutation = findMutation(given);
  if (mutation !== undefined) return mutation;
  const names = mutations.map(({ name }) => name).join(", ");
  throw new InvalidFlag(`--mutation accepts ${names}, not ${given}.`);
}
