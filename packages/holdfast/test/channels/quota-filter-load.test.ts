import { describe, expect, it } from "vitest";
import { FilterLoad, maxFilterWeight, maxOwnerWeight } from "../../src/channels/quota.js";
import { parseTagsFilter, type TagsFilter } from "../../src/wire/tags-filter.js";
import { createSessionNode } from "../sessions/support/session-node.js";

const passes = () => true;
const filterOf = (key: string, weight: number): TagsFilter => ({ key, weight, passes });
const parsed = (value: unknown) => parseTagsFilter(value) as TagsFilter;

describe("weight of a filter", () => {
  it("is the sum of its nodes, decimal comparisons weighing more", () => {
    const vals = Array.from({ length: 60 }, (_, i) => `v${i}`);
    expect(parsed({ key: "a", cmp: "in", vals }).weight).toBe(1);
    expect(parsed({ key: "a", cmp: "lt", val: "3" }).weight).toBe(8);
    const both = [
      { key: "a", cmp: "eq", val: "b" },
      { key: "a", cmp: "gte", val: "3" },
    ];
    expect(parsed({ op: "and", nodes: both }).weight).toBe(10);
  });
});

describe("filters of a channel's readers", () => {
  it("count once when they are equal", () => {
    const load = new FilterLoad();
    for (let i = 0; i < 100; i++) load.add(filterOf("same", 500), `user ${i}`);
    expect(load.weight).toBe(500);
    for (let i = 0; i < 100; i++) load.remove(filterOf("same", 500), `user ${i}`);
    expect([load.weight, load.owners]).toEqual([0, 0]);
  });

  it("are bounded per owner, and other owners have room", () => {
    const load = new FilterLoad();
    let count = 0;
    for (; load.findFault(filterOf(`f${count}`, 500), "ann") === undefined; count++)
      load.add(filterOf(`f${count}`, 500), "ann");
    expect(count * 500).toBe(maxOwnerWeight);
    expect(load.findFault(filterOf("new", 500), "bob")).toBeUndefined();
    // One that is applied already costs nothing more.
    expect(load.findFault(filterOf("f0", 500), "ann")).toBeUndefined();
  });

  it("are bounded in total", () => {
    const load = new FilterLoad();
    for (let i = 0; i < maxFilterWeight / 500; i++) load.add(filterOf(`f${i}`, 500), `user ${i}`);
    expect(load.findFault(filterOf("new", 1), "zoe")).toMatch(/10000/);
    load.remove(filterOf("f0", 500), "user 0");
    expect(load.findFault(filterOf("new", 1), "zoe")).toBeUndefined();
  });
});

describe("subscribing with a filter", () => {
  it("is refused with error 106 beyond the limit, and accepted again when others have left", async () => {
    const { connect } = await createSessionNode();
    const tf = (n: number) => ({
      op: "or",
      nodes: Array.from({ length: 62 }, (_, k) => ({ key: `k${k}`, cmp: "lt", val: String(n) })),
    });
    const clients = await Promise.all(Array.from({ length: 11 }, () => connect("ann")));
    for (const [n, client] of clients.entries())
      await client.ask({ id: 2, subscribe: { channel: "news", tf: tf(n) } });
    const codes = clients.map((client) => (client.reply(2) as { error?: { code: number } }).error?.code);
    expect(codes).toEqual([...Array(10).fill(undefined), 106]);
    clients[0]?.session.closed();
    await clients[10]?.ask({ id: 3, subscribe: { channel: "news", tf: tf(10) } });
    expect(clients[10]?.reply(3)).toHaveProperty("subscribe");
  });
});
