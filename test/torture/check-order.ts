/**
 * Order in time: what was sent after something else had been acknowledged stands behind it. For a publisher that sends
 * one after the other this is its own order; it holds between publishers as well.
 */
import { type ChannelHistory, sightingsIn } from "./channel-history.js";
import { nameOf, type Published } from "./history.js";
import type { Violation } from "./violations.js";

interface Placed {
  readonly name: string;
  readonly offset: number;
  readonly sentAt: number;
  /** Infinite where nobody said that it had been published. */
  readonly acknowledgedAt: number;
}

export function checkOrder(history: ChannelHistory): Violation[] {
  const { channel, publications } = history;
  const violations: Violation[] = [];
  for (const [epoch, offsets] of findOffsets(history)) {
    const placed: Placed[] = [];
    for (const [name, offset] of offsets) {
      const published = publications.get(name);
      if (published !== undefined) placed.push({ name, offset, ...timesOf(published, epoch) });
    }
    const bySending = [...placed].sort((a, b) => a.sentAt - b.sentAt);
    const byAcknowledgement = [...placed].sort((a, b) => a.acknowledgedAt - b.acknowledgedAt);
    let furthest: Placed | undefined;
    let next = 0;
    for (const later of bySending) {
      // Of all that was acknowledged before this one was sent, what stands furthest back.
      for (; (byAcknowledgement[next]?.acknowledgedAt ?? Infinity) < later.sentAt; next++) {
        const earlier = byAcknowledgement[next] as Placed;
        if (furthest === undefined || earlier.offset > furthest.offset) furthest = earlier;
      }
      if (furthest !== undefined && furthest.offset > later.offset)
        violations.push({
          promise: "disorder",
          where: channel,
          text: `${later.name} was sent after ${furthest.name} had been acknowledged, and is at ${later.offset}, before ${furthest.offset}`,
        });
    }
  }
  return violations;
}

/** Epoch → publication → offset, the first that was seen. */
function findOffsets(history: ChannelHistory): Map<string, Map<string, number>> {
  const epochs = new Map<string, Map<string, number>>();
  for (const { position, id } of sightingsIn(history)) {
    const offsets = epochs.get(position.epoch) ?? new Map<string, number>();
    epochs.set(position.epoch, offsets);
    if (!offsets.has(nameOf(id))) offsets.set(nameOf(id), position.offset);
  }
  return epochs;
}

/** An answer without a position says nothing of the epoch, and so does not count. */
function timesOf({ attempts }: Published, epoch: string): { sentAt: number; acknowledgedAt: number } {
  let acknowledgedAt = Infinity;
  for (const { acknowledgement } of attempts)
    if (acknowledgement?.position?.epoch === epoch)
      acknowledgedAt = Math.min(acknowledgedAt, acknowledgement.at);
  return { sentAt: attempts[0]?.sentAt ?? 0, acknowledgedAt };
}
