import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClusterAnswer, ClusterCommand } from "../../../src/channels/cluster.js";
import { fuzzRuns } from "../../support/fuzz/seed.js";
import { TestNodes } from "./support/test-nodes.js";

/** What happens on the way, one after the other, over and over. */
const fates = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant([1]) },
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(fc.integer({ min: 1, max: 800 }), { minLength: 1, maxLength: 3 }) },
  ),
  { minLength: 1, maxLength: 40 },
);
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("send" as const), at: fc.nat(4), to: fc.option(fc.nat(4)) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("remove" as const), at: fc.nat(4), to: fc.constant(0) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("pass" as const), at: fc.nat(1500), to: fc.constant(0) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), at: fc.nat(4), to: fc.nat(4) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("heal" as const), at: fc.nat(4), to: fc.nat(4) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("pause" as const), at: fc.nat(4), to: fc.constant(0) }),
    },
  ),
  { minLength: 5, maxLength: 40, size: "max" },
);

interface Sent {
  readonly by: string;
  readonly number: number;
  readonly answered: Promise<ClusterAnswer>;
}

const numberOf = (command: ClusterCommand): number =>
  command.kind === "emulate" ? Number(command.data) : -1;
const senderOf = (command: ClusterCommand): string => (command.kind === "emulate" ? command.session : "");

describe("messages lost, doubled, late and out of order, nodes cut off and paused", () => {
  it("leave every command with one effect at most, in the order of its sender, and answers that say what was done", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 5 }), steps, fates, async (count, course, ways) => {
        const nodes = new TestNodes();
        const all = await nodes.start(count);
        for (const node of all)
          node.answer = async (command) => ({ data: `${node.id} ${numberOf(command)}` });
        let way = 0;
        nodes.network.fate = () => ways[way++ % ways.length] ?? [];
        const sent: Sent[] = [];
        const removed: string[] = [];
        const paused = new Set<number>();
        const at = (index: number) => {
          const node = all[index % count];
          if (node === undefined) throw new Error("there is no such node");
          return node;
        };
        for (const step of course) {
          const node = at(step.at);
          if (step.kind === "send") {
            const number = sent.length + 1;
            const command: ClusterCommand = { kind: "emulate", session: node.id, data: String(number) };
            const to = step.to === null ? undefined : at(step.to).id;
            sent.push({ by: node.id, number, answered: node.cluster.send(command, to) });
          } else if (step.kind === "remove") {
            removed.push(`channel ${removed.length}`);
            await node.cluster.announceHistoryRemoved(removed.at(-1) ?? "");
          } else if (step.kind === "pass") await nodes.advance(step.at, 10);
          else if (step.kind === "cut") nodes.network.cut(node.id, at(step.to).id);
          else if (step.kind === "heal") nodes.network.heal(node.id, at(step.to).id);
          else if (paused.delete(step.at % count)) node.resume();
          else {
            paused.add(step.at % count);
            node.pause();
          }
        }
        for (const index of paused) at(index).resume();
        for (const a of all) for (const b of all) nodes.network.heal(a.id, b.id);
        nodes.network.fate = () => [1];
        await nodes.advance(9000, 10);

        const answers = await Promise.all(sent.map(({ answered }) => answered));
        for (const node of all) {
          // Once, and in order, from each sender.
          for (const { id } of all) {
            const numbers = node.commands.filter((command) => senderOf(command) === id).map(numberOf);
            expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
          }
          const done = new Set(node.commands.map(numberOf));
          answers.forEach(({ outcomes, silent }, i) => {
            const { number } = sent[i] as Sent;
            const outcome = outcomes.get(node.id);
            if (outcome) {
              expect(outcome).toEqual({ data: `${node.id} ${number}` });
              expect(done.has(number)).toBe(true);
              expect(silent).not.toContain(node.id);
            }
          });
          expect(await node.ids()).toEqual(all.map(({ id }) => id));
          expect([...new Set(node.removed)].sort()).toEqual([...removed].sort());
          expect(node.requests.pending).toBe(0);
        }
        expect(nodes.errors).toEqual([]);
      }),
      fuzzRuns(150, 20_000),
    );
  });
});
