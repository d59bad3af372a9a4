/** `holdfast subscribe`. */
import type { PublicationContext, Subscription } from "centrifuge";
import { type Command, Option } from "commander";
import { HoldfastError, type Position } from "../index.js";

import {
  type ConnectionOptions,
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
not be recovered.

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
export function toLine({ channel, offset, data, info, tags }: PublicationContext) {
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
export function parsePosition(text: string): Position {
  const match = /^(?:(.*):)?(\d+)$/.exec(text);
  const offset = Number(match?.[2]);
  if (match === null || !Number.isSafeInteger(offset))
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--since must be epoch:offset, such as 3f2a91c0:17, or 0, but is ${text}`,
    );
  return { epoch: match[1] ?? "", offset };
}
