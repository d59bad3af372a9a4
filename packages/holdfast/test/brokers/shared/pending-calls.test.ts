import { describe, expect, it } from "vitest";
import { type Call, decodeCall, encodeFailure, encodeResult } from "../../../src/brokers/shared/calls.js";
import { type Frame, FrameReader } from "../../../src/brokers/shared/frames.js";
import { callTimeoutMs, PendingCalls } from "../../../src/brokers/shared/pending-calls.js";
import { HoldfastError } from "../../../src/errors.js";
import { FakeClock, settle } from "../../support/fake-clock.js";

const retention = { maxEntries: 10, maxBytes: 1000, ttlMs: 1000 };
const publish = (data: string, idempotencyKey?: string): Call => ({
  method: "publish",
  channel: "news",
  publication: { data },
  options: { retention, ...(idempotencyKey !== undefined && { idempotencyKey }) },
});
const heads: Call = { method: "heads", channels: ["news"], floors: [] };
const position = { epoch: "e", offset: 1 };

function frameOf(bytes: Buffer): Frame {
  return [...new FrameReader().read(bytes)][0] as Frame;
}

function create() {
  const clock = new FakeClock();
  const waiting: boolean[] = [];
  const calls = new PendingCalls(clock, (isWaiting) => waiting.push(isWaiting));
  const sent: Frame[] = [];
  const attach = () => calls.attach((frame) => sent.push(frameOf(frame)));
  const said = () => sent.splice(0).map((frame) => decodeCall(frame));
  return { clock, waiting, calls, sent, attach, said };
}

describe("pending calls", () => {
  it("are sent in the order they were made, also those from before the connection", async () => {
    const { calls, attach, said } = create();
    void calls.add(publish("1"));
    attach();
    void calls.add(publish("2"));
    expect(said()).toEqual([publish("1"), publish("2")]);
  });

  it("get the results that name them, in any order", async () => {
    const { waiting, calls, attach, sent } = create();
    attach();
    const results = [calls.add(publish("1")), calls.add(heads)];
    const [first, second] = sent as [Frame, Frame];
    calls.settle(frameOf(encodeResult(second.id, heads, new Map([["news", position]]))));
    calls.settle(frameOf(encodeFailure(first.id, new HoldfastError("HF_MAP_FULL", "too many"))));
    await expect(results[0]).rejects.toMatchObject({ code: "HF_MAP_FULL", message: "too many" });
    expect(await results[1]).toEqual(new Map([["news", position]]));
    expect(waiting).toEqual([true, false]);
  });

  it("are repeated on another connection, but not publishes without a key, which may have been written", async () => {
    const { calls, attach, said } = create();
    attach();
    const lost = calls.add(publish("1"));
    void calls.add(publish("2", "key"));
    void calls.add(heads);
    said();
    calls.detach();
    await expect(lost).rejects.toMatchObject({ code: "HF_BROKER_UNAVAILABLE" });
    void calls.add(publish("3"));
    expect(said()).toEqual([]);
    attach();
    expect(said()).toEqual([publish("2", "key"), heads, publish("3")]);
  });

  it("that were not sent are kept while the owner closes", async () => {
    const { calls, attach, said } = create();
    attach();
    calls.pause();
    void calls.add(publish("1"));
    calls.detach();
    expect(said()).toEqual([]);
    attach();
    expect(said()).toEqual([publish("1")]);
  });

  it("are made here when this process becomes the owner", async () => {
    const { calls } = create();
    const result = calls.add(publish("1"));
    const made: Call[] = [];
    calls.makeAll(async (call) => {
      made.push(call);
      return position;
    });
    expect(await result).toEqual(position);
    expect(made).toEqual([publish("1")]);
    expect(calls.size).toBe(0);
  });

  it("are rejected after their time, and a result that comes later is nobody's", async () => {
    const { clock, calls, attach, sent } = create();
    attach();
    const late = calls.add(heads);
    clock.advance(callTimeoutMs - 1000);
    const early = calls.add(heads);
    const outcomes: string[] = [];
    late.catch(({ code }) => outcomes.push(`late ${code}`));
    early.catch(({ code }) => outcomes.push(`early ${code}`));
    clock.advance(1000);
    await settle();
    expect(outcomes).toEqual(["late HF_BROKER_UNAVAILABLE"]);
    expect(calls.settle(frameOf(encodeResult((sent[0] as Frame).id, heads, new Map())))).toBe(false);
    expect(calls.settle(frameOf(encodeResult((sent[1] as Frame).id, heads, new Map())))).toBe(true);
  });

  it("are bounded by their memory", async () => {
    const { calls } = create();
    const data = "x".repeat(20_000_000);
    const kept = calls.add(publish(data));
    await expect(calls.add(publish(data))).rejects.toMatchObject({ code: "HF_BROKER_FULL" });
    calls.rejectAll(new HoldfastError("HF_BROKER_CLOSED"));
    await expect(kept).rejects.toMatchObject({ code: "HF_BROKER_CLOSED" });
  });
});
