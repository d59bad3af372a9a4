/** Many orders of what several processes do at once that want one store, where the kernel holds no name for its owner. */
import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../../../../test/torture/random.js";
import { countTo } from "../../channels/support/entries.js";
import { createTemporaryFolder } from "../../support/temporary-folder.js";
import { Claimant, folderOf, runRound } from "./support/claimants.js";

const rounds = 60;
const seed = 1000;

// On Windows, files that others have open are neither replaced nor removed; there the kernel always holds the name.
describe.skipIf(process.platform === "win32")("store without a name that the kernel holds", () => {
  let claimants: readonly Claimant[] = [];

  beforeAll(async () => {
    claimants = countTo(4).map(() => new Claimant());
    await Promise.all(claimants.map((claimant) => claimant.paused()));
    return async () => {
      for (const claimant of claimants) await claimant.end();
    };
  }, 120_000);

  it("never has two owners, whenever those that want it come and die, and always one in the end", {
    timeout: 300_000,
  }, async () => {
    const parent = createTemporaryFolder("owners");
    let taken = 0;
    for (const n of countTo(rounds)) {
      const options = { folder: folderOf(parent, n), steps: 120, deaths: 0.04 };
      const round = await runRound(claimants, new Random(seed + n), options);
      expect(round.owners, `owners at once in round ${n}`).toBeLessThanOrEqual(1);
      taken += round.taken;
    }
    // Otherwise they had no occasion.
    expect(taken).toBeGreaterThan(rounds);
  });
});
