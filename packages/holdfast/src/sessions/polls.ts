/**
 * Polled channels of this node. Clients track keys; the values of all tracked keys of a channel are asked for together, once per
 * interval, and go to those who track them when their version is newer (poll-channel.ts). What clients track, and its values, is
 * bounded over all channels here.
 */
import type { View } from "../channels/batches.js";
import { Quota } from "../channels/quota.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import type { Position, SubRefreshResult } from "../wire/messages.js";
import type { Application, PolledItem } from "./application.js";
import {
  PollChannel,
  type PollChannelOptions,
  type PollParams,
  type PollReader,
  type PollRoom,
} from "./poll-channel.js";

export interface PollsOptions extends PollChannelOptions {
  /** Keys that clients track, each counted once per client, over all channels. */
  readonly maxTrackedKeys: number;
  /** Bytes of the values of these keys, over all channels. */
  readonly maxPolledBytes: number;
  readonly userPercent: number;
}

const notSubscribed = replyError("permissionDenied", "not subscribed to this channel with type 4");

export class Polls {
  readonly #options: PollsOptions;
  readonly #room: PollRoom;
  readonly #channels = new Map<string, PollChannel>();

  constructor(options: PollsOptions) {
    this.#options = options;
    const { maxTrackedKeys, maxPolledBytes, userPercent } = options;
    this.#room = {
      keys: new Quota({
        max: maxTrackedKeys,
        userPercent,
        what: "tracked keys",
        option: "maxTrackedKeys",
      }),
      bytes: new Quota({
        max: maxPolledBytes,
        userPercent,
        what: "bytes of polled values",
        option: "maxPolledBytes",
      }),
    };
  }

  /** Channels with readers, keys that are tracked, what the readers track, and the bytes of all values. */
  get sizes(): Readonly<Record<"channels" | "keys" | "tracked" | "bytes", number>> {
    let keys = 0;
    for (const channel of this.#channels.values()) keys += channel.keyCount;
    const { keys: tracked, bytes } = this.#room;
    return { channels: this.#channels.size, keys, tracked: tracked.all, bytes: bytes.all };
  }

  /**
   * The reader is subscribed, and tracks nothing yet.
   * @returns the epoch of versions that are made up; undefined if the application knows no such channel any more
   */
  enter(
    name: string,
    { application }: { readonly application: Pick<Application, "policyFor"> },
    reader: PollReader,
    { delta }: View,
  ): Position | undefined {
    const policy = application.policyFor(name)?.poll;
    if (policy === undefined) return undefined;
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = new PollChannel(name, policy, this.#options, this.#room);
      this.#channels.set(name, channel);
    }
    channel.enter(reader, delta !== "none");
    return { epoch: policy.hasVersions ? "" : channel.epoch, offset: 0 };
  }

  leave(name: string, reader: PollReader): void {
    const channel = this.#channels.get(name);
    channel?.leave(reader);
    if (channel?.isUnused) this.#channels.delete(name);
  }

  /**
   * @returns the values that the reader lacks, and when it has to renew its signatures
   * @throws HF_BROKER_FULL
   */
  track(name: string, reader: PollReader, params: PollParams): SubRefreshResult | ReplyError {
    return this.#channels.get(name)?.track(reader, params) ?? notSubscribed;
  }

  /** A value that nobody has asked for. */
  publish(name: string, item: PolledItem): void {
    this.#channels.get(name)?.receive([item]);
  }
}
