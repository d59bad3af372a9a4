import { describe, expect, it } from "vitest";
import { nameProblem } from "../../server/text-rules.js";
import { nameFromSearch, newId, storagePrefix, suggestName } from "../../shared/session/identity.js";

describe("the name in an address", () => {
  it("makes a person of its own for each ?as=Name", () => {
    const names = ["", "?as=Ann", "?as=Bo", "?as=%20Ann%20Lee"].map(nameFromSearch);
    expect(names).toEqual([undefined, "Ann", "Bo", "Ann Lee"]);
    expect(["", "?as=Ann", "?as=%C3%84"].map(storagePrefix)).toEqual([
      ...["holdfast.chat/", "holdfast.chat/as/Ann/", "holdfast.chat/as/%C3%84/"],
    ]);
  });

  it.each(["?as=", "?as=%20", `?as=${"x".repeat(41)}`])("is none in %s", (search) => {
    expect(nameFromSearch(search)).toBeUndefined();
    expect(storagePrefix(search)).toBe("holdfast.chat/");
  });
});

describe("names", () => {
  it("that are suggested are names, at both ends of chance", () => {
    for (const random of [0, 0.5, 0.999_999]) expect(nameProblem(suggestName(() => random))).toBeUndefined();
  });
});

describe("ids", () => {
  it("are version 4 UUIDs also where crypto.randomUUID is missing", () => {
    const original = crypto.randomUUID;
    Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
    try {
      expect(newId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    } finally {
      Object.defineProperty(crypto, "randomUUID", { value: original, configurable: true });
    }
  });
});
