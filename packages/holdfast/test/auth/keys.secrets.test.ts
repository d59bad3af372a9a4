import { describe, expect, it } from "vitest";
import { readSecrets, SecretKeys } from "../../src/auth/keys.js";
import { otherSecret, secret } from "./support/hand-made.js";

describe("secrets", () => {
  it("are imported once for each algorithm, and can do nothing but verify", async () => {
    const keys = new SecretKeys(readSecrets([secret, otherSecret]));
    for (const algorithm of ["HS256", "HS384", "HS512"] as const) {
      const imported = await keys.keysFor(algorithm);
      const again = await keys.keysFor(algorithm);
      expect(imported.map(({ usages, extractable }) => ({ usages, extractable }))).toEqual([
        { usages: ["verify"], extractable: false },
        { usages: ["verify"], extractable: false },
      ]);
      expect(again[0]).toBe(imported[0]);
      expect(again[1]).toBe(imported[1]);
    }
    expect((await keys.keysFor("HS256"))[0]).not.toBe((await keys.keysFor("HS512"))[0]);
  });
});
