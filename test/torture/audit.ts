/** Asks the server itself, past the proxy: the heads of the channels, and their whole logs page by page. */

import { setTimeout as sleep } from "node:timers/promises";
import { isMap } from "./channels.js";
import { type Answer, Connection, type WirePublication } from "./connection.js";
import { type ChannelLog, type LogEntry, nameOf, type Position } from "./history.js";
import { idIn } from "./reader.js";

interface Page {
  readonly publications: readonly WirePublication[];
  readonly epoch: string;
  readonly offset: number;
}

const pageEntries = 300;
/** How long it connects again and again, on a machine that is too busy for a server to be in time. */
const patienceMs = 60_000;
const pauseMs = 200;

export class Auditor {
  readonly #url: string;
  #connection: Connection;

  private constructor(url: string, connection: Connection) {
    this.#url = url;
    this.#connection = connection;
  }

  /** @throws Error when the server can't be reached */
  static async connect(url: string): Promise<Auditor> {
    return new Auditor(url, await connect(url));
  }

  async readHead(channel: string): Promise<Position> {
    const { epoch, offset } = await this.#history({ channel, limit: 0 });
    return { epoch, offset };
  }

  /** @throws Error when the log changes its epoch on the way */
  async readLog(channel: string): Promise<ChannelLog> {
    const position = await this.readHead(channel);
    const entries: LogEntry[] = [];
    let last = 0;
    while (last < position.offset) {
      const since = { epoch: position.epoch, offset: last };
      const page = await this.#history({ channel, limit: pageEntries, since });
      if (page.publications.length === 0) break;
      for (const { offset = 0, data, key } of page.publications)
        entries.push({ ...idIn(data), offset, ...(key !== undefined && { key }) });
      last = entries.at(-1)?.offset ?? 0;
    }
    return { channel, position, entries, ...(isMap(channel) && { values: await this.#readValues(channel) }) };
  }

  /** All values of a map, as one that subscribes gets them. Nothing may be published meanwhile. */
  async #readValues(channel: string): Promise<Map<string, string>> {
    const values = new Map<string, string>();
    let place: object = {};
    for (;;) {
      const params = { channel, type: 1, phase: 2, limit: 1000, ...place };
      const { state, cursor, epoch, offset } = (await this.#ask("subscribe", params)) as {
        state?: readonly WirePublication[];
        cursor?: string;
        epoch: string;
        offset: number;
      };
      for (const { key = "", data } of state ?? []) values.set(key, nameOf(idIn(data)));
      if (cursor === undefined) break;
      place = { cursor, epoch, offset };
    }
    await this.#ask("unsubscribe", { channel });
    return values;
  }

  close(): void {
    this.#connection.close();
  }

  async #history(params: object): Promise<Page> {
    return (await this.#ask("history", params)) as unknown as Page;
  }

  async #ask(method: string, params: object): Promise<Readonly<Record<string, unknown>>> {
    const deadline = Date.now() + patienceMs;
    let answer = await this.#connection.ask(method, params);
    // What is asked for is the same on the next connection, and later.
    while (Date.now() < deadline && isTemporary(answer)) {
      await sleep(pauseMs);
      if (answer.kind === "lost") this.#connection = await connect(this.#url);
      answer = await this.#connection.ask(method, params);
    }
    if (answer.kind === "result") return answer.result;
    const reason = answer.kind === "error" ? `${answer.error.code} ${answer.error.message}` : answer.reason;
    throw new Error(`${method} ${JSON.stringify(params)} was not answered: ${reason}`);
  }
}

function isTemporary(answer: Answer): boolean {
  return answer.kind === "lost" || (answer.kind === "error" && answer.error.temporary === true);
}

function connect(url: string): Promise<Connection> {
  return new Promise((resolve, reject) => {
    new Connection(url, {
      isPatient: true,
      onOpen: resolve,
      onPush() {},
      onClose: () => reject(new Error("the server does not let itself be connected to")),
      onFailure: (text) => reject(new Error(text)),
    });
  });
}
