import { describe, expect, it, vi } from "vitest";
import { createTemporaryFolder } from "../../../../../packages/holdfast/test/support/temporary-folder.js";
import {
  type BestRow,
  bestMap,
  graceMs,
  maxRows,
  type Pace,
  type PlayingRow,
  planRound,
  playingMap,
  pointsOf,
  roundMs,
} from "../../../leaderboard/server/round-plan.js";
import type { BegunRound, Standing } from "../../../leaderboard/server/rounds.js";
import { codeOf, ShowcaseServer, type Somebody } from "../../server/support/showcase-server.js";
import { openClient } from "../../server/support/typed-client.js";

const patience = { timeout: 20_000, interval: 10 };

/** A server whose clock stands still until it is moved. */
async function start(options: { data?: string } = {}) {
  const clock = { time: Date.now() };
  const server = await ShowcaseServer.start({ now: () => clock.time, ...options });
  const rowsOf = async <Row>(map: string) => {
    const rows: Record<string, Row> = {};
    for await (const { key, data } of server.server.entries(map)) rows[key] = data as Row;
    return rows;
  };
  return {
    server,
    clock,
    best: () => rowsOf<BestRow>(bestMap),
    playing: () => rowsOf<PlayingRow>(playingMap),
  };
}

/** What could be caught in a round, and when: each a second after it has come. */
function goodCatches({ seed, pace }: BegunRound) {
  return planRound(seed, pace)
    .filter(({ kind }) => kind !== "jelly")
    .map(({ id, kind, appearsAt }) => ({ id, at: appearsAt + 1000, points: pointsOf[kind] }));
}

const begin = (player: Somebody, pace: Pace = "brisk"): Promise<BegunRound> =>
  player.call("beginRound", { pace });

async function report(
  player: Somebody,
  { round }: BegunRound,
  catches: readonly { id: number; at: number }[],
): Promise<Standing> {
  return await player.call("reportCatches", { round, catches: catches.map(({ id, at }) => ({ id, at })) });
}

