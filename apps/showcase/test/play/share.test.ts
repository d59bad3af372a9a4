import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { samples } from "../../play/model/samples.js";
import { createRoom, fromFragment, maxCodeLength, toFragment } from "../../play/model/share.js";

describe("code in a link", () => {
  it("comes back as it was, whatever it contains", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 500 }), async (code) => {
        const fragment = await toFragment({ code, room: "room1" });
        expect(fragment).toMatch(/^#[\w.-]+$/);
        expect(await fromFragment(fragment)).toEqual({ code, room: "room1" });
      }),
      { numRuns: 50, seed: 7 },
    );
  });

  it("is short enough for an address, for every sample", async () => {
    for (const { code } of samples)
      expect((await toFragment({ code, room: "room1" })).length).toBeLessThan(800);
  });

  it.each([
    "",
    "#",
    "#room1",
    "#room1.",
    "#Room.abcd",
    "#room1.!!!!",
    "#room1.abcd",
    `#room1.${"a".repeat(20_000)}`,
  ])("is refused where it is damaged or none of ours: %.20s", async (fragment) => {
    expect(await fromFragment(fragment)).toBeUndefined();
  });

  it("is refused where it decompresses to more than an editor holds", async () => {
    const long = await toFragment({ code: "x".repeat(maxCodeLength + 1), room: "room1" });
    const bomb = await toFragment({ code: "x".repeat(5_000_000), room: "room1" });
    expect([long.length, bomb.length].every((length) => length < 12_000)).toBe(true);
    expect([await fromFragment(long), await fromFragment(bomb)]).toEqual([undefined, undefined]);
  });

  it("has a room that channels can be named after", () => {
    expect(createRoom(() => 0.999)).toBe("zzzzzzzz");
    expect(createRoom(() => 0)).toBe("00000000");
  });
});
