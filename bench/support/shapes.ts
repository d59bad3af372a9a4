/** How many take part in a measurement and how they are spread. */
import { grouped } from "./report.js";

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
    for (const mostConnections of given.connections)
      for (const mostChannels of given.channels) {
        const connections = Math.min(publishers, mostConnections);
        const channels = Math.min(publishers, mostChannels);
        const title =
          `${counted(publishers, "publisher")} on ${counted(connections, "connection")}, ` +
          counted(channels, "channel");
        shapes.set(title, { title, publishers, connections, channels });
      }
  return [...shapes.values()];
}

function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}