describe("a round", () => {
  it("begins at the server, goes live as it is played, and leaves the best in the table", async () => {
    const { server, clock, best, playing } = await start();
    const [ann, bo] = [await server.join("Ann"), await server.join("Bo")];
    const watched = openClient(server, bo).map(playingMap);
    const seen: number[] = [];
    watched.subscribe((change) => {
      if (change.kind === "set") seen.push(change.entry.data.points);
    });
    await vi.waitFor(() => expect(watched.status.state).toBe("subscribed"), patience);
    const round = await begin(ann);
    expect(round).toMatchObject({ pace: "brisk", lengthMs: roundMs("brisk") });
    expect(await playing()).toEqual({
      [ann.user]: { name: "Ann", points: 0, pace: "brisk", at: clock.time },
    });
    expect(await best()).toEqual({});
    const [first, second] = goodCatches(round);
    if (!first || !second) throw new Error("the round is empty");
    clock.time += second.at;
    expect(await report(ann, round, [first])).toEqual({
      ...{ points: first.points, caught: 1, best: first.points },
    });
    const sum = first.points + second.points;
    await report(ann, round, [first, second]);
    expect((await playing())[ann.user]?.points).toBe(sum);
    expect(await best()).toEqual({ [ann.user]: { name: "Ann", points: sum, pace: "brisk", at: clock.time } });
    expect(await ann.call("endRound", { round: round.round })).toEqual({ points: sum, caught: 2, best: sum });
    expect(await playing()).toEqual({});
    await vi.waitFor(() => expect(watched.size).toBe(0), patience);
    expect(seen).toEqual([0, first.points, sum]);

    // A worse one changes nothing.
    const worse = await begin(ann);
    const little = goodCatches(worse).find(({ points }) => points < sum);
    clock.time += little?.at ?? 0;
    expect(await report(ann, worse, little ? [little] : [])).toMatchObject({ best: sum });
    expect((await best())[ann.user]?.points).toBe(sum);
    expect(server.errors).toEqual([]);
  });

  it("gives the same to be caught to everybody, all of it at a leisurely pace, and its seed settles it", () => {
    const worth = (seed: number) =>
      planRound(seed, "brisk").reduce((sum, { kind }) => sum + pointsOf[kind], 0);
    for (let seed = 0; seed < 200; seed++) {
      expect(worth(seed * 20_011)).toBe(worth(1));
      for (const pace of ["brisk", "slow"] as const)
        for (const { appearsAt, lastsMs } of planRound(seed, pace))
          expect(appearsAt + lastsMs).toBeLessThanOrEqual(roundMs(pace));
    }
    expect(planRound(7, "brisk")).toEqual(planRound(7, "brisk"));
    expect(planRound(7, "brisk")).not.toEqual(planRound(8, "brisk"));
  });

  it("refuses claims that cannot be, in words, and counts nothing of them", async () => {
    const { server, clock, best } = await start();
    const ann = await server.join("Ann");
    const round = await begin(ann);
    const catches = goodCatches(round);
    // Two that come one soon after the other.
    const place = catches.findIndex(({ id }, at) => catches[at + 1]?.id === id + 1);
    const [first, second] = catches.slice(place) as [(typeof catches)[0], (typeof catches)[0]];
    const jelly = planRound(round.seed, round.pace).find(({ kind }) => kind === "jelly");
    const claim = async (...claims: { id: number; at: number }[]) =>
      await report(ann, round, claims).then(
        () => "accepted",
        ({ code, message }) => `${code} ${message}`,
      );
    // Everything at once, at the beginning.
    expect(await claim(...catches)).toBe("422 that has not appeared yet");
    clock.time += second.at;
    expect(await claim(first, { id: 99, at: second.at })).toBe("422 this round has no drifter 99");
    expect(await claim({ id: jelly?.id ?? 0, at: first.at })).toBe("422 a jellyfish is not a catch");
    // A millisecond before it has come.
    expect(await claim({ ...second, at: second.at - 1001 })).toMatch(/^422 drifter \d+ was not in the water/);
    expect(await claim({ ...first, at: first.at + 10_000 })).toBe("422 that has not appeared yet");
    const close = Math.max(first.at, second.at) - 200;
    expect(await claim({ ...first, at: close }, { ...second, at: close + 79 })).toMatch(/the minimum is/);
    expect(await best()).toEqual({});
    expect(await claim({ ...first, at: close })).toBe("accepted");
    expect(await claim({ ...second, at: close + 79 })).toMatch(/the minimum is/);
    expect(await claim({ ...second, at: close + 80 })).toBe("accepted");
    expect(await codeOf(ann.call("reportCatches", { round: round.round, catches: [] }))).toBe(107);
    expect(
      await codeOf(
        ann.call("reportCatches", { round: round.round, catches: [{ id: 0, at: 0, points: 5 }, 7] }),
      ),
    ).toBe(107);
    expect((await best())[ann.user]?.points).toBe(first.points + second.points);
  });

  it("takes what was caught while the line was cut, until it is over for good", async () => {
    const { server, clock, playing } = await start();
    const ann = await server.join("Ann");
    const round = await begin(ann, "slow");
    const [first, second] = goodCatches(round);
    if (!first || !second) throw new Error("the round is empty");
    clock.time += roundMs("slow") + graceMs;
    expect(await report(ann, round, [first])).toMatchObject({ caught: 1 });
    clock.time += 1;
    await vi.waitFor(async () => expect(await playing()).toEqual({}), patience);
    expect(await codeOf(report(ann, round, [second]))).toBe(404);
    expect(await codeOf(ann.call("endRound", { round: round.round }))).toBe(404);
  });

  it("is begun once in a while, also where the one before was ended at once", async () => {
    const { server, clock } = await start();
    const ann = await server.join("Ann");
    const { round } = await begin(ann);
    await ann.call("endRound", { round });
    expect(await codeOf(begin(ann))).toBe(429);
    expect(await codeOf(begin(await server.join("Bo")))).toBe("accepted");
    clock.time += 1000;
    expect(await codeOf(begin(ann))).toBe("accepted");
  });

  it("is one of each person, and nobody plays that of another", async () => {
    const { server, clock, playing } = await start();
    const [ann, bo] = [await server.join("Ann"), await server.join("Bo")];
    const first = await begin(ann);
    expect(await codeOf(begin(ann))).toBe(429);
    clock.time += 1000;
    const second = await begin(ann);
    const [catch1] = goodCatches(second);
    clock.time += catch1?.at ?? 0;
    expect(await codeOf(report(ann, first, goodCatches(first).slice(0, 1)))).toBe(404);
    expect(await codeOf(report(bo, second, [catch1 ?? { id: 0, at: 0 }]))).toBe(404);
    expect(await codeOf(bo.call("endRound", { round: second.round }))).toBe(404);
    expect(Object.keys(await playing())).toEqual([ann.user]);
    expect((await playing())[ann.user]?.points).toBe(0);
  });
});

