/** What the server's own side reads of maps, and clearing them: for the HTTP interface and for programs that embed a server. */
import type { Broker } from "../channels/broker.js";
import type { Channels } from "../channels/channels.js";
import { type ChannelRules, storageOf } from "../channels/rules.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import type { Publication } from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import type { Application } from "./application.js";
import { cursorFault, readState, type StatePage, type StateRequest } from "./map-state.js";
import type { Publishing } from "./publishing.js";

const removalsAtOnce = 128;

export class MapControl {
  readonly #broker: Broker;
  readonly #application: Pick<Application, "policyFor">;
  readonly #channels: Pick<Channels, "readersOf">;

  constructor({ broker, application, channels }: Publishing) {
    this.#broker = broker;
    this.#channels = channels;
    this.#application = application;
  }

  /** Values of keys, in the map's order. */
  async read(
    params: Omit<StateRequest, "limit"> & { readonly limit?: number },
  ): Promise<StatePage | ReplyError> {
    const rules = this.#rulesOf(params.channel);
    if ("code" in rules) return rules;
    const page = await readState(this.#broker, rules, { limit: 0, ...params });
    return page ?? replyError("badRequest", cursorFault);
  }

  /** @returns undefined where the key has no value */
  async value(channel: string, key: string): Promise<Publication | undefined | ReplyError> {
    const rules = this.#rulesOf(channel);
    return "code" in rules ? rules : await this.#broker.value(channel, key);
  }

  async numKeys(channel: string): Promise<number | ReplyError> {
    const page = await this.read({ channel, limit: 1 });
    return "code" in page ? page : page.numKeys;
  }

  /** Removes every key that is there now. Readers are told of each. */
  async clear(channel: string): Promise<ReplyError | undefined> {
    const rules = this.#rulesOf(channel);
    if ("code" in rules) return rules;
    let cursor: string | undefined;
    do {
      const page = await this.read({ channel, ...(cursor !== undefined && { cursor }) });
      if ("code" in page) return page;
      await this.#remove(channel, page.publications, rules);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return undefined;
  }

  /** Some at a time, so that readers keep up. */
  async #remove(channel: string, publications: readonly Publication[], rules: ChannelRules): Promise<void> {
    for (let i = 0; i < publications.length; i += removalsAtOnce) {
      for (let wait = this.#channels.readersOf(channel); wait; wait = this.#channels.readersOf(channel))
        await wait;
      await Promise.all(
        publications
          .slice(i, i + removalsAtOnce)
          .map(({ key = "" }) =>
            this.#broker.publish(channel, { key, data: "null", isRemoved: true }, storageOf(rules)),
          ),
      );
    }
  }

  #rulesOf(channel: string): ChannelRules | ReplyError {
    const fault = findChannelNameFault(channel);
    if (fault !== undefined) return replyError("badRequest", fault);
    const policy = this.#application.policyFor(channel);
    if (policy === undefined) return replyError("unknownChannel");
    return policy.rules.kind === "map" ? policy.rules : replyError("badRequest", "this channel is no map");
  }
}
