/**
 * Maps that list who is subscribed to another channel: an entry for each connection, which is removed with it, or one for
 * each user, which goes when no connection has renewed it for long enough.
 */
import type { NewPublication } from "../channels/broker.js";
import type { Owner } from "../channels/quota.js";
import { type ChannelRules, storageOf } from "../channels/rules.js";
import { hasCode } from "../errors.js";
import type { ClientInfo } from "../wire/messages.js";
import { findKeyFault } from "../wire/names.js";
import type { SessionContext } from "./context.js";

type Context = Pick<SessionContext, "broker" | "application" | "onError">;

export class PresenceLists {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** @param owner whom it is charged to */
  join(lists: readonly string[], info: ClientInfo, owner: Owner): void {
    for (const list of lists) this.#run(list, (rules) => this.#put(list, rules, info, owner));
  }

  /**
   * An entry that has gone meanwhile comes back.
   * @param isThere whether the client is still subscribed
   */
  renew(lists: readonly string[], info: ClientInfo, owner: Owner, isThere: () => boolean): void {
    for (const list of lists)
      this.#run(list, async (rules) => {
        const key = keyOf(rules, info);
        if (key === undefined || (await this.#context.broker.renewKey(list, key)) || !isThere()) return;
        await this.#put(list, rules, info, owner);
      });
  }

  leave(lists: readonly string[], info: ClientInfo): void {
    for (const list of lists)
      this.#run(list, async (rules) => {
        if (rules.map?.type === "clients") await this.#publish(list, rules, { ...removal, key: info.client });
      });
  }

  async #put(list: string, rules: ChannelRules, info: ClientInfo, owner: Owner): Promise<void> {
    const key = keyOf(rules, info);
    if (key === undefined) return;
    const isOfClients = rules.map?.type === "clients";
    await this.#publish(list, rules, { key, data: "null", ...(isOfClients && { info }) }, owner);
  }

  async #publish(
    list: string,
    rules: ChannelRules,
    publication: NewPublication,
    owner?: Owner,
  ): Promise<void> {
    const options = { ...storageOf(rules), ...(owner !== undefined && { owner }) };
    await this.#context.broker.publish(list, publication, options);
  }

  #run(list: string, work: (rules: ChannelRules) => Promise<void>): void {
    const { application, onError } = this.#context;
    const policy = application.policyFor(list);
    const { type = "keys" } = policy?.rules.map ?? {};
    // Another channel of the application may have the list's name.
    if (policy === undefined || type === "keys") return;
    work(policy.rules).catch((error: unknown) => {
      // Who is not listed for want of room comes into the list when there is some.
      if (!hasCode(error, "HF_BROKER_FULL")) onError(error, { stage: `keeping the list ${list}` });
    });
  }
}

const removal = { data: "null", isRemoved: true } as const;

/** None for an anonymous user in a list of users, nor for one whose id can be no key. */
function keyOf({ map }: ChannelRules, { client, user }: ClientInfo): string | undefined {
  const key = map?.type === "users" ? user : client;
  return findKeyFault("key", key) === undefined ? key : undefined;
}
