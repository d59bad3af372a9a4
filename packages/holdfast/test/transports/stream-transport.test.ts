/** Responses that go on: what is unsent is known, pieces are bounded, and the end comes behind everything. */
import { describe, expect, it } from "vitest";
import { ResponseWriter } from "../../src/transports/stream-transport.js";
import { FakeResponse } from "./support/fake-response.js";

function createWriter() {
  const response = FakeResponse.create();
  let drains = 0;
  const writer = new ResponseWriter(response, () => {
    drains++;
  });
  return { response, writer, drains: () => drains };
}

const bytes = (text: string) => Buffer.from(text);

describe("writing a response", () => {
  it("has nothing unsent where all is taken at once, and tells of no drain", async () => {
    const { response, writer, drains } = createWriter();
    writer.write([bytes("a\n"), bytes("b\n")]);
    expect(response.chunks).toEqual(["a\nb\n"]);
    expect(writer.unsentBytes).toBe(0);
    await Promise.resolve();
    expect(drains()).toBe(0);
  });

  it("keeps one write under way, gathers behind it, and tells once when all is taken", () => {
    const { response, writer, drains } = createWriter();
    response.isFull = true;
    writer.write([bytes("one")]);
    writer.write([bytes("two")]);
    writer.write([bytes("three")]);
    expect(response.chunks).toEqual(["one"]);
    expect(writer.unsentBytes).toBe(11);
    response.take(true);
    expect(response.chunks).toEqual(["one", "twothree"]);
    expect(writer.unsentBytes).toBe(8);
    expect(drains()).toBe(0);
    response.take();
    expect(writer.unsentBytes).toBe(0);
    expect(drains()).toBe(1);
  });

  it("takes no notice of a write that is taken a moment later, as all are by some versions of Node.js", () => {
    const { response, writer, drains } = createWriter();
    for (let i = 0; i < 3; i++) {
      response.isFull = true;
      writer.write([bytes("ping")]);
      expect(writer.unsentBytes).toBe(0);
      response.take();
    }
    expect(response.text).toBe("pingpingping");
    expect(drains()).toBe(0);
  });

  it("gives large parts piece by piece, so that progress is seen", () => {
    const { response, writer } = createWriter();
    response.isFull = true;
    const large = "x".repeat(150_000);
    writer.write([bytes(large), bytes("y")]);
    const unsent: number[] = [writer.unsentBytes];
    for (let i = 0; i < 3; i++) {
      response.take(true);
      unsent.push(writer.unsentBytes);
    }
    expect(unsent).toEqual([150_001, 84_465, 18_929, 0]);
    expect(response.text).toBe(`${large}y`);
  });

  it("ends behind what waits, and takes nothing after that", () => {
    const { response, writer, drains } = createWriter();
    response.isFull = true;
    writer.write([bytes("one")]);
    writer.write([bytes("two")]);
    writer.end();
    writer.write([bytes("late")]);
    expect(response.hasEnded).toBe(false);
    response.take(true);
    expect(response.hasEnded).toBe(false);
    response.take(true);
    expect(response.hasEnded).toBe(true);
    expect(response.text).toBe("onetwo");
    expect(drains()).toBe(0);
  });

  it("lets go of everything when the response is gone", () => {
    const { response, writer, drains } = createWriter();
    response.isFull = true;
    writer.write([bytes("one")]);
    writer.write([bytes("two")]);
    writer.clear();
    expect(writer.unsentBytes).toBe(0);
    response.take();
    expect(response.text).toBe("one");
    expect(drains()).toBe(0);
  });
});
