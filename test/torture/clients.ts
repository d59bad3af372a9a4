/** The clients of a run, drawn from the seed: who publishes where and how, and who reads what. */

import { isMap, mapKeys, peopleChannels, quietChannels } from "./channels.js";
import { EventsReader } from "./events-reader.js";
import type { Recorder } from "./history.js";
import { MapReader } from "./map-reader.js";
import type { TortureOptions } from "./options.js";
import { PresenceClient } from "./presence-client.js";
import { HttpPublishLine, type PublishLine, SocketPublishLine } from "./publish-ways.js";
import { Publisher, type PublisherOptions } from "./publisher.js";
import type { Random } from "./random.js";
import { Reader, type ReaderOptions, type TortureReader } from "./reader.js";
import { SdkReader, type SdkWay, sdkWays } from "./sdk-reader.js";

export interface ClientsOptions {
  readonly options: TortureOptions;
  readonly channels: readonly string[];
  /** Of the proxy. */
  readonly port: number;
  readonly apiKey: string;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly onFailure: (text: string) => void;
}

export interface Clients {
  readonly publishers: readonly Publisher[];
  readonly readers: readonly TortureReader[];
  readonly people: readonly PresenceClient[];
  /** Publishes much at once, when it is told to. */
  readonly burster: Publisher;
  /** Publishes one at a time into quiet channels, when it is told to. */
  readonly whisperer: Publisher;
}

const mostChannelsOfReader = 3;
/** Of all quiet channels, so many that most nodes have some. Besides the other readers. */
export const quietReaders = 6;

export function createClients(all: ClientsOptions): Clients {
  const { options, random } = all;
  const publishers = Array.from({ length: options.publishers }, (_, number) =>
    createPublisher(all, number, random.fork()),
  );
  const readers = Array.from({ length: options.subscribers }, (_, index) =>
    createReader(all, index, random.fork()),
  );
  const burster = createObedient(all, options.publishers, false);
  const people = Array.from(
    { length: options.people },
    (_, index) =>
      new PresenceClient({
        ...commonOf(all, random.fork()),
        name: `person${index}`,
        url: urlOf(all.port),
        channel: peopleChannels[index % peopleChannels.length] as string,
      }),
  );
  const whisperer = createObedient(all, options.publishers + 1, true);
  if (options.broker !== undefined)
    for (let i = 0; i < quietReaders; i++) readers.push(createQuietReader(all, i));
  return { publishers, readers, people, burster, whisperer };
}

/** Publishes nothing by itself. */
function createObedient(all: ClientsOptions, number: number, isKeyed: boolean): Publisher {
  const { random } = all;
  return new Publisher({
    ...commonOf(all, random.fork()),
    number,
    channel: all.channels[0] as string,
    isKeyed,
    subjects: [],
    window: 0,
    gapMs: 0,
    isTagging: false,
    line: createLine(all, "rpc", random.fork()),
  });
}

function createQuietReader(all: ClientsOptions, index: number): Reader {
  return new Reader({
    ...commonOf(all, all.random.fork()),
    name: `quiet${index}`,
    url: urlOf(all.port),
    channels: quietChannels,
    startsAtBeginning: false,
    wantsError: false,
  });
}

/** All that may be connected, in the order in which a plan counts them. */
export function linesOf({
  publishers,
  readers,
  people,
}: Clients): readonly (Publisher | TortureReader | PresenceClient)[] {
  return [...publishers, ...readers, ...people];
}

function commonOf({ recorder, onFailure }: ClientsOptions, random: Random) {
  return { recorder, onFailure, random } satisfies Partial<PublisherOptions & ReaderOptions>;
}

function urlOf(port: number): string {
  return `ws://127.0.0.1:${port}/connection/websocket`;
}

function createLine({ port, apiKey, onFailure }: ClientsOptions, way: string, random: Random): PublishLine {
  if (way === "http") return new HttpPublishLine(port, apiKey, random);
  return new SocketPublishLine(way === "command" ? "command" : "rpc", {
    url: urlOf(port),
    random,
    onFailure,
  });
}

function createPublisher(all: ClientsOptions, number: number, random: Random): Publisher {
  const { options, channels } = all;
  const channel = channels[number % channels.length] as string;
  const window = random.chance(0.25) ? 4 : 1;
  // The rpc says most, so that most publishers use it.
  const way = random.chance(0.5) && options.ways.includes("rpc") ? "rpc" : random.pick(options.ways);
  return new Publisher({
    ...commonOf(all, random),
    number,
    channel,
    // What is not kept can't be told apart later.
    isKeyed: random.chance(0.7) && !channel.startsWith("live:"),
    subjects: subjectsOf(channel, number, random),
    window,
    gapMs: (1000 * window * options.publishers) / options.rate,
    // Clients' commands have no tags.
    isTagging: way === "http",
    line: createLine(all, way, random.fork()),
  });
}

function subjectsOf(channel: string, number: number, random: Random): string[] {
  if (isMap(channel)) return Array.from({ length: mapKeys }, (_, i) => `key ${i}`);
  return channel.startsWith("latest:") && random.chance(0.6) ? [`subject ${number % 3}`] : [];
}

function createReader(all: ClientsOptions, index: number, random: Random): TortureReader {
  const { options, channels, port } = all;
  const maps = channels.filter(isMap);
  const others = channels.filter((channel) => !isMap(channel));
  const kept = others.filter((channel) => !channel.startsWith("live:"));
  const streams = kept.filter((channel) => !channel.startsWith("latest:"));
  const optionsFor = (name: string, own: string[]): ReaderOptions => ({
    ...commonOf(all, random),
    name,
    url: urlOf(port),
    channels: own,
    startsAtBeginning: random.chance(0.2),
    wantsError: random.chance(0.3),
  });
  if (index < options.sdkSubscribers) {
    // The SDK throws, out of anybody's reach, where a patch is of something that a broken server has left out.
    const ways = options.mutation ? sdkWays.filter((each) => each !== "patches") : sdkWays;
    const way = ways[index % ways.length] as SdkWay;
    return new SdkReader(optionsFor(`${way}${index}`, pickChannels(random, others)), way);
  }
  const kind = random.next();
  if (kind < 0.15 && maps.length > 0)
    return new MapReader(optionsFor(`map${index}`, random.sample(maps, mostChannelsOfReader)));
  if (kind < 0.25 && kept.length > 0)
    return new EventsReader(optionsFor(`events${index}`, [random.pick(kept)]));
  if (kind < 0.4 && streams.length > 0)
    return new Reader({ ...optionsFor(`filter${index}`, pickChannels(random, streams)), onlyUntagged: true });
  return new Reader(optionsFor(`r${index}`, pickChannels(random, others)));
}

/** Short logs get fewer readers: much is published there at once, and all of it goes through this process. */
function pickChannels(random: Random, channels: readonly string[]): string[] {
  const weighted = channels.flatMap((channel) =>
    channel.startsWith("short:") ? [channel] : Array(4).fill(channel),
  );
  const picked = random.sample(weighted, random.integer(1, mostChannelsOfReader));
  return [...new Set(picked)];
}
