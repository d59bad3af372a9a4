/** `holdfast publish`. */
import { randomUUID } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as delay } from "node:timers/promises";
import type { Centrifuge } from "centrifuge";
import type { Command } from "commander";
import { HoldfastError } from "../errors.js";
import { RawJson, trimJson } from "../wire/payload.js";
import { type ApiOptions, callApiForText } from "./api-client.js";
import { publishByApi } from "./by-api.js";
import {
  apiOptionsOf,
  type ConnectionOptions,
  connectOnce,
  createClient,
  reportConnection,
  withConnectionFlags,
} from "./connection.js";
import { writeNote } from "./terminal.js";

export function addPublish(program: Command): void {
  withConnectionFlags(
    program.command("publish").description("publish one message, or each line of standard input"),
  )
    .argument("<channel>", "name of the channel")
    .argument("[data]", "the message, as JSON or plain text")
    .addHelpText(
      "after",
      `
Lines of JSON are published as JSON, others as text. Each waits until the
previous one is acknowledged. When the connection is lost, the pending line is sent
again; it is published once, even if the server was restarted.

Examples:
  $ holdfast publish news '{"headline":"It works"}'
  $ holdfast publish news "plain text"
  $ vmstat 1 | holdfast publish stats
  $ tail -f app.log | holdfast publish logs:app
`,
    )
    .action(runPublish);
}

/** Codes below 100 are the client's own: the connection broke, or a timeout. */
const firstServerError = 100;
/** How SDKs report close code 1009: the message is larger than the server accepts. */
const messageTooLarge = 3;
const retryDelayMs = 200;
/** Beyond any server's limit; bounds the memory of an endless line. */
const maxLineCharacters = 64 * 1024 * 1024;

async function runPublish(
  channel: string,
  data: string | undefined,
  options: ConnectionOptions,
): Promise<void> {
  const api = apiOptionsOf(options);
  const publisher = api ? new ApiPublisher(api, channel) : new Publisher(createClient(options), channel);
  await publisher.connect(options.url);
  try {
    if (data === undefined) await publishLines(publisher, channel);
    else if (!(await publisher.publish(data)))
      throw new HoldfastError(
        "HF_CLI_CONNECTION",
        `cannot publish to ${channel}: the message is larger than the server accepts (maxMessageBytes)`,
      );
  } finally {
    publisher.close();
  }
}

/** @throws HF_CLI_CONNECTION at the end, where lines were too long; the others are published */
async function publishLines(publisher: LinePublisher, channel: string): Promise<void> {
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
    writeNote(`holdfast: line ${number} not published: ${size}, more than the server accepts`);
  }
  writeNote(`holdfast: published ${count(published)} to ${channel}`);
  if (tooLong > 0) throw new HoldfastError("HF_CLI_CONNECTION", `${count(tooLong)} not published: too long`);
}

function count(lines: number): string {
  return `${lines} ${lines === 1 ? "line" : "lines"}`;
}

interface LinePublisher {
  connect(url: string): Promise<void>;
  close(): void;
  publish(text: string): Promise<boolean>;
}

/** Publishes one message after the other with an API key. */
class ApiPublisher implements LinePublisher {
  readonly #api: ApiOptions;
  readonly #channel: string;

  constructor(api: ApiOptions, channel: string) {
    this.#api = api;
    this.#channel = channel;
  }

  /** @throws HF_CLI_CONNECTION when the server does not answer in time, or refuses the key */
  async connect(): Promise<void> {
    await callApiForText(this.#api, "info", {});
  }

  close(): void {}

  /** @throws HF_CLI_CONNECTION when the server refuses it */
  async publish(text: string): Promise<boolean> {
    await publishByApi(this.#api, this.#channel, parseData(text), randomUUID());
    return true;
  }
}

/** Publishes one message after the other in a channel, across reconnects. */
class Publisher implements LinePublisher {
  readonly #client: Centrifuge;
  readonly #channel: string;
  /** Set once the server has refused the connection terminally. */
  #end: { readonly code: number; readonly reason: string } | undefined;

  constructor(client: Centrifuge, channel: string) {
    this.#client = client;
    this.#channel = channel;
  }

  /** @throws HF_CLI_CONNECTION when the server does not answer in time, or refuses */
  async connect(url: string): Promise<void> {
    await connectOnce(this.#client, url);
    this.#client.on("disconnected", ({ code, reason }) => {
      // Code 0 is this side's own disconnect.
      if (code !== 0) this.#end = { code, reason };
    });
    reportConnection(this.#client, url);
  }

  close(): void {
    this.#client.disconnect();
  }

  /**
   * Publishes until acknowledged; resends after a lost connection.
   * @returns whether the server accepted it; false if it is too large
   * @throws HF_CLI_CONNECTION when the server refuses it, or the connection
   */
  async publish(text: string): Promise<boolean> {
    // The same key each time, so that a resent line is published once.
    const publication = { channel: this.#channel, data: parseData(text), idempotency_key: randomUUID() };
    let hasWaited = false;
    for (;;) {
      try {
        await this.#client.ready();
        await this.#client.rpc("holdfast.publish", publication);
        return true;
      } catch (error) {
        if (this.#end) return this.#reconnectAfter(this.#end);
        this.#throwIfRefused(error);
        const { code = 0, message } = error as { code?: number; message?: string };
        if (code >= firstServerError && !hasWaited)
          writeNote(`holdfast: waiting; the server says: ${message}`);
        hasWaited = true;
        await delay(retryDelayMs);
      }
    }
  }

  /** A message that is too large does not end the command. @throws HF_CLI_CONNECTION for any other reason */
  #reconnectAfter({ code, reason }: { readonly code: number; readonly reason: string }): false {
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

/** JSON if the text is valid JSON, else a JSON string of it. */
function parseData(text: string): RawJson | string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  return new RawJson(trimJson(text));
}

export interface Line {
  /** From 1; empty lines count. */
  readonly number: number;
  /** Without its line break; undefined if it is too long. */
  readonly text: string | undefined;
}

/**
 * Lines of UTF-8, one at a time, split at LF and CRLF, without a byte order mark before the first.
 * @param maxCharacters of a line; the text of a longer one is dropped as it is read
 */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  maxCharacters: number,
): AsyncGenerator<Line> {
  const decoder = new StringDecoder("utf8");
  let number = 0;
  let parts: string[] = [];
  let characters = 0;
  const take = (part: string) => {
    characters += part.length;
    if (characters <= maxCharacters) parts.push(part);
    else parts = [];
  };
  const end = (): Line => {
    const text = parts.join("").replace(/\r$/, "");
    const isLong = characters > maxCharacters;
    number++;
    parts = [];
    characters = 0;
    return { number, text: isLong ? undefined : number === 1 ? text.replace(/^\uFEFF/, "") : text };
  };
  for await (const chunk of input) {
    const pieces = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)).split("\n");
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) yield end();
      take(piece);
    }
  }
  take(decoder.end());
  if (characters > 0) yield end();
}
