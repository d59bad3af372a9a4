/** Whether a store has room: for a publication, and for the log of another channel. Users share it (quota.ts). */
import type { PublishOptions } from "../../channels/log.js";
import { assertRoom, type Bound, Quota, WindowQuota } from "../../channels/quota.js";
import { HoldfastError } from "../../errors.js";
import type { ChannelLog } from "./channel-log.js";
import type { LogIndex } from "./log-index.js";
import { OwnerUse } from "./owner-use.js";
import { isAtBound } from "./retention.js";
import type { StoreSpace } from "./store-space.js";

const keyWindowMs = 5 * 60 * 1000;

export interface StoreRoomOptions {
  readonly index: LogIndex;
  readonly space: StoreSpace;
  readonly maxChannels: number;
  readonly maxPendingBytes: number;
  readonly maxIdempotencyKeys: number;
  readonly userPercent: number;
}

export class StoreRoom {
  /** Logs that the index has no record of. */
  readonly unstored: Quota;
  /** Of those that it has a record of. */
  readonly owners: OwnerUse;
  readonly #options: StoreRoomOptions;
  readonly #logs: Bound;
  readonly #keys: WindowQuota;

  constructor(options: StoreRoomOptions) {
    const { index, maxChannels: max, userPercent } = options;
    this.#options = options;
    this.#logs = { max, userPercent, what: "channels of the store", option: "store.maxChannels" };
    this.unstored = new Quota(this.#logs);
    this.owners = new OwnerUse(index);
    const what = "idempotency keys of 5 minutes";
    const keys = { max: options.maxIdempotencyKeys, userPercent, what, option: "maxIdempotencyKeys" };
    this.#keys = new WindowQuota(keys, keyWindowMs);
  }

  /** @throws HF_BROKER_FULL */
  assertNewLog({ owner, isReserved }: PublishOptions): void {
    if (isReserved) return;
    const all = this.#options.index.channelCount + this.unstored.all;
    const own = owner ? this.owners.of(owner).logs + this.unstored.of(owner) : 0;
    assertRoom(this.#logs, owner, { all, own });
  }

  /** An idempotency key that is new. @param now of a clock that is never set @throws HF_BROKER_FULL */
  takeKey({ owner }: PublishOptions, now: number): void {
    this.#keys.take(owner, now);
  }

  /**
   * What users add is charged to whose channel it is, whoever adds it.
   * @param pendingBytes of publications that wait to be stored
   * @throws HF_BROKER_FULL
   */
  assertPublication(log: ChannelLog | undefined, options: PublishOptions, pendingBytes: number): void {
    const { owner, retention, isReserved } = options;
    if (isReserved) return;
    const { space, maxPendingBytes } = this.#options;
    const payer = owner === undefined || log === undefined ? owner : (log.owner ?? "");
    const isGrowing = log === undefined || !isAtBound(log, retention);
    space.assertRoom(payer && !isGrowing ? "" : payer, (each) => this.owners.of(each).bytes);
    if (pendingBytes > maxPendingBytes)
      throw new HoldfastError(
        "HF_BROKER_FULL",
        `${maxPendingBytes} bytes of publications wait to be stored, and no more are taken until some are`,
      );
  }
}
