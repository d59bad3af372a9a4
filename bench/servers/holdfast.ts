/**
 * Holdfast as installed: the built package, with its default options but for the bound on one client's commands.
 * `--data FOLDER` keeps logs there; a channel's prefix, or else `--durability`, tells when a publish is acknowledged.
 * `--store URL` is a broker that several nodes share. `--retention N` keeps more publications of a channel than the default.
 * `--without metrics,recorder` leaves out what these cost. `--ping-interval MS` is for subscribers that only count, and answer no pings.
 */
import { parseArgs } from "node:util";
import { answerAsks, type Stats } from "./answer-asks.js";

const durabilities = ["memory", "process", "disk"] as const;
type Durability = (typeof durabilities)[number];
type Rules = Readonly<Record<string, unknown>> & { readonly retention: { readonly maxEntries: number } };

interface Broker {
  readonly log: { history(...args: unknown[]): Promise<unknown> };
}

/** The part of the package that is used here, so that this file can be checked before there is a build. */
interface HoldfastPackage {
  readonly openRules: Rules;
  createServer(options: {
    readonly port: number;
    readonly host: string;
    readonly data?: string;
    readonly broker?: Broker;
    readonly commandsPerSecond: null;
    readonly publishesPerSecond: null;
    readonly userPublishesPerSecond: null;
    readonly maxUserConnections: null;
    readonly bytesPerSecond: null;
    readonly maxRecorderBytes?: null;
    readonly pingIntervalMs: number;
    rulesFor(channel: string): Rules;
  }): {
    listen(): Promise<unknown>;
    stats(): object;
    readonly address: { readonly port: number };
  };
}

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    durability: { type: "string", default: "memory" },
    port: { type: "string", default: "0" },
    retention: { type: "string" },
    store: { type: "string" },
    without: { type: "string", default: "" },
    "ping-interval": { type: "string", default: "25000" },
  },
});

// By its own name, the package resolves to its build, as it does for those who install it.
const packageName: string = "holdfast";
const { createServer, openRules } = (await import(packageName)) as HoldfastPackage;
const without = values.without.split(",");
if (without.includes("metrics")) await countNothing();

const maxEntries = Number(values.retention ?? openRules.retention.maxEntries);
const retention = { ...openRules.retention, maxEntries };
const ruleOf = (durability: Durability): Rules =>
  Object.freeze({ ...openRules, retention, kind: "stream", durability });
const rules: Readonly<Record<Durability, Rules>> = {
  memory: ruleOf("memory"),
  process: ruleOf("process"),
  disk: ruleOf("disk"),
};
const ruleOfOthers = rules[values.durability as Durability];
if (ruleOfOthers === undefined)
  throw new Error(`--durability accepts ${durabilities.join(", ")}, not ${values.durability}`);

let historyReads = 0;
const broker = values.store === undefined ? undefined : await openStore(values.store);
const server = createServer({
  port: Number(values.port),
  host: "127.0.0.1",
  ...(values.data !== undefined && { data: values.data }),
  ...(broker && { broker }),
  // One connection publishes everything here, at a rate that the server would otherwise refuse to one client.
  commandsPerSecond: null,
  publishesPerSecond: null,
  userPublishesPerSecond: null,
  maxUserConnections: null,
  bytesPerSecond: null,
  pingIntervalMs: Number(values["ping-interval"]),
  ...(without.includes("recorder") && { maxRecorderBytes: null }),
  rulesFor(channel) {
    const prefix = durabilities.find((each) => channel.startsWith(`${each}:`));
    return prefix === undefined ? ruleOfOthers : rules[prefix];
  },
});
await server.listen();
const stats = () => ({ ...(server.stats() as Stats), ...(broker && { historyReads }) });
answerAsks({ port: server.address.port, stats });

/** A broker that counts what is read of logs. */
async function openStore(url: string): Promise<Broker> {
  const name = url.startsWith("redis:") ? "redis" : "nats";
  const entry: Record<string, (url: string) => Broker> = await import(`${packageName}/${name}`);
  const opened = (entry[name] as (url: string) => Broker)(url);
  const { history } = opened.log;
  opened.log.history = (...args) => {
    historyReads++;
    return history.apply(opened.log, args);
  };
  return opened;
}

/** Makes the verbs of all meters do nothing; those that give a meter still do. */
async function countNothing(): Promise<void> {
  const entry = import.meta.resolve(packageName);
  for (const file of ["observe/meters.js", "observe/histogram.js"]) {
    const module = (await import(new URL(file, entry).href)) as Record<string, unknown>;
    for (const type of Object.values(module)) {
      if (typeof type !== "function" || type.prototype === undefined) continue;
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(type.prototype)))
        if (typeof value === "function" && !/^(?:constructor|of|get|values|watch)/.test(name))
          type.prototype[name] = () => {};
    }
  }
}
