/** The list of channels: what a search asks for, and how fast each channel grows between two looks at it. */
import type { ChannelsAnswer } from "./answers.js";

export interface ListedChannel {
  readonly name: string;
  readonly readers: number;
  readonly offset: number | undefined;
  readonly epoch: string | undefined;
  /** Publications a second since the look before; undefined at the first. */
  readonly rate: number | undefined;
}

export interface ChannelList {
  readonly at: number;
  readonly channels: readonly ListedChannel[];
  readonly next: string | undefined;
}

/** A word finds names that contain it; `*` and `?` are the person's own. */
export function toPattern(search: string): string | undefined {
  const text = search.trim();
  if (text === "") return undefined;
  return /[*?]/.test(text) ? text : `*${text}*`;
}

export function toChannelList(
  { channels, next }: ChannelsAnswer,
  at: number,
  before: ChannelList | undefined,
): ChannelList {
  const known = new Map(before?.channels.map((channel) => [channel.name, channel]));
  return {
    at,
    next,
    channels: Object.entries(channels).map(([name, { num_clients: readers, epoch, offset }]) => {
      const old = known.get(name);
      const seconds = before ? (at - before.at) / 1000 : 0;
      const isSame = old?.offset !== undefined && offset !== undefined && old.epoch === epoch && seconds > 0;
      const rate = isSame ? Math.max(0, offset - (old.offset ?? 0)) / seconds : undefined;
      return { name, readers, offset, epoch, rate };
    }),
  };
}
