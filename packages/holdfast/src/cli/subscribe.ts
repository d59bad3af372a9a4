/** `holdfast subscribe` and `holdfast history`: print publications, one JSON line each. */
import type { PublicationContext, Subscription } from "centrifuge";
import { type Command, Option } from "commander";
import { HoldfastError, type Position, readStore } from "../index.js";
import { messageOptions } from "../options/limits.js";
import { payloadText, RawJson } from "../wire/payload.js";
import type { ApiOptions } from "./api-client.js";
import { followByApi, readByApi } from "./by-api.js";
import {
  apiOptionsOf,
  type ConnectionOptions,
  connectOnce,
  createClient,
  reportConnection,
  whenRefused,
  withConnectionFlags,
} from "./connection.js";
import { toInteger } from "./server-flags.js";
import { onEndSignal, writeNote, writeResult } from "./terminal.js";

export function addSubscribe(program: Command): void {
  withConnectionFlags(
    program.command("subscribe").description("print each publication of a channel as a JSON line"),
  )
    .argument("<channel>", "name of the channel")
    .option("--since <epoch:offset>", "start after this position instead of now; 0 for all history")
    .addOption(new Option("--count <number>", "stop after this many publications").argParser(toInteger))
    .addHelpText(
      "after",
      `
Reconnects by itself and continues where it was. Reports on standard error what could
not be recovered. With --api-key it asks for what is new once a second.

Examples:
  $ holdfast subscribe news
  $ holdfast subscribe news --since 0 --count 10
  $ holdfast subscribe stats | jq .data
`,
    )
    .action(runSubscribe);
}

interface SubscribeOptions extends ConnectionOptions {
  readonly since?: string;
  readonly count?: number;
}

async function runSubscribe(channel: string, options: SubscribeOptions): Promise<void> {
  const api = apiOptionsOf(options);
  if (api) return await Promise.race([follow(api, channel, options), untilSignal()]);
  const client = createClient(options);
  const subscription = client.newSubscription(channel, {
    recoverable: true,
    positioned: true,
    ...(options.since !== undefined && { since: parsePosition(options.since) }),
  });
  reportRecovery(subscription);
  const refused = whenRefused(client);
  reportConnection(client, options.url);
  const done = untilEnough(subscription, options.count);
  subscription.subscribe();
  client.connect();
  try {
    await Promise.race([done, refused, untilSignal(), whenUnsubscribed(subscription)]);
  } finally {
    client.disconnect();
  }
}

async function follow(api: ApiOptions, channel: string, { since, count }: SubscribeOptions): Promise<void> {
  let seen = 0;
  const start = since === undefined ? undefined : parsePosition(since);
  for await (const publication of followByApi(api, channel, start)) {
    writeResult(toLine({ channel, ...publication }));
    if (++seen === count) return;
  }
}

function untilEnough(subscription: Subscription, count: number | undefined): Promise<void> {
  let seen = 0;
  return new Promise((resolve) => {
    subscription.on("publication", (publication) => {
      if (count !== undefined && seen >= count) return;
      writeResult(toLine(publication));
      if (++seen === count) resolve();
    });
  });
}

/** The printed form of a publication. */
function toLine({
  channel,
  offset,
  data,
  info,
  tags,
}: Pick<PublicationContext, "channel" | "data" | "tags"> & {
  readonly offset?: number | undefined;
  readonly info?: { readonly user: string; readonly connInfo?: unknown } | undefined;
}) {
  return {
    channel,
    offset,
    data,
    ...(info && { user: info.user, info: info.connInfo }),
    ...(tags && { tags }),
  };
}

function reportRecovery(subscription: Subscription): void {
  subscription.on("subscribed", ({ wasRecovering, recovered }) => {
    if (wasRecovering && !recovered)
      writeNote(`holdfast: some publications of ${subscription.channel} could not be recovered`);
  });
}

function whenUnsubscribed(subscription: Subscription): Promise<never> {
  return new Promise((_resolve, reject) => {
    subscription.on("unsubscribed", ({ code, reason }) => {
      if (code !== 0)
        reject(new HoldfastError("HF_CLI_CONNECTION", `cannot subscribe: ${reason} (code ${code})`));
    });
  });
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    onEndSignal(resolve);
  });
}

