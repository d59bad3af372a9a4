/** `holdfast history`. */
import { HoldfastError, readStore } from "../index.js";
import { RawJson } from "../wire/payload.js";
import { type ConnectionOptions, connectOnce, createClient } from "./connection.js";
import { writeNote, writeResult } from "./output.js";
import { parsePosition } from "./position.js";
import { toLine } from "./subscribe.js";

interface HistoryOptions extends ConnectionOptions {
  readonly limit: number;
  readonly since?: string;
  readonly reverse?: boolean;
  readonly data?: string;
}

/** As much as a server gives at once. */
const maxAtOnce = 300;
const maxPageBytes = 64 * 1024 * 1024;

export async function runHistory(channel: string, options: HistoryOptions): Promise<void> {
  const since = options.since === undefined ? undefined : parsePosition(options.since);
  if (options.data !== undefined) return await printStored(options.data, channel, options, since);
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
    throw new HoldfastError("HF_CLI_USAGE", `the log of ${channel} has another epoch now: ${position.epoch}`);
  const shown = isReverse && !reverse ? publications.toReversed() : publications;
  for (const { offset, data, info, tags } of shown) {
    const { user = "", client = "", connInfo = "null" } = info ?? {};
    const shownInfo = info && { user, client, connInfo: new RawJson(connInfo) };
    writeResult(
      toLine({
        channel,
        offset,
        data: new RawJson(data),
        ...(shownInfo && { info: shownInfo }),
        ...(tags && { tags }),
      }),
    );
  }
  writeNote(`holdfast: ${channel} stands at ${position.epoch}:${position.offset}`);
}
