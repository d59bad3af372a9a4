import { describe, expect, it } from "vitest";
import { createCounter } from "../../../../../packages/holdfast/test/support/counter.js";
import { settle } from "../../../../../packages/holdfast/test/support/fake-clock.js";
import {
  graceMs,
  maxPlaying,
  planRound,
  playingMap,
  roundMs,
} from "../../../leaderboard/server/round-plan.js";
import { Round, Rounds } from "../../../leaderboard/server/rounds.js";
import { Store, type StoreServer } from "../../../server/store.js";

/** Rounds over maps that write when they are let. */
function createRounds() {
  const maps = new Map<string, Map<string, unknown>>();
  const of = (map: string) => maps.get(map) ?? new Map<string, unknown>();
  const held: (() => void)[] = [];
  const state = { isHolding: false, time: 1_800_000_000_000 };
  const store = new Store();
  store.use({
    publish: async (map: string, data: unknown, { key = "" } = {}) => {
      if (state.isHolding) await new Promise<void>((resolve) => held.push(resolve));
      maps.set(map, of(map).set(key, data));
      return { epoch: "", offset: 0 };
    },
    entry: async (map: string, key: string) => (of(map).has(key) ? { data: of(map).get(key) } : undefined),
    entries: async function* (map: string) {
      for (const [key, data] of of(map)) yield { key, data };
    },
    remove: async (map: string, key: string) => of(map).delete(key),
  } as unknown as StoreServer);
  const rounds = new Rounds({
    ...{ store, onError: () => {}, createId: createCounter("r"), createSeed: () => 5 },
    now: () => state.time,
  });
  return { rounds, store, state, held, playing: () => [...of(playingMap).keys()] };
}

describe("rounds", () => {
  it("are so many at a time, and those of who plays already count once", async () => {
    const { rounds, state, playing } = createRounds();
    for (let number = 0; number < maxPlaying; number++)
      await rounds.begin({ id: `u${number}`, name: "Somebody" }, "brisk");
    const late = { id: "late", name: "Late" };
    await expect(rounds.begin(late, "brisk")).rejects.toMatchObject({ code: 503 });
    state.time += 2000;
    await rounds.begin({ id: "u0", name: "Somebody" }, "slow");
    state.time += roundMs("brisk") + graceMs - 1000;
    await rounds.sweep();
    expect(playing()).toEqual(["u0"]);
    await rounds.begin(late, "brisk");
    expect(playing()).toEqual(["u0", "late"]);
  });

  it("forget who played before the server was started, and nobody else", async () => {
    const { rounds, store, playing } = createRounds();
    await store.write(playingMap, "before", { points: 3 });
    await rounds.begin({ id: "ann", name: "Ann" }, "brisk");
    await rounds.forgetStrangers();
    expect(playing()).toEqual(["ann"]);
  });

  it("that end leave no row behind, though one is being written", async () => {
    const { rounds, state, held, playing } = createRounds();
    const { round } = await rounds.begin({ id: "ann", name: "Ann" }, "brisk");
    const shell = planRound(5, "brisk").find(({ kind }) => kind === "shell");
    state.time += 10_000;
    state.isHolding = true;
    const taken = rounds.take("ann", round, [{ id: shell?.id ?? 0, at: (shell?.appearsAt ?? 0) + 500 }]);
    await settle();
    const ended = rounds.end("ann", round);
    await settle();
    state.isHolding = false;
    for (const go of held) go();
    expect(await taken).toMatchObject({ points: 1 });
    expect(await ended).toEqual({ points: 1, caught: 1, best: 1 });
    expect(playing()).toEqual([]);
  });
});

describe("a round", () => {
  it("takes nothing when it is over for good", () => {
    const round = new Round({ id: "r", seed: 5, pace: "brisk", startedAt: 0 });
    const [first] = planRound(5, "brisk").filter(({ kind }) => kind !== "jelly");
    const caught = [{ id: first?.id ?? 0, at: (first?.appearsAt ?? 0) + 500 }];
    const end = roundMs("brisk") + graceMs;
    expect(() => round.take(caught, end + 1)).toThrow("this round is over");
    expect([round.take(caught, end), round.take(caught, end), round.caught]).toEqual([true, false, 1]);
  });
});
