/** `holdfast publish`. */
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { Centrifuge } from "centrifuge";
import { HoldfastError } from "../index.js";
import {
  type ConnectionOptions,
  connectOnce,
  createClient,
  reportConnection,
  whenRefused,
} from "./connection.js";
import { writeNote } from "./output.js";

/** The protocol leaves codes below 100 to clients: the connection broke, or nothing came in time. */
const firstServerError = 100;
const retryDelayMs = 200;

/** Set once the server has ended the connection for good. */
interface Refusal {
  readonly error?: unknown;
}

export async function runPublish(
  channel: string,
  data: string | undefined,
  options: ConnectionOptions,
): Promise<void> {
  const client = createClient(options);
  await connectOnce(client, options.url);
  // Unlike a promise to race with, this holds nothing for every line that has been published.
  const refusal: { error?: unknown } = {};
  whenRefused(client).catch((error: unknown) => {
    refusal.error = error;
  });
  reportConnection(client, options.url);
  try {
    if (data !== undefined) await publishOne(client, refusal, channel, data);
    else await publishLines(client, refusal, channel);
  } finally {
    client.disconnect();
  }
}

async function publishLines(client: Centrifuge, refusal: Refusal, channel: string): Promise<void> {
  if (process.stdin.isTTY) writeNote(`Each line you type is published to ${channel}; Ctrl+D ends.`);
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  let count = 0;
  for await (const line of lines) {
    if (line.trim() === "") continue;
    await publishOne(client, refusal, channel, line);
    count++;
  }
  writeNote(`holdfast: published ${count} ${count === 1 ? "line" : "lines"} to ${channel}`);
}

/** Publishes until it is acknowledged; what a break of the connection leaves open is sent again. */
async function publishOne(
  client: Centrifuge,
  refusal: Refusal,
  channel: string,
  text: string,
): Promise<void> {
  // The same key each time, so that a line counts once, however often it is sent.
  const publication = { channel, data: parseData(text), idempotency_key: randomUUID() };
  let hasWaited = false;
  for (;;) {
    try {
      await client.ready();
      await client.rpc("holdfast.publish", publication);
      return;
    } catch (error) {
      if (refusal.error) throw refusal.error;
      const {
        code = 0,
        message,
        temporary,
      } = error as { code?: number; message?: string; temporary?: boolean };
      if (code >= firstServerError && temporary !== true)
        throw new HoldfastError(
          "HF_CLI_CONNECTION",
          `cannot publish to ${channel}: ${message} (code ${code})`,
          { cause: error },
        );
      if (code >= firstServerError && !hasWaited)
        writeNote(`holdfast: waiting, since the server says: ${message}`);
      hasWaited = true;
      await delay(retryDelayMs);
    }
  }
}

/** JSON where the text is that, else the text. */
function parseData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