describe("the table", () => {
  it("is written by the server alone", async () => {
    const { server, best } = await start();
    const ann = await server.join("Ann");
    for (const channel of [bestMap, playingMap]) {
      const row = {
        channel,
        key: ann.user,
        data: { name: "Ann", points: 999, pace: "brisk", at: 1 },
        type: 1,
      };
      expect(await codeOf(ann.call("holdfast.publish", row))).toBe(103);
      expect(await codeOf(ann.call("holdfast.publish", { ...row, data: null, removed: true }))).toBe(103);
      expect(await codeOf(ann.client.publish(channel, row.data))).not.toBe("accepted");
    }
    expect(await best()).toEqual({});
  });

  it("is not for who is banned, whose round ends with that", async () => {
    const { server, clock } = await start();
    const ann = await server.join("Ann");
    const round = await begin(ann);
    clock.time += 5000;
    await server.api("map_publish", { channel: "sanctions", key: ann.user, data: { kind: "ban" } });
    expect(await codeOf(report(ann, round, goodCatches(round).slice(0, 1)))).toBe(403);
    expect(await codeOf(begin(ann))).toBe(403);
    const map = ann.client.newMapSubscription(bestMap);
    map.subscribe();
    expect(await codeOf(map.ready(5000))).not.toBe("accepted");
    expect(await codeOf(server.tool().rpc("beginRound", { pace: "brisk" }))).not.toBe("accepted");
  });

  it("is the same for who comes late, and for who was away", async () => {
    const { server, clock } = await start();
    const people = await Promise.all(["Ann", "Bo", "Cy"].map((name) => server.join(name)));
    const watch = (person: Somebody) => {
      const client = openClient(server, person);
      const map = client.map(bestMap);
      map.subscribe(() => {});
      return { client, rows: () => map.entries(({ points }) => points).map(({ data }) => data) };
    };
    const [ann, bo, cy] = people as [Somebody, Somebody, Somebody];
    const away = watch(ann);
    await vi.waitFor(() => expect(away.client.map(bestMap).status.state).toBe("subscribed"), patience);
    const play = async (player: Somebody, count: number) => {
      const round = await begin(player);
      const catches = goodCatches(round).slice(0, count);
      clock.time += roundMs("brisk");
      return (await report(player, round, catches)).points;
    };
    const points = { Ann: await play(ann, 2), Bo: await play(bo, 9) };
    await vi.waitFor(() => expect(away.rows()).toHaveLength(2), patience);
    away.client.reconnect();
    const all: Record<string, number> = { ...points, Cy: await play(cy, 18) };
    const late = watch(bo);
    await vi.waitFor(() => {
      expect(late.rows().map(({ name }) => name)).toHaveLength(3);
      expect(away.rows()).toEqual(late.rows());
    }, patience);
    expect(late.rows().map(({ name, points: made }) => [name, made])).toEqual(
      Object.entries(all).sort(([, a], [, b]) => b - a),
    );
  });

  it("is there after a restart, where there is a folder, and nobody plays then", async () => {
    const data = createTemporaryFolder("leaderboard");
    const first = await start({ data });
    const ann = await first.server.join("Ann");
    const round = await begin(ann);
    const catches = goodCatches(round).slice(0, 4);
    first.clock.time += roundMs("brisk");
    const { points } = await report(ann, round, catches);
    await first.server.server.close();
    const second = await start({ data });
    expect((await second.best())[ann.user]).toMatchObject({ name: "Ann", points });
    await vi.waitFor(async () => expect(await second.playing()).toEqual({}), patience);
    const client = second.server.connect({ Cookie: ann.cookie, Origin: second.server.url });
    expect(await codeOf(client.rpc("endRound", { round: round.round }))).toBe(404);
  });

  it("that is full has no place for less than its lowest, which makes place for more", async () => {
    const { server, clock, best } = await start();
    const row = { name: "Somebody", pace: "brisk", at: 1 } as const;
    for (let key = 0; key < maxRows; key++)
      await server.server.publish(bestMap, { ...row, points: key === 7 ? 2 : 50 }, { key: `u${key}` });
    const ann = await server.join("Ann");
    const round = await begin(ann);
    const catches = goodCatches(round);
    const one = catches.find(({ points }) => points === 1);
    const five = catches.find(({ points }) => points === 5);
    if (!one || !five) throw new Error("the round lacks something");
    clock.time += roundMs("brisk");
    expect(await report(ann, round, [one])).toMatchObject({ points: 1 });
    expect(await best()).not.toHaveProperty(ann.user);
    await report(ann, round, [five]);
    const rows = await best();
    expect([Object.keys(rows).length, rows[ann.user]?.points, rows.u7]).toEqual([maxRows, 6, undefined]);
    expect(server.errors).toEqual([]);
  });
});
