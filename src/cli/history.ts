/** `holdfast history`. */
import { HoldfastError } from "../index.js";
import { type ConnectionOptions, connectOnce, createClient } from "./connection.js";
import { endQuietlyWithoutReader, writeNote, writeResult } from "./output.js";
import { parsePosition } from "./position.js";
import { toLine } from "./subscribe.js";

interface HistoryOptions extends ConnectionOptions {
  readonly limit: number;
  readonly since?: string;
  readonly reverse?: boolean;
}

export async function runHistory(channel: string, options: HistoryOptions): Promise<void> {
  endQuietlyWithoutReader();
  const since = options.since === undefined ? undefined : parsePosition(options.since);
  const client = createClient(options);
  await connectOnce(client, options.url);
  try {
    // Without a position the newest are wanted, and those come in reverse.
    const isReverse = options.reverse === true || since === undefined;
    const result = await client.history(channel, {
      limit: options.limit,
      reverse: isReverse,
      ...(since && { since }),
    });
    const publications =
      isReverse && options.reverse !== true ? result.publications.reverse() : result.publications;
    for (const publication of publications) writeResult(toLine(publication));
    writeNote(`holdfast: ${channel} stands at ${result.epoch}:${result.offset}`);
  } catch (error) {
    const { code, message } = error as { code?: number; message?: string };
    throw new HoldfastError("HF_CLI_CONNECTION", `cannot read the history: ${message} (code ${code})`, {
      cause: error,
    });
  } finally {
    client.disconnect();
  }
}
