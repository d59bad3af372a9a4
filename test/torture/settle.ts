/** Waits until all that was sent has come to its end: publishers are acknowledged, readers are at the heads, presence is right. */
import { setTimeout as sleep } from "node:timers/promises";
import { Auditor } from "./audit.js";
import { peopleChannels, quietChannels } from "./channels.js";
import { findListFault } from "./check-presence.js";
import type { Clients } from "./clients.js";
import { nameOf, type PresenceList, type Recorder } from "./history.js";
import { findMissingLive } from "./missing-live.js";

export interface SettleOptions {
  readonly clients: Clients;
  readonly channels: readonly string[];
  readonly recorder: Recorder;
  /** Of the servers, for their API. */
  readonly ports: readonly number[];
  readonly apiKey: string;
  readonly timeoutMs: number;
  readonly onFailure: (text: string) => void;
}

const pollMs = 200;
/** A lease of presence, which is a minute at least, and a round of renewals. */
const presenceTimeoutMs = 75_000;

/** Everything that is to be published is, and readers have come to the ends of the logs. Who is left behind, the checker tells. */
export async function settle(options: SettleOptions): Promise<void> {
  const { clients, channels, ports, timeoutMs, onFailure } = options;
  const deadline = Date.now() + timeoutMs;
  const publishers = [...clients.publishers, clients.burster, clients.whisperer];
  const finished = Promise.all(publishers.map((publisher) => publisher.finish())).then(() => true);
  const isFinished = await Promise.race([finished, sleep(timeoutMs, false, { ref: false })]);
  if (!isFinished) onFailure("not everything was acknowledged in time");
  for (const channel of keptChannels(channels))
    if (!quietChannels.includes(channel)) await clients.burster.finishChannel(channel);
  const auditor = await Auditor.connect(urlOf(ports[0] as number));
  try {
    while (Date.now() < deadline) {
      if (await haveCaughtUp(options, auditor)) return;
      await sleep(pollMs);
    }
  } finally {
    auditor.close();
  }
}

async function haveCaughtUp(options: SettleOptions, auditor: Auditor): Promise<boolean> {
  if (isLiveMissing(options)) return false;
  for (const channel of keptChannels(options.channels)) {
    const head = await auditor.readHead(channel);
    const isBehind = options.clients.readers.some((reader) => {
      if (!reader.channels.includes(channel)) return false;
      const position = reader.positionIn(channel);
      return position?.epoch !== head.epoch || position.offset !== head.offset;
    });
    if (isBehind) return false;
  }
  return true;
}

function isLiveMissing({ channels, recorder }: SettleOptions): boolean {
  const restedAt = recorder.tick();
  return channels
    .filter((channel) => channel.startsWith("live:"))
    .some((channel) => {
      const sent = recorder.publications.filter((published) => published.channel === channel);
      const publications = new Map(sent.map((published) => [nameOf(published), published]));
      const readings = recorder.readings.filter((reading) => reading.channel === channel);
      return readings.some((reading) => findMissingLive({ publications, restedAt }, reading).length > 0);
    });
}

/** What every node lists, once that is right, or when the leases of all that are gone must have ended. */
export async function settlePresence(options: SettleOptions): Promise<PresenceList[]> {
  if (options.clients.people.length === 0) return [];
  const deadline = Date.now() + presenceTimeoutMs;
  for (;;) {
    const lists = await readPresence(options);
    const isRight = lists.every((list) => findListFault(list) === undefined);
    if (isRight || Date.now() > deadline) return lists;
    await sleep(pollMs);
  }
}

async function readPresence({ clients, ports, apiKey }: SettleOptions): Promise<PresenceList[]> {
  const lists: PresenceList[] = [];
  for (const channel of peopleChannels)
    for (const [node, port] of ports.entries()) {
      const { presence = {} } = (await callApi(port, apiKey, "presence", { channel })) as {
        presence?: object;
      };
      // Asked for after the answer, so that one who has just come counts as missing, and is waited for.
      const connected = clients.people.flatMap((person) =>
        person.channel === channel ? [person.clientId ?? "one who is not connected"] : [],
      );
      lists.push({ channel, node, listed: Object.keys(presence), connected });
    }
  return lists;
}

/** @returns the result, or nothing where there was an error */
export async function callApi(port: number, apiKey: string, method: string, params: object): Promise<object> {
  const response = await fetch(`http://127.0.0.1:${port}/api/${method}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-API-Key": apiKey },
    body: JSON.stringify(params),
    signal: AbortSignal.timeout(5000),
  });
  const { result = {} } = (await response.json()) as { result?: object };
  return result;
}

export function urlOf(port: number): string {
  return `ws://127.0.0.1:${port}/connection/websocket`;
}

export function keptChannels(channels: readonly string[]): string[] {
  return channels.filter((channel) => !channel.startsWith("live:"));
}
