/**
 * Which messages of a channel count. A replicated stream compares what an append expects before servers have agreed on the appends that came
 * just before, so of several appends that expect the same, more than one may be stored. Each message therefore names its predecessor,
 * and of those with the same predecessor only the first is valid. The others are void: nobody shows, counts or follows them.
 *
 * A writer follows only messages that it knows to be valid, so every predecessor is valid. Hence a message is void exactly if one that was
 * stored between its predecessor and itself names the same predecessor, or a later one. Later ones matter where the log was
 * trimmed: the valid successor may be gone, but the log then begins with a valid message that comes after it.
 */

export interface ChainedMessage {
  /** In its stream. */
  readonly seq: number;
  /** Sequence of its predecessor; 0 for none. */
  readonly prev: number;
}

export type Validity = "valid" | "void" | "unknown";

/** The rule, for the messages of a channel in order, all of them. @param lastSeq of the last valid message before */
export function follows({ prev }: ChainedMessage, lastSeq: number): boolean {
  return prev >= lastSeq;
}

/**
 * @param stored the channel's messages in order, beginning after the predecessor, or after later ones that are known to be void
 * @returns unknown if the message is not among them
 */
export async function findValidity(
  message: ChainedMessage,
  stored: AsyncIterable<ChainedMessage>,
): Promise<Validity> {
  for await (const each of stored) {
    if (each.seq === message.seq) return "valid";
    if (each.seq > message.seq) break;
    if (follows(each, message.prev)) return "void";
  }
  return "unknown";
}

/**
 * The last valid message up to the newest one.
 * @param stored the channel's messages in order, beginning after the predecessor of the newest
 * @returns undefined if the newest is not among them
 */
export async function findLastValid<M extends ChainedMessage>(
  newest: ChainedMessage,
  stored: AsyncIterable<M>,
): Promise<M | undefined> {
  let last: M | undefined;
  for await (const each of stored) {
    if (each.seq > newest.seq) break;
    if (follows(each, last?.seq ?? newest.prev)) last = each;
    if (each.seq === newest.seq) return last;
  }
  return undefined;
}

/** What is known of the end of a channel's log from messages as they are stored. */
export class LiveChain {
  /** Up to here all messages are known. */
  #tailSeq = 0;
  #validSeq = 0;

  /** @param previousSeq of the channel's message stored before this one, valid or not; 0 for none */
  receive(message: ChainedMessage, previousSeq: number): Validity {
    const { seq, prev } = message;
    const isValid = previousSeq <= prev;
    if (!isValid && previousSeq !== this.#tailSeq) return "unknown";
    if (!isValid && !follows(message, this.#validSeq)) {
      this.#tailSeq = seq;
      return "void";
    }
    this.learn(seq, seq);
    return "valid";
  }

  /** @param validSeq of the last valid message up to `tailSeq` */
  learn(validSeq: number, tailSeq: number): void {
    if (tailSeq <= this.#tailSeq) return;
    this.#tailSeq = tailSeq;
    this.#validSeq = validSeq;
  }
}
