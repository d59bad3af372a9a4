import { describe, expect, it } from "vitest";
import {
  Identity,
  nameProblem,
  newId,
  storagePrefix,
  suggestName,
  tidyName,
} from "../../../apps/showcase/chat/model/identity.js";
import { ChatStorage } from "../../../apps/showcase/chat/model/storage.js";
import { createCounter } from "../../support/counter.js";
import { MemoryStorage } from "./memory-storage.js";

const load = (area: MemoryStorage, search: string, ids = createCounter("user")) =>
  new Identity(new ChatStorage(area, storagePrefix(search)), search, ids);

describe("identity", () => {
  it("is made once, without a name, and kept", () => {
    const area = new MemoryStorage();
    const ids = createCounter("user");
    const first = load(area, "", ids);
    expect([first.user, first.name]).toEqual(["user-1", undefined]);
    first.rename("  Ann \n Lee ");
    const second = load(area, "", ids);
    expect([second.user, second.name]).toEqual(["user-1", "Ann Lee"]);
  });

  it("is a person of its own for each ?as=Name, which is the same again after a reload", () => {
    const area = new MemoryStorage();
    const ids = createCounter("user");
    const users = ["", "?as=Ann", "?as=Bo", "?as=Ann"].map((search) => load(area, search, ids));
    expect(users.map(({ user }) => user)).toEqual(["user-1", "user-2", "user-3", "user-2"]);
    expect(users.map(({ name }) => name)).toEqual([undefined, "Ann", "Bo", "Ann"]);
  });

  it("prefers the name chosen later to that of the address", () => {
    const area = new MemoryStorage();
    load(area, "?as=Ann").rename("Annie");
    expect(load(area, "?as=Ann").name).toBe("Annie");
  });

  it.each(["?as=", "?as=%20", `?as=${"x".repeat(41)}`])("ignores %s", (search) => {
    expect(storagePrefix(search)).toBe("holdfast.chat/");
  });
});

describe("names", () => {
  it("lose what can't be seen", () => {
    expect(tidyName(" a\u0000\u202eb\tc ")).toBe("a b c");
  });

  it("must be there and not too long", () => {
    expect(nameProblem("  ")).toMatch(/enter a name/);
    expect(nameProblem("x".repeat(41))).toMatch(/40/);
    expect(nameProblem("👋".repeat(40))).toBeUndefined();
  });

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
