/** `holdfast channels`, `connections`, `inspect` and `explain`: what a server has, by its API. */
import { type Command, Option } from "commander";
import { parseList } from "../config/settings.js";
import { type ApiOptions, callApi, callPages, withApiFlags } from "./api-client.js";
import { toInteger } from "./server-flags.js";
import { durationOf, paint, tableOf } from "./table.js";
import { writeNote, writeResult, writeText } from "./terminal.js";

type Common = ApiOptions & { readonly json?: boolean };

export function addInspection(program: Command): void {
  withApiFlags(program.command("channels").description("list the channels with subscribers"))
    .argument("[pattern]", "* matches any characters, ? exactly one")
    .addOption(limitFlag("channels"))
    .addHelpText("after", "\nExamples:\n  $ holdfast channels\n  $ holdfast channels 'chat:*' --limit 20\n")
    .action(runChannels);
  withApiFlags(program.command("connections").description("list connections, of a user or of a channel"))
    .option("--user <id>", "of this user; empty for anonymous clients")
    .option("--channel <name>", "subscribed to this channel")
    .addOption(limitFlag("connections"))
    .addHelpText(
      "after",
      "\nExamples:\n  $ holdfast connections --user ann\n  $ holdfast connections --channel chat:lobby --json\n",
    )
    .action(runConnections);
  withApiFlags(program.command("inspect").description("describe a channel: its rules, its log, its readers"))
    .argument("<channel>", "name of the channel")
    .addHelpText("after", "\nExample:\n  $ holdfast inspect chat:lobby\n")
    .action(runInspect);
  withApiFlags(
    program.command("explain").description("say which rules a channel has, and what they allow a user"),
  )
    .argument("<channel>", "name of the channel")
    .option("--user <id>", "id of the user", "")
    .addOption(new Option("--roles <list>", "roles of the user, comma-separated").argParser(parseList))
    .addHelpText("after", "\nExample:\n  $ holdfast explain chat:lobby --user ann --roles staff\n")
    .action(runExplain);
}

function limitFlag(what: string): Option {
  return new Option("--limit <number>", `most ${what} to list`).argParser(toInteger).default(1000);
}

async function runChannels(
  pattern: string | undefined,
  options: Common & { readonly limit: number },
): Promise<void> {
  const params = pattern === undefined ? {} : { pattern };
  type Page = {
    readonly channels: Readonly<Record<string, { readonly num_clients: number }>>;
    readonly next?: string;
  };
  const rows: [string, number][] = [];
  let isMore = false;
  for await (const { channels, next } of callPages<Page>(options, "channels", params, options.limit)) {
    for (const [name, { num_clients }] of Object.entries(channels)) rows.push([name, num_clients]);
    isMore = next !== undefined;
  }
  if (options.json) for (const [channel, clients] of rows) writeResult({ channel, clients });
  else writeText(tableOf([{ name: "channel" }, { name: "clients", isNumber: true }], rows));
  noteMore(isMore, rows.length);
}

interface ConnectionInfo {
  readonly client: string;
  readonly user: string;
  readonly transport: string;
  readonly node: string;
  readonly opened_at: number;
  readonly unsent_bytes: number;
  readonly num_channels: number;
}

async function runConnections(
  options: Common & { readonly user?: string; readonly channel?: string; readonly limit: number },
): Promise<void> {
  const { user, channel, limit } = options;
  const params = { ...(user !== undefined && { user }), ...(channel !== undefined && { channel }) };
  type Page = { readonly connections: readonly ConnectionInfo[]; readonly next?: string };
  const all: ConnectionInfo[] = [];
  let isMore = false;
  for await (const { connections, next } of callPages<Page>(options, "connections", params, limit)) {
    all.push(...connections);
    isMore = next !== undefined;
  }
  const now = Date.now();
  if (options.json) for (const each of all) writeResult(each);
  else
    writeText(
      tableOf(
        [
          { name: "connection" },
          { name: "user" },
          { name: "transport" },
          { name: "node" },
          ...["open", "unsent", "channels"].map((name) => ({ name, isNumber: true })),
        ],
        all.map((each) => [
          each.client,
          each.user || "(anonymous)",
          each.transport,
          each.node,
          durationOf(Math.max(0, (now - each.opened_at) / 1000)),
          `${each.unsent_bytes} B`,
          each.num_channels,
        ]),
      ),
    );
  noteMore(isMore, all.length);
}

