import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzRuns } from "../../support/fuzz/seed.js";
import { type TestNode, TestNodes } from "./support/test-nodes.js";

const channels = ["news", "sport"];

const at = fc.nat(4);
const other = fc.nat(4);
const step = (kind: string, weight: number) => ({
  weight,
  arbitrary: fc.record({ kind: fc.constant(kind), at, other, channel: fc.constantFrom(...channels) }),
});
const steps = fc.array(
  fc.oneof(
    step("join", 8),
    step("leave", 5),
    step("pass", 4),
    step("list", 2),
    step("cut", 1),
    step("heal", 1),
    step("disconnect", 1),
    step("kill", 1),
    step("start", 1),
  ),
  { minLength: 5, maxLength: 40, size: "max" },
);

/** What a reader of a node knows from announcements. Fails if one comes twice. */
function viewOf({ announced }: TestNode, channel: string): string[] {
  const view = new Set<string>();
  for (const line of announced) {
    const [kind, name, client = ""] = line.split(" ");
    if (name !== channel) continue;
    if (view.has(client) === (kind === "join"))
      throw new Error(`${line} came twice in ${announced.join(", ")}`);
    if (kind === "join") view.add(client);
    else view.delete(client);
  }
  return [...view].sort();
}

describe("nodes that come, die, and are cut off for a while", () => {
  it("leave every reader with what lists say, each join and leave announced once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 4 }),
        steps,
        fc.constantFrom(1, 15),
        async (count, course, answerMs) => {
          const nodes = new TestNodes();
          // Messages to one node and those to all may take different ways.
          nodes.network.fate = (message) => [Buffer.from(message).includes('"kind":"answer"') ? answerMs : 1];
          const all: TestNode[] = [];
          const clients = new Map<TestNode, Map<string, string[]>>();
          let numClients = 0;
          /** Everybody subscribes before anybody joins. */
          const start = async () => {
            const node = await nodes.add();
            for (const channel of channels) node.subscribed.add(channel);
            all.push(node);
            clients.set(node, new Map(channels.map((channel) => [channel, []])));
          };
          const down = new Set<TestNode>();
          const cuts = new Set<string>();
          for (let n = 0; n < count; n++) await start();
          await nodes.advance(10);
          const first = new Set(all);
          const join = async (node: TestNode, channel: string) => {
            const client = `${node.id}${++numClients}`;
            clients.get(node)?.get(channel)?.push(client);
            await node.join(channel, client);
          };
          // From now on all follow the channels, so what an interruption has lost is repaired after it.
          for (const channel of channels) await join(all[0] as TestNode, channel);
          await nodes.advance(10);
          // As long as it takes to notice that a node is gone: what shorter cuts have lost is lost.
          const notice = () => nodes.advance(7000, 100);

          for (const { kind, channel, ...indexes } of course) {
            const node = all[indexes.at % all.length] as TestNode;
            const peer = all[indexes.other % all.length] as TestNode;
            if (kind === "join") await join(node, channel);
            else if (kind === "leave") {
              const client = clients.get(node)?.get(channel)?.pop();
              if (client !== undefined) await node.leave(channel, client);
            } else if (kind === "pass") await nodes.advance(indexes.at * 300 + 2, 50);
            else if (kind === "list")
              await nodes.wait(
                node.clients(channel).catch(() => []),
                5000,
                10,
              );
            else if (kind === "cut" && node !== peer) {
              await nodes.advance(5);
              cuts.add(`${node.id} ${peer.id}`);
              nodes.network.cut(node.id, peer.id);
              await notice();
            } else if (kind === "heal") {
              for (const pair of cuts) nodes.network.heal(...(pair.split(" ") as [string, string]));
              cuts.clear();
              await nodes.advance(1500, 10);
            } else if (kind === "disconnect") {
              await nodes.advance(5);
              if (down.delete(node)) nodes.network.connect(node.id);
              else {
                down.add(node);
                nodes.network.disconnect(node.id);
                if (indexes.other > 2) await notice();
              }
              await nodes.advance(5);
            } else if (kind === "kill" && all.length > 2) {
              await nodes.advance(5);
              node.kill();
              down.delete(node);
              all.splice(all.indexOf(node), 1);
            } else if (kind === "start" && all.length < 5 && cuts.size + down.size === 0) {
              await start();
              await nodes.advance(5);
            }
          }
          for (const pair of cuts) nodes.network.heal(...(pair.split(" ") as [string, string]));
          for (const node of down) nodes.network.connect(node.id);
          await nodes.advance(9000, 50);

          for (const channel of channels) {
            const expected = all.flatMap((node) => clients.get(node)?.get(channel) ?? []).sort();
            for (const node of all) {
              expect(await nodes.wait(node.clients(channel))).toEqual(expected);
              const { numClients: counted } = await nodes.wait(node.presence.stats(channel));
              expect(counted).toBe(expected.length);
            }
          }
          for (const node of all.filter((each) => first.has(each)))
            for (const channel of channels) {
              const expected = all.flatMap((each) => clients.get(each)?.get(channel) ?? []).sort();
              expect(viewOf(node, channel)).toEqual(expected);
            }
          expect(nodes.errors).toEqual([]);
        },
      ),
      fuzzRuns(150, 20_000),
    );
  });
});
