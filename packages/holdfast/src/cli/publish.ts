/** `holdfast publish`. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Centrifuge } from "centrifuge";
import { HoldfastError } from "../index.js";
import { RawJson, wholeText } from "../wire/payload.js";
import { type ConnectionOptions, connectOnce, createClient, reportConnection } from "./connection.js";
import { writeNote } from "./output.js";
import { readLines } from "./read-lines.js";

/** The protocol leaves codes below 100 to clients: the connection broke, or nothing came in time. */
const firstServerError = 100;
/** What SDKs make of close code 1009: the server takes no message of that size. */
const messageTooLarge = 3;
const retryDelayMs = 200;
/** No server has a limit beyond this; a line without an end would else fill the memory. */
const maxLineCharacters = 64 * 1024 * 1024;

export async function runPublish(
  channel: string,
  data: string | undefined,
  options: ConnectionOptions,
): Promise<void> {
  const publisher = new Publisher(createClient(options), channel);
  await publisher.connect(options.url);
  try {
    if (data === undefined) await publishLines(publisher, channel);
    else if (!(await publisher.publish(data)))
      throw new HoldfastError(
        "HF_CLI_CONNECTION",
        `cannot publish to ${channel}: the message is larger than the server takes, message size limit exceeded`,
      );
  } finally {
    publisher.close();
  }
}

/** @throws HF_CLI_CONNECTION at the end, where lines were too long; the others are published */
async function publishLines(publisher: Publisher, channel: string): Promise<void> {
  if (process.stdin.isTTY) writeNote(`Each line you type is published to ${channel}; Ctrl+D ends.`);
  let published = 0;
  let tooLong = 0;
  for await (const { number, text } of readLines(process.stdin, maxLineCharacters)) {
    if (text?.trim() === "") continue;
    if (text !== undefined && (await publisher.publish(text))) {
      published++;
      continue;
    }
    tooLong++;
    const size =
      text === undefined ? `more than ${maxLineCharacters} characters` : `${Buffer.byteLength(text)} bytes`;
    writeNote(
      `holdfast: line ${number} is not published: it has ${size}, which is more than the server takes`,
    );
  }
  writeNote(`holdfast: published ${count(published)} to ${channel}`);
  if (tooLong > 0)
    throw new HoldfastError("HF_CLI_CONNECTION", `${count(tooLong)} not published, being too long`);
}

function count(lines: number): string {
  return `${lines} ${lines === 1 ? "line" : "lines"}`;
}

/** Publishes one message after the other in a channel, over breaks of the connection. */
class Publisher {
  readonly #client: Centrifuge;
  readonly #channel: string;
  /** Set once the server has ended the connection for good. */
  #end: { readonly code: number; readonly reason: string } | undefined;

  constructor(client: Centrifuge, channel: string) {
    this.#client = client;
    this.#channel = channel;
  }

  /** @throws HF_CLI_CONNECTION when the server does not answer in time, or refuses */
  async connect(url: string): Promise<void> {
    await connectOnce(this.#client, url);
    this.#client.on("disconnected", ({ code, reason }) => {
      // Code 0 is this side's own wish.
      if (code !== 0) this.#end = { code, reason };
    });
    reportConnection(this.#client, url);
  }

  close(): void {
    this.#client.disconnect();
  }

  /**
   * Publishes until it is acknowledged; what a break of the connection leaves open is sent again.
   * @returns whether the server took it; not where it is larger than messages may be
   * @throws HF_CLI_CONNECTION when the server refuses it, or the connection
   */
  async publish(text: string): Promise<boolean> {
    // The same key each time, so that a line counts once, however often it is sent.
    const publication = { channel: this.#channel, data: parseData(text), idempotency_key: randomUUID() };
    let hasWaited = false;
    for (;;) {
      try {
        await this.#client.ready();
        await this.#client.rpc("holdfast.publish", publication);
        return true;
      } catch (error) {
        if (this.#end) return this.#goOnAfterEnd(this.#end);
        this.#throwIfRefused(error);
        const { code = 0, message } = error as { code?: number; message?: string };
        if (code >= firstServerError && !hasWaited)
          writeNote(`holdfast: waiting, since the server says: ${message}`);
        hasWaited = true;
        await delay(retryDelayMs);
      }
    }
  }

  /** The size of one message is no reason to end. @throws HF_CLI_CONNECTION for any other */
  #goOnAfterEnd({ code, reason }: { readonly code: number; readonly reason: string }): false {
    if (code !== messageTooLarge)
      throw new HoldfastError("HF_CLI_CONNECTION", `the server refused: ${reason} (code ${code})`);
    this.#end = undefined;
    this.#client.connect();
    return false;
  }

  #throwIfRefused(error: unknown): void {
    const {
      code = 0,
      message,
      temporary,
    } = error as { code?: number; message?: string; temporary?: boolean };
    if (code < firstServerError || temporary === true) return;
    throw new HoldfastError(
      "HF_CLI_CONNECTION",
      `cannot publish to ${this.#channel}: ${message} (code ${code})`,
      { cause: error },
    );
  }
}

/** JSON where the text is that, else the text. */
function parseData(text: string): RawJson | string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  return new RawJson(wholeText(text));
}
