import { describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../../../packages/holdfast/test/support/fake-clock.js";
import { Game, numbMs } from "../../leaderboard/model/game.js";
import type { GameLink } from "../../leaderboard/model/leaderboard.js";
import { Reporter } from "../../leaderboard/model/reporter.js";
import { type Drifter, planRound, pointsOf, roundMs } from "../../leaderboard/server/round-plan.js";
import type { Standing } from "../../leaderboard/server/rounds.js";

const seed = 11;
const plan = planRound(seed, "brisk");

/** What the client rejects with where the server says no. */
const refusal = (code: number, message: string) =>
  Object.assign(new Error(`refused: ${message}`), {
    details: { code, isTemporary: false },
    cause: { code, message },
  });
const broken = () => new Error("the connection broke");

/** A game whose server counts what it is told, and fails as often as it is made to. */
function createGame() {
  const clock = new FakeClock();
  const failures: Error[] = [];
  const told: number[][] = [];
  const counted = new Set<number>();
  const ended: string[] = [];
  const standing = (): Standing => {
    const points = [...counted].reduce((sum, id) => sum + pointsOf[plan[id]?.kind ?? "jelly"], 0);
    return { points, caught: counted.size, best: points };
  };
  const answer = async () => {
    const failure = failures.shift();
    if (failure) throw failure;
  };
  let rounds = 0;
  const link: GameLink = {
    begin: async (pace) => {
      await answer();
      return { round: `r${++rounds}`, seed, pace, lengthMs: roundMs(pace) };
    },
    report: async (_round, catches) => {
      told.push(catches.map(({ id }) => id));
      await answer();
      for (const { id } of catches) counted.add(id);
      return standing();
    },
    end: async (round) => {
      await answer();
      ended.push(round);
      return standing();
    },
  };
  const game = new Game({
    link,
    clock: () => clock.now(),
    later: (delayMs, task) => clock.setTimer(task, delayMs),
    onChange: () => {},
  });
  /** Moves on in small steps, so that answers come in between. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 50) {
      clock.advance(Math.min(50, left));
      await settle();
    }
  };
  let at = 0;
  const passTo = async (time: number) => {
    await pass(time - at);
    at = Math.max(at, time);
  };
  return { game, clock, failures, told, counted, ended, pass, passTo };
}

const firstOf = (kind: Drifter["kind"], after = -1) =>
  plan.find((each) => each.kind === kind && each.appearsAt > after) as Drifter;

describe("a game", () => {
  it("shows what is in the water while it is there, and takes each once", async () => {
    const { game, passTo, told } = createGame();
    expect([game.state, game.inWater]).toEqual(["idle", []]);
    await game.begin("brisk");
    expect(game.state).toBe("playing");
    const shell = firstOf("shell");
    expect(game.catch(shell.id)).toBe(shell.appearsAt === 0 ? "caught" : "nothing");
    await passTo(shell.appearsAt + 200);
    expect(game.inWater.map(({ id }) => id)).toContain(shell.id);
    expect(game.ageOf(shell)).toBe(200);
    expect(game.catch(shell.id)).toBe("caught");
    expect(game.catch(shell.id)).toBe("nothing");
    expect([game.points, game.waiting]).toEqual([1, 1]);
    await passTo(shell.appearsAt + shell.lastsMs + 300);
    expect([game.waiting, told]).toEqual([0, [[shell.id]]]);
    expect(game.inWater.map(({ id }) => id)).not.toContain(shell.id);
  });

  it("has a hand that is no faster than the server believes, and numb after a jellyfish", async () => {
    const { game, passTo, told } = createGame();
    await game.begin("brisk");
    await passTo(8000);
    const [first, second] = game.inWater.filter(({ kind }) => kind !== "jelly") as [Drifter, Drifter];
    expect([game.catch(first.id), game.catch(second.id)]).toEqual(["caught", "nothing"]);
    await passTo(8100);
    expect(game.catch(second.id)).toBe("caught");
    const jelly = firstOf("jelly", 8100);
    await passTo(jelly.appearsAt + 100);
    const points = game.points;
    expect(game.catch(jelly.id)).toBe("stung");
    const other = game.inWater.find(({ kind }) => kind !== "jelly") as Drifter;
    expect([game.isNumb, game.catch(other.id), game.points]).toEqual([true, "numb", points]);
    await passTo(jelly.appearsAt + 100 + numbMs);
    expect(game.isNumb).toBe(false);
    const next = game.inWater.find(({ kind }) => kind !== "jelly") as Drifter;
    expect(game.catch(next.id)).toBe("caught");
    await passTo(roundMs("brisk"));
    expect(told.flat()).not.toContain(jelly.id);
  });

  it("loses nothing that was caught while the line was cut, and is over when all is told", async () => {
    const { game, passTo, pass, failures, counted, ended } = createGame();
    await game.begin("brisk");
    const caught: number[] = [];
    for (let time = 1000; time < roundMs("brisk"); time += 1000) {
      // Gone for six seconds before the end, and after it.
      if (time === 15_000) failures.push(...Array.from({ length: 20 }, broken));
      await passTo(time);
      const drifter = game.inWater.find(({ kind }) => kind !== "jelly");
      if (drifter && game.catch(drifter.id) === "caught") caught.push(drifter.id);
    }
    await passTo(roundMs("brisk") + 50);
    expect(game.state).toBe("counting");
    expect(game.waiting).toBeGreaterThan(1);
    await pass(12_000);
    expect([...counted]).toEqual(caught);
    expect([game.state, game.waiting, game.problem, ended]).toEqual(["over", 0, "", ["r1"]]);
    expect(game.standing?.points).toBe(game.points);
  });

  it("says what the server does not count, and goes on", async () => {
    const { game, passTo, failures, told } = createGame();
    await game.begin("brisk");
    await passTo(3000);
    failures.push(refusal(422, "that has not appeared yet"));
    const [first, second] = game.inWater.filter(({ kind }) => kind !== "jelly") as [Drifter, Drifter];
    game.catch(first.id);
    await passTo(3300);
    expect([game.problem, game.waiting]).toEqual(["Not counted: that has not appeared yet.", 0]);
    game.catch(second.id);
    await passTo(3600);
    expect(told).toEqual([[first.id], [second.id]]);
  });

  it("ends where the server knows the round no more", async () => {
    const { game, passTo, failures } = createGame();
    await game.begin("brisk");
    await passTo(3000);
    failures.push(refusal(404, "this round is over"));
    game.catch((game.inWater.find(({ kind }) => kind !== "jelly") as Drifter).id);
    await passTo(3300);
    expect([game.state, game.problem]).toEqual(["over", "Not counted: this round is over."]);
  });

  it("says why there is no round, and begins another after one that is over", async () => {
    const { game, pass, failures, ended } = createGame();
    failures.push(refusal(503, "200 people play already"), broken());
    await game.begin("brisk");
    expect([game.state, game.problem]).toEqual(["idle", "No round: 200 people play already."]);
    await game.begin("brisk");
    expect(game.problem).toBe("No round: the server did not answer.");
    await game.begin("slow");
    expect([game.state, game.problem, game.isSlow]).toEqual(["playing", "", true]);
    await pass(roundMs("brisk"));
    expect(game.state).toBe("playing");
    await pass(roundMs("slow") - roundMs("brisk") + 500);
    expect([game.state, ended]).toEqual(["over", ["r1"]]);
    await game.begin("brisk");
    expect([game.state, game.points]).toEqual(["playing", 0]);
  });

  it("has everything in the water again in the next round", async () => {
    const { game, pass } = createGame();
    const shell = firstOf("shell");
    for (const round of [1, 2]) {
      await game.begin("brisk");
      await pass(shell.appearsAt + 200);
      expect([round, game.catch(shell.id)]).toEqual([round, "caught"]);
      await pass(roundMs("brisk"));
      expect(game.state).toBe("over");
    }
  });

  it("tells what is caught while the server still counts", async () => {
    const clock = new FakeClock();
    const told: number[][] = [];
    const answers: (() => void)[] = [];
    const standing = { points: 0, caught: 0, best: 0 };
    const reporter = new Reporter({
      ...{ round: "r1", onStanding: () => {}, onRefused: () => {}, onDone: () => {} },
      clock: () => clock.now(),
      later: (delayMs, task) => clock.setTimer(task, delayMs),
      link: {
        report: async (_round, catches) => {
          told.push(catches.map(({ id }) => id));
          await new Promise<void>((resolve) => answers.push(resolve));
          return standing;
        },
        end: async () => standing,
      },
    });
    reporter.add({ id: 1, at: 1 });
    reporter.add({ id: 2, at: 100 });
    answers[0]?.();
    await settle();
    expect(reporter.waiting).toBe(1);
    clock.advance(1000);
    expect(told).toEqual([[1], [2]]);
  });

  it("leaves no timer when the visit is over", async () => {
    const { game, clock, pass, failures } = createGame();
    await game.begin("brisk");
    await pass(3000);
    failures.push(broken());
    game.catch((game.inWater.find(({ kind }) => kind !== "jelly") as Drifter).id);
    game.close();
    await settle();
    expect(clock.timers).toBe(0);
  });
});
