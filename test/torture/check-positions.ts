/**
 * Holds all witnesses of a channel against each other: one position holds one publication, one publication has one
 * position in an epoch, nothing turns up that nobody sent, and epochs do not end without a reason.
 */
import { type ChannelHistory, countAllowedEpochs, type Sighting, sightingsIn } from "./channel-history.js";
import { nameOf } from "./history.js";
import type { PromiseName, Violation } from "./violations.js";

export function checkPositions(history: ChannelHistory): Violation[] {
  const { channel, publications } = history;
  /** Each fault once, however many have seen it. */
  const violations = new Map<string, Violation>();
  const report = (promise: PromiseName, subject: string, text: string) => {
    const key = `${promise} ${subject}`;
    if (!violations.has(key)) violations.set(key, { promise, where: channel, text });
  };
  /** Epoch and offset → who was there. */
  const holders = new Map<string, Sighting>();
  /** Publication and epoch → where it was. */
  const places = new Map<string, Sighting>();
  const epochs = new Set<string>();

  for (const sighting of sightingsIn(history)) {
    const { position, id, witness } = sighting;
    const { epoch, offset } = position;
    const name = nameOf(id);
    const published = publications.get(name);
    epochs.add(epoch);
    if (published === undefined) {
      report("invented", name, `${witness} has ${name}, never sent here`);
      continue;
    }

    const place = `${epoch} ${offset}`;
    const holder = holders.get(place);
    if (holder === undefined) holders.set(place, sighting);
    else if (nameOf(holder.id) !== name) {
      const before = `${nameOf(holder.id)} to ${holder.witness}`;
      report("conflict", place, `offset ${offset} of epoch ${epoch} is ${before}, and ${name} to ${witness}`);
    }

    const inEpoch = `${name} ${epoch}`;
    const known = places.get(inEpoch);
    if (known === undefined) places.set(inEpoch, sighting);
    else if (known.position.offset !== offset) {
      const promise = published.key === undefined ? "duplicate" : "key";
      const before = `offset ${known.position.offset} to ${known.witness}`;
      report(promise, inEpoch, `${name} is at ${before}, and at ${offset} to ${witness}, of epoch ${epoch}`);
    }
  }

  const allowed = countAllowedEpochs(history);
  if (epochs.size > allowed) {
    const all = [...epochs].join(", ");
    report("epoch", "", `${epochs.size} held publications, and the server's ends explain ${allowed}: ${all}`);
  }
  return [...violations.values()];
}
