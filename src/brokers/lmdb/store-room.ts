/** Whether a store has room: for a publication, and for the log of another channel. Users share it (quota.ts). */
import type { PublishOptions } from "../../channels/broker.js";
import { assertRoom, type Bound, Quota } from "../../channels/quota.js";
import { HoldfastError } from "../../errors.js";
import type { ChannelLog } from "./channel-log.js";
import type { LogIndex } from "./log-index.js";
import { OwnerUse } from "./owner-use.js";
import { isAtBound } from "./retention.js";
import type { StoreSpace } from "./store-space.js";

export interface StoreRoomOptions {
  readonly index: LogIndex;
  readonly space: StoreSpace;
  readonly maxChannels: number;
  readonly maxPendingBytes: number;
  readonly userPercent: number;
}

export class StoreRoom {
  /** Logs that the index has no record of. */
  readonly unstored: Quota;
  /** Of those that it has a record of. */
  readonly owners: OwnerUse;
  readonly #options: StoreRoomOptions;
  readonly #logs: Bound;

  constructor(options: StoreRoomOptions) {
    const { index, maxChannels: max, userPercent } = options;
    this.#options = options;
    this.#logs = { max, userPercent, what: "channels of the store", option: "store.maxChannels" };
    this.unstored = new Quota(this.#logs);
    this.owners = new OwnerUse(index);
  }

  /** @throws HF_BROKER_FULL */
  assertNewLog({ owner, isReserved }: PublishOptions): void {
    if (isReserved) return;
    const all = this.#options.index.channelCount + this.unstored.all;
    const own = owner ? this.owners.of(owner).logs + this.unstored.of(owner) : 0;
    assertRoom(this.#logs, owner, { all, own });
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
