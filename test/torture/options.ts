/** The flags of a torture run: each with its default, its range, and one line of help. */
import { parseArgs } from "node:util";
import type { Store } from "./channels.js";
import { findMutation, type Mutation, mutations } from "./mutations.js";
import { type PublishWay, publishWays } from "./publish-ways.js";

export interface TortureOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly publishers: number;
  readonly subscribers: number;
  /** How many of the subscribers are centrifuge SDKs. */
  readonly sdkSubscribers: number;
  readonly channels: number;
  /** Publications a second, of all publishers together. */
  readonly rate: number;
  readonly kills: number;
  readonly hasPowerCuts: boolean;
  readonly faultsPerSecond: number;
  /** Times a minute that the server's process, clock or disk fails without ending it. */
  readonly troublesPerMinute: number;
  readonly store: Store;
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
  channels: { fallback: 20, least: 1, most: 1000, help: "channels, of all kinds in turn" },
  rate: { fallback: 400, least: 1, most: 20_000, help: "publications a second, all together" },
  kills: {
    fallback: (seconds: number) => Math.max(2, Math.round(seconds / 4)),
    least: 0,
    most: 1000,
    help: "times that the server is killed; by default one in 4 s, and 2 at least",
  },
  faults: { fallback: 10, least: 0, most: 1000, help: "faults of lines and readers a second" },
  troubles: {
    fallback: 30,
    least: 0,
    most: 600,
    help: "pauses of the server, steps of its clock and full disks a minute",
  },
  "settle-seconds": { fallback: 60, least: 1, most: 600, help: "most time to come to rest afterwards" },
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
  const store = isOn("store") ? "disk" : "none";
  return {
    seed: number("seed"),
    seconds,
    publishers: number("publishers"),
    subscribers,
    sdkSubscribers: Math.min(number("sdk-subscribers"), subscribers),
    channels: number("channels"),
    rate: number("rate"),
    kills: number("kills"),
    // Without a store, no file is left that could lose anything.
    hasPowerCuts: store === "disk" && isOn("power-cuts"),
    faultsPerSecond: number("faults"),
    troublesPerMinute: number("troubles"),
    store,
    ways: readWays(values.ways),
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
  const options = { ...named, "power-cuts": flag, store: flag, ways: text, mutation: text, help: flag };
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

function readWays(given: string | boolean | undefined): readonly PublishWay[] {
  if (typeof given !== "string") return publishWays;
  const ways = given.split(",");
  const unknown = ways.find((way) => !(publishWays as readonly string[]).includes(way));
  if (unknown === undefined) return ways as PublishWay[];
  throw new InvalidFlag(`--ways accepts ${publishWays.join(", ")}, separated by commas, not ${unknown}.`);
}

function readMutation(given: string | boolean | undefined): Mutation | undefined {
  if (typeof given !== "string") return undefined;
  const mutation = findMutation(given);
  if (mutation !== undefined) return mutation;
  const names = mutations.map(({ name }) => name).join(", ");
  throw new InvalidFlag(`--mutation accepts ${names}, not ${given}.`);
}
