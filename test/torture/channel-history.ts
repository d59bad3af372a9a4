/**
 * The part of a history that is about one channel, and who was seen where in it: each position with what stands there
 * by every witness (acknowledgements, deliveries, the log), and each publication with its positions.
 */
import { type ChannelTraits, survives, traitsOf } from "./channels.js";
import {
  type ChannelLog,
  type History,
  nameOf,
  type Position,
  type PublicationId,
  type Published,
  type Reading,
  type ServerEnd,
} from "./history.js";

export interface Sighting {
  readonly position: Position;
  readonly id: PublicationId;
  /** Who says so, for messages. */
  readonly witness: string;
}

export interface ChannelHistory {
  readonly channel: string;
  readonly traits: ChannelTraits;
  readonly publications: ReadonlyMap<string, Published>;
  readonly readings: readonly Reading[];
  readonly log: ChannelLog | undefined;
  readonly logsOfOthers: readonly ChannelLog[];
  readonly logAfterRestart: ChannelLog | undefined;
  readonly ends: readonly ServerEnd[];
  readonly restedAt: number;
}

export function splitByChannel(history: History): ChannelHistory[] {
  const { publications, readings, logs, logsOfOthers, logsAfterRestart, ends, restedAt, store } = history;
  const names = new Set([...publications, ...readings, ...logs].map(({ channel }) => channel));
  return [...names].sort().map((channel) => ({
    channel,
    traits: traitsOf(channel, store),
    publications: new Map(
      publications.filter((each) => each.channel === channel).map((each) => [nameOf(each), each]),
    ),
    readings: readings.filter((each) => each.channel === channel),
    log: logs.find((each) => each.channel === channel),
    logsOfOthers: logsOfOthers.filter((each) => each.channel === channel),
    logAfterRestart: logsAfterRestart.find((each) => each.channel === channel),
    ends,
    restedAt,
  }));
}

/** Every statement about what stands where. What has no offset, as in live channels, stands nowhere. */
export function* sightingsIn(history: ChannelHistory): Generator<Sighting> {
  const { publications, readings, log } = history;
  for (const published of publications.values())
    for (const { acknowledgement } of published.attempts)
      if (acknowledgement?.position !== undefined && acknowledgement.position.offset > 0)
        yield { position: acknowledgement.position, id: published, witness: "an acknowledgement" };
  yield* deliveriesIn(readings);
  if (log === undefined) return;
  const { epoch } = log.position;
  for (const { offset, ...id } of log.entries) yield { position: { epoch, offset }, id, witness: "the log" };
}

export function* deliveriesIn(readings: readonly Reading[]): Generator<Sighting> {
  for (const { reader, events } of readings)
    for (const event of events)
      if (event.kind === "delivered" && event.position.offset > 0)
        yield { position: event.position, id: event.id, witness: `reader ${reader}` };
}

/** Whether something that was sent then may be gone by now, as far as the channel's durability promises. */
export function mayBeGone({ traits, ends }: ChannelHistory, sentAt: number): boolean {
  return ends.some(({ at, loss }) => at > sentAt && !survives(traits.durability, loss));
}

/**
 * Whether it may stand in another epoch than it was acknowledged in, and still be there: a store that went back gets a new epoch,
 * whatever else of the channel was lost.
 */
export function mayHaveMoved({ ends }: ChannelHistory, sentAt: number): boolean {
  return ends.some(({ at, loss }) => at > sentAt && (loss === "rollback" || loss === "demotion"));
}

/** Epochs may end with those ends of the server that the channel need not survive. */
export function countAllowedEpochs({ traits, ends }: ChannelHistory): number {
  const ending = ends.filter(({ loss }) => loss !== "demotion");
  return 1 + ending.filter(({ loss }) => loss === "rollback" || !survives(traits.durability, loss)).length;
}
