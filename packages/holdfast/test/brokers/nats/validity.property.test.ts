import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ChainedMessage,
  findLastValid,
  findValidity,
  LiveChain,
} from "../../../src/brokers/nats/validity.js";
import { fuzzRuns } from "../../support/fuzz/seed.js";

/** What servers do with one channel: they store appends that expected the last message at some time before. */
class StoredChannel {
  messages: ChainedMessage[] = [];
  /** Sequences of all messages that have ever been valid. */
  readonly valid: number[] = [];
  /** With the sequence of the message before. */
  readonly events: { readonly message: ChainedMessage; readonly previousSeq: number }[] = [];
  #seq = 0;

  /** @param age how many valid messages have come since the writer read the log */
  append(age: number, gap: number): void {
    const prev = this.valid.at(-1 - age) ?? 0;
    this.#seq += 1 + gap;
    const message = { seq: this.#seq, prev };
    this.events.push({ message, previousSeq: this.messages.at(-1)?.seq ?? 0 });
    this.messages.push(message);
    if (prev === (this.valid.at(-1) ?? 0)) this.valid.push(message.seq);
  }

  /** Removes what is before a valid message. */
  trim(to: number): void {
    const first = this.valid[Math.floor(to * this.valid.length)];
    if (first !== undefined) this.messages = this.messages.filter(({ seq }) => seq >= first);
  }

  async *after(afterSeq: number): AsyncGenerator<ChainedMessage> {
    for (const message of this.messages) if (message.seq > afterSeq) yield message;
  }
}

const part = fc.double({ min: 0, max: 0.999, noNaN: true });
const steps = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: fc.record({ age: fc.nat(3), gap: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ trimTo: part }) },
  ),
  { minLength: 1, maxLength: 60 },
);

function run(all: readonly ({ age: number; gap: number } | { trimTo: number })[]): StoredChannel {
  const channel = new StoredChannel();
  for (const step of all) {
    if ("trimTo" in step) channel.trim(step.trimTo);
    else channel.append(step.age, step.gap);
  }
  return channel;
}

describe("validity of messages", () => {
  it("is that of the first with each predecessor, also where the log was trimmed", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const channel = run(all);
        for (const message of channel.messages) {
          const expected = channel.valid.includes(message.seq) ? "valid" : "void";
          expect(await findValidity(message, channel.after(message.prev))).toBe(expected);
        }
      }),
      fuzzRuns(300),
    );
  });

  it("gives the last valid message, whichever is the newest", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const channel = run(all);
        const newest = channel.messages.at(-1);
        if (newest === undefined) return;
        const last = await findLastValid(newest, channel.after(newest.prev));
        expect(last?.seq).toBe(channel.valid.at(-1));
      }),
      fuzzRuns(300),
    );
  });

  it("is unknown of a message that is gone", async () => {
    const channel = run([
      { age: 0, gap: 0 },
      { age: 0, gap: 0 },
    ]);
    channel.messages = channel.messages.slice(1);
    expect(await findValidity({ seq: 1, prev: 0 }, channel.after(0))).toBe("unknown");
    expect(await findLastValid({ seq: 1, prev: 0 }, channel.after(0))).toBeUndefined();
  });

  it("is known from events, or unknown, but never mistaken where events are lost", () => {
    fc.assert(
      fc.property(steps, fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), (all, arrives) => {
        const channel = run(all);
        const chain = new LiveChain();
        channel.events.forEach(({ message, previousSeq }, i) => {
          if (!arrives[i]) return;
          const validity = chain.receive(message, previousSeq);
          if (validity !== "unknown")
            expect(validity).toBe(channel.valid.includes(message.seq) ? "valid" : "void");
        });
      }),
      fuzzRuns(300),
    );
  });

  it("is always known from events where none is lost", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { events } = run(all);
        const chain = new LiveChain();
        for (const { message, previousSeq } of events)
          expect(chain.receive(message, previousSeq)).not.toBe("unknown");
      }),
      fuzzRuns(100),
    );
  });
});