/** @throws HF_CLI_USAGE when the text is not `epoch:offset`, or `0` for the beginning */
function parsePosition(text: string): Position {
  const match = /^(?:(.*):)?(\d+)$/.exec(text);
  const offset = Number(match?.[2]);
  if (match === null || !Number.isSafeInteger(offset))
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--since must be epoch:offset, such as 3f2a91c0:17, or 0, but is ${text}`,
    );
  return { epoch: match[1] ?? "", offset };
}

export function addHistory(program: Command): void {
  withConnectionFlags(
    program.command("history").description("print a channel's history, one JSON line per publication"),
  )
    .argument("<channel>", "name of the channel")
    .addOption(
      new Option(
        "--limit <number>",
        "maximum number, up to 300: the newest, or with --since the first after it",
      )
        .argParser(toInteger)
        .default(100),
    )
    .option("--since <epoch:offset>", "only publications after this position")
    .option("--reverse", "newest first")
    .option("--data <folder>", "read a store's folder instead, with or without its server running")
    .addHelpText(
      "after",
      `
Examples:
  $ holdfast history news
  $ holdfast history news --data ./holdfast-data
  $ holdfast history news --limit 1 --reverse
`,
    )
    .action(runHistory);
}

interface HistoryOptions extends ConnectionOptions {
  readonly limit: number;
  readonly since?: string;
  readonly reverse?: boolean;
  readonly data?: string;
}

/** The default of `maxHistoryEntries`. */
const maxAtOnce = messageOptions.maxHistoryEntries.default;
const maxPageBytes = 64 * 1024 * 1024;

async function runHistory(channel: string, options: HistoryOptions): Promise<void> {
  const since = options.since === undefined ? undefined : parsePosition(options.since);
  if (options.data !== undefined) return await printStored(options.data, channel, options, since);
  const api = apiOptionsOf(options);
  if (api) return await printByApi(api, channel, options, since);
  const client = createClient(options);
  await connectOnce(client, options.url);
  try {
    // Without a position the newest are requested, which arrive in reverse.
    const isReverse = options.reverse === true || since === undefined;
    const result = await client.history(channel, {
      limit: options.limit,
      reverse: isReverse,
      ...(since && { since }),
    });
    const publications =
      isReverse && options.reverse !== true ? result.publications.reverse() : result.publications;
    for (const publication of publications) writeResult(toLine(publication));
    writeNote(`holdfast: ${channel} is at ${result.epoch}:${result.offset}`);
  } catch (error) {
    const { code, message } = error as { code?: number; message?: string };
    throw new HoldfastError("HF_CLI_CONNECTION", `cannot read the history: ${message} (code ${code})`, {
      cause: error,
    });
  } finally {
    client.disconnect();
  }
}

async function printByApi(
  api: ApiOptions,
  channel: string,
  { limit, reverse = false }: HistoryOptions,
  since: Position | undefined,
): Promise<void> {
  const isReverse = reverse || since === undefined;
  const query = { limit, reverse: isReverse, ...(since && { since }) };
  const { publications, position } = await readByApi(api, channel, query);
  const shown = isReverse && !reverse ? publications.toReversed() : publications;
  for (const publication of shown) writeResult(toLine({ channel, ...publication }));
  writeNote(`holdfast: ${channel} is at ${position.epoch}:${position.offset}`);
}

async function printStored(
  folder: string,
  channel: string,
  { limit, reverse = false }: HistoryOptions,
  since: { readonly epoch: string; readonly offset: number } | undefined,
): Promise<void> {
  const isReverse = reverse || since === undefined;
  const query = {
    maxEntries: Math.min(limit, maxAtOnce),
    maxBytes: maxPageBytes,
    isReverse,
    ...(since && { sinceOffset: since.offset }),
  };
  const page = await readStore(folder, channel, query, Date.now());
  if (page === undefined)
    throw new HoldfastError("HF_CLI_USAGE", `the store in ${folder} has no channel ${channel}`);
  const { publications, position } = page;
  if (since && since.epoch !== "" && since.epoch !== position.epoch)
    throw new HoldfastError("HF_CLI_USAGE", `the log of ${channel} has another epoch: ${position.epoch}`);
  const shown = isReverse && !reverse ? publications.toReversed() : publications;
  for (const { offset, data, info, tags } of shown) {
    const { user = "", client = "", connInfo = "null" } = info ?? {};
    const shownInfo = info && { user, client, connInfo: new RawJson(connInfo) };
    writeResult(
      toLine({
        channel,
        offset,
        data: new RawJson(payloadText(data)),
        ...(shownInfo && { info: shownInfo }),
        ...(tags && { tags }),
      }),
    );
  }
  writeNote(`holdfast: ${channel} is at ${position.epoch}:${position.offset}`);
}
