/** What connections have to write: shared where it is the same, joined once, written once a turn. */
import { describe, expect, it } from "vitest";
import { type Flushable, Flusher, OutputBatch } from "../../src/sockets/output.js";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe("OutputBatch", () => {
  it("has its frames in order, apart and in one piece", () => {
    const batch = OutputBatch.createEmpty().with(bytes("a")).with(bytes("bc")).with(bytes("d"));
    expect(batch.bytes).toBe(4);
    expect(Buffer.concat(batch.frames()).toString()).toBe("abcd");
    expect(batch.frames().length).toBe(3);
    expect(Buffer.from(batch.joined()).toString()).toBe("abcd");
  });

  it("is one and the same for connections that are given the same frames, and joined once", () => {
    const empty = OutputBatch.createEmpty();
    const frames = [bytes("a"), bytes("b")] as const;
    const one = empty.with(frames[0]).with(frames[1]);
    const other = empty.with(frames[0]).with(frames[1]);
    expect(other).toBe(one);
    expect(other.joined()).toBe(one.joined());
  });

  it("parts where the frames differ", () => {
    const empty = OutputBatch.createEmpty();
    const frame = bytes("a");
    const one = empty.with(frame).with(bytes("b"));
    const other = empty.with(frame).with(bytes("c"));
    const third = empty.with(bytes("d"));
    const texts = [one, other, third].map((batch) => Buffer.from(batch.joined()).toString());
    expect(texts).toEqual(["ab", "ac", "d"]);
  });

  it("joins a single frame without a copy", () => {
    const frame = bytes("a");
    expect(OutputBatch.createEmpty().with(frame).joined()).toBe(frame);
  });

  it("goes on after forgetting its step", () => {
    const empty = OutputBatch.createEmpty();
    const frame = bytes("a");
    const before = empty.with(frame);
    empty.forget();
    const after = empty.with(frame);
    expect(after).not.toBe(before);
    expect(Buffer.from(before.with(bytes("b")).joined()).toString()).toBe("ab");
  });
});

describe("Flusher", () => {
  it("flushes each once, in the order they came, after this turn", async () => {
    const flusher = new Flusher();
    const flushed: number[] = [];
    for (let i = 0; i < 100; i++) flusher.add({ flush: () => flushed.push(i) });
    expect(flushed).toEqual([]);
    await nextTurn();
    await nextTurn();
    expect(flushed).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it("lets others have their turn between slices of a long row, and keeps the order", async () => {
    const flusher = new Flusher();
    const flushed: number[] = [];
    let turns = 0;
    const slow = (i: number): Flushable => ({
      flush: () => {
        const end = performance.now() + 0.2;
        while (performance.now() < end);
        flushed.push(i);
      },
    });
    // One that is added meanwhile comes behind those that were there.
    flusher.add({
      flush: () => {
        slow(0).flush();
        flusher.add(slow(400));
      },
    });
    for (let i = 1; i < 400; i++) flusher.add(slow(i));
    while (flushed.length < 401) {
      await nextTurn();
      if (flushed.length < 400) turns++;
    }
    expect(turns).toBeGreaterThan(3);
    expect(flushed).toEqual(Array.from({ length: 401 }, (_, i) => i));
  });

  it("takes what is added while it flushes", async () => {
    const flusher = new Flusher();
    const flushed: string[] = [];
    flusher.add({
      flush: () => {
        flushed.push("first");
        flusher.add({ flush: () => flushed.push("second") });
      },
    });
    for (let i = 0; i < 3; i++) await nextTurn();
    expect(flushed).toEqual(["first", "second"]);
  });
});
