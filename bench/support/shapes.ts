/** How many take part in a measurement and how they are spread. */
import { formatCount } from "@holdfast/lab/report";
import { UsageError } from "./command.js";

export interface PublishShape {
  readonly title: string;
  readonly publishers: number;
  readonly connections: number;
  readonly channels: number;
}

/** All combinations, with no more connections and channels than publishers; those that come to the same stand once. */
export function publishShapes(given: {
  readonly publishers: readonly number[];
  readonly connections: readonly number[];
  readonly channels: readonly number[];
}): readonly PublishShape[] {
  const shapes = new Map<string, PublishShape>();
  for (const publishers of given.publishers)
    for (const maxConnections of given.connections)
      for (const maxChannels of given.channels) {
        const connections = Math.min(publishers, maxConnections);
        const channels = Math.min(publishers, maxChannels);
        const title =
          `${counted(publishers, "publisher")} on ${counted(connections, "connection")}, ` +
          counted(channels, "channel");
        shapes.set(title, { title, publishers, connections, channels });
      }
  return [...shapes.values()];
}

export interface FanOutShape {
  readonly title: string;
  readonly channels: number;
  /** All together. */
  readonly subscribers: number;
}

/** @throws UsageError when they can't be spread evenly */
export function fanOutShape(channels: number, subscribers: number): FanOutShape {
  if (subscribers % channels !== 0)
    throw new UsageError(
      `${subscribers} subscribers don't spread evenly over ${channels} channels; --subscribers must be a multiple of --channels.`,
    );
  const each = counted(subscribers / channels, "subscriber");
  return { title: `${counted(channels, "channel")} of ${each}`, channels, subscribers };
}

/** Reads "1000x10,1x500": so many channels of so many subscribers each. @throws UsageError when it is none, or too many */
export function parseFanOutShapes(text: string, maxSubscribers: number): readonly FanOutShape[] {
  return text.split(",").map((item) => {
    const match = /^\s*([1-9]\d*)x([1-9]\d*)\s*$/.exec(item);
    const [channels, each] = [Number(match?.[1]), Number(match?.[2])];
    if (match === null || channels * each > maxSubscribers)
      throw new UsageError(
        "--shape accepts CHANNELSxSUBSCRIBERS, such as 1000x10, separated by commas, each with at most " +
          `${maxSubscribers} subscribers in all, not "${item}".`,
      );
    return fanOutShape(channels, channels * each);
  });
}

function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
