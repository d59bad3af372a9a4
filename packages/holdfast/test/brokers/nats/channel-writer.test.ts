import { describe, expect, it } from "vitest";
import { ChannelMessages, FrameCache } from "../../../src/brokers/nats/channel-messages.js";
import { Backlog, ChannelWriter, keyMemoryMs } from "../../../src/brokers/nats/channel-writer.js";
import { Frame } from "../../../src/brokers/nats/frame.js";
import type { AppendOutcome, JetStream } from "../../../src/brokers/nats/jetstream.js";
import { encodePublication } from "../../../src/brokers/nats/publication-bytes.js";
import { FakeClock, settle } from "../../support/fake-clock.js";

const retention = { maxEntries: 1000, maxBytes: 1_000_000, ttlMs: 3_600_000 };
const subject = { stream: "s", log: "log.a", live: "live.a" };

/** One stream, as its leader keeps it. */
class FakeStream {
  readonly isReplicated = true;
  readonly stored: Uint8Array[] = [];
  /** Sequences of messages by id; 0 for one that was lost before it was stored. */
  readonly ids = new Map<string, number>();
  /** Called before an append is looked at. */
  onAppend: (id: string | undefined) => Promise<void> | void = () => {};

  async append(
    _subject: string,
    content: Uint8Array,
    expected: number,
    id: string | undefined,
  ): Promise<AppendOutcome> {
    await this.onAppend(id);
    const seq = id === undefined ? undefined : this.ids.get(id);
    if (seq !== undefined) return seq === 0 ? { kind: "pending" } : { kind: "duplicate", seq };
    if (expected !== this.stored.length) return { kind: "conflict" };
    this.stored.push(content);
    if (id !== undefined) this.ids.set(id, this.stored.length);
    return { kind: "appended", seq: this.stored.length };
  }

  async last() {
    return this.get("", "", this.stored.length);
  }

  async get(_stream: string, _subject: string, seq: number) {
    const content = this.stored[seq - 1];
    return content && { seq, subject: subject.log, content };
  }

  get head(): Frame {
    return new Frame(this.stored.length, this.stored.at(-1) ?? new Uint8Array());
  }
}

function createNode(stream: FakeStream, clock: FakeClock) {
  const jetStream = stream as unknown as JetStream;
  const writer = new ChannelWriter("a", subject, {
    jetStream,
    messages: new ChannelMessages(jetStream, new FrameCache(1_000_000)),
    clock,
    createEpoch: () => "new",
    initialEpoch: () => "first",
    maxMessageBytes: 1_000_000,
    backlog: new Backlog(1_000_000),
    onAppend() {},
  });
  return (data: string, keyId?: string) =>
    writer.publish(encodePublication({ data }, clock.now()), { retention }, keyId);
}

function create() {
  const clock = new FakeClock();
  const stream = new FakeStream();
  return { clock, stream, publish: createNode(stream, clock), another: createNode(stream, clock) };
}

describe("publication with a key whose message the server has lost, and whose id it remembers", () => {
  it("is appended without the id, and a repeat has no effect on any node", async () => {
    const { stream, publish, another } = create();
    await publish("1");
    stream.ids.set("k", 0);
    const first = { epoch: "first", offset: 2 };
    expect(await publish("2", "k")).toEqual({ position: first, isDuplicate: false });
    await another("3", "other");
    // Another leader does not remember it.
    stream.ids.delete("k");
    for (const again of [publish, another])
      expect(await again("2", "k")).toEqual({ position: first, isDuplicate: true });
    expect(stream.stored).toHaveLength(3);
  });

  it("is found in the log if it was stored after all", async () => {
    const { stream, publish, another } = create();
    await publish("1");
    await publish("2", "k");
    for (let n = 0; n < 600; n++) await publish(`${n}`);
    // As a leader answers that has been deposed, and does not know it yet.
    stream.ids.set("k", 0);
    expect(await another("2", "k")).toEqual({ position: { epoch: "first", offset: 2 }, isDuplicate: true });
    expect(stream.stored).toHaveLength(602);
  });

  it("has one effect if it is stored after the log was searched", async () => {
    const { clock, stream, publish, another } = create();
    await publish("1");
    stream.ids.set("k", 0);
    let stored: Promise<unknown> | undefined;
    stream.onAppend = async (id) => {
      if (id !== undefined || stored !== undefined) return;
      stream.ids.delete("k");
      stored = another("2", "k");
      await stored;
      // As a leader answers that has been deposed.
      stream.ids.set("k", 0);
    };
    const published = publish("2", "k");
    // It waits before the next attempt.
    while (clock.timers === 0) await settle();
    clock.advance(100);
    const position = { epoch: "first", offset: 2 };
    expect(await published).toEqual({ position, isDuplicate: true });
    expect(await stored).toEqual({ position, isDuplicate: false });
    expect(stream.stored).toHaveLength(2);
  });

  it("is forgotten after the time that keys are remembered", async () => {
    const { clock, stream, publish } = create();
    stream.ids.set("k", 0);
    await publish("1", "k");
    expect(stream.head.unregisteredKeys).toHaveLength(1);
    clock.advance(keyMemoryMs - 1);
    await publish("2");
    expect(stream.head.unregisteredKeys).toHaveLength(1);
    clock.advance(1);
    await publish("3");
    expect(stream.head.unregisteredKeys).toEqual([]);
    stream.ids.delete("k");
    expect(await publish("1", "k")).toMatchObject({ isDuplicate: false });
  });

  it("is refused for a while after many others", async () => {
    const { clock, stream, publish } = create();
    for (let n = 0; n <= 64; n++) stream.ids.set(`k-${n}`, 0);
    for (let n = 0; n < 64; n++) await publish("1", `k-${n}`);
    await expect(publish("1", "k-64")).rejects.toMatchObject({ code: "HF_BROKER_UNAVAILABLE" });
    expect(await publish("2")).toMatchObject({ position: { offset: 65 } });
    clock.advance(keyMemoryMs);
    expect(await publish("1", "k-64")).toMatchObject({ isDuplicate: false, position: { offset: 66 } });
  });
});
