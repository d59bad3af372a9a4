/** `holdfast subscribe`. */
import type { PublicationContext, Subscription } from "centrifuge";
import { HoldfastError } from "../index.js";
import { type ConnectionOptions, createClient, reportConnection, whenRefused } from "./connection.js";
import { writeNote, writeResult } from "./output.js";
import { parsePosition } from "./position.js";
import { onEndSignal } from "./signals.js";

interface SubscribeOptions extends ConnectionOptions {
  readonly since?: string;
  readonly count?: number;
}

export async function runSubscribe(channel: string, options: SubscribeOptions): Promise<void> {
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

/** What is printed of a publication. */
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