function noteMore(isMore: boolean, count: number): void {
  if (isMore) writeNote(`holdfast: these are the first ${count}; --limit lists more`);
}

interface ChannelInfo {
  readonly pattern?: string;
  readonly kind: string;
  readonly durability: string;
  readonly history: { readonly size: number; readonly bytes: number; readonly ttl_ms: number };
  readonly presence: boolean;
  readonly join_leave: boolean;
  readonly recovery: string;
  readonly hooks: readonly string[];
}

interface Inspected extends ChannelInfo {
  readonly epoch: string;
  readonly offset: number;
  readonly oldest?: number;
  readonly newest_time?: number;
  readonly num_clients: number;
}

async function runInspect(channel: string, options: Common): Promise<void> {
  const found = await callApi<Inspected>(options, "inspect", { channel });
  if (options.json) {
    writeResult(found);
    return;
  }
  const { epoch, offset, oldest, newest_time, num_clients } = found;
  const kept = oldest === undefined ? "nothing" : `offsets ${oldest} to ${offset}`;
  const newest = newest_time === undefined ? [] : [["newest", new Date(newest_time).toISOString()]];
  writeFacts([
    ...rulesOf(found),
    ["position", `${epoch}:${offset}`],
    ["kept", kept],
    ...newest,
    ["subscribers", String(num_clients)],
  ]);
}

interface Explained extends ChannelInfo {
  readonly actions: readonly {
    readonly action: string;
    readonly allows: string;
    readonly allowed: boolean;
    readonly allowed_once_subscribed: boolean;
  }[];
}

async function runExplain(
  channel: string,
  options: Common & { readonly user: string; readonly roles?: readonly string[] },
): Promise<void> {
  const { user, roles } = options;
  const found = await callApi<Explained>(options, "explain", { channel, user, ...(roles && { roles }) });
  if (options.json) {
    writeResult(found);
    return;
  }
  writeFacts(rulesOf(found));
  const who = user === "" ? "an anonymous client" : user;
  writeText(`\nWhat ${who} may do:`);
  for (const { action, allows, allowed, allowed_once_subscribed: once } of found.actions) {
    const answer = allowed
      ? paint("green", "yes")
      : once
        ? paint("yellow", "once subscribed")
        : paint("red", "no");
    writeText(`  ${action.padEnd(10)} ${answer}: ${allows}`);
  }
  writeText(
    paint("dim", "A token for the channel, and the server, may subscribe anybody; hooks decide last."),
  );
}

function rulesOf(found: ChannelInfo): string[][] {
  const { pattern, kind, durability, history, presence, join_leave, recovery, hooks } = found;
  const { size, bytes, ttl_ms } = history;
  return [
    ["pattern", pattern ?? "none: all channels have the same rules"],
    ["kind", `${kind}, durability ${durability}, recovery ${recovery}`],
    ["history", size === 0 ? "none" : `${size} publications, ${bytes} bytes, ${durationOf(ttl_ms / 1000)}`],
    ["presence", `${presence ? "on" : "off"}, joins and leaves ${join_leave ? "on" : "off"}`],
    ...(hooks.length > 0 ? [["hooks", hooks.join(", ")]] : []),
  ];
}

function writeFacts(facts: readonly (readonly string[])[]): void {
  for (const [name = "", value = ""] of facts) writeText(`${paint("dim", name.padEnd(12))} ${value}`);
}
