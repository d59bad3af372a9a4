import { describe, expect, it } from "vitest";
import { openRules } from "../../src/channels/rules.js";
import { listEncoding } from "../../src/http/channels/answer-body.js";
import { Tails } from "../../src/sessions/tails.js";
import { createSessionNode, type SessionNodeOptions } from "./support/session-node.js";

async function create(options: SessionNodeOptions = {}) {
  const node = await createSessionNode(options);
  const { channels, deadlines, delivery, broker, application, limits } = node;
  const context = { channels, deadlines, delivery, broker, application, limits };
  const tails = new Tails({
    ...context,
    encoding: listEncoding,
    textOf: (bytes) => Buffer.from(bytes).toString(),
  });
  const read = async (channel: string, since?: { epoch: string; offset: number }, waitMs = 20_000) => {
    const answer = await tails.read(channel, since, waitMs);
    if ("code" in answer) return answer;
    const publications = JSON.parse(answer.publications.text) as { offset: number }[];
    return { ...answer, publications: publications.map(({ offset }) => offset) };
  };
  return { ...node, tails, read };
}

describe("a tail", () => {
  it("begins with the position, at once, and then waits for what comes", async () => {
    const { read, publish, settle, sizes } = await create();
    await publish("news", 2);
    const start = await read("news");
    expect(start).toMatchObject({ publications: [], offset: 2, recovered: true });
    const waiting = read("news", start as { epoch: string; offset: number });
    await settle();
    await publish("news", 2);
    await settle();
    expect(await waiting).toMatchObject({ publications: [3, 4], offset: 4, recovered: true });
    expect(sizes().channels).toBe(0);
  });

  it("has at once what came in the meantime", async () => {
    const { read, publish } = await create();
    await publish("news", 1);
    const { epoch } = (await read("news")) as { epoch: string };
    await publish("news", 3);
    expect(await read("news", { epoch, offset: 1 })).toMatchObject({
      publications: [2, 3, 4],
      recovered: true,
    });
  });

  it("says when publications are gone, or the log has started afresh", async () => {
    const { read, publish } = await create({ retention: { maxEntries: 2 } });
    await publish("news", 6);
    const { epoch } = (await read("news")) as { epoch: string };
    expect(await read("news", { epoch, offset: 1 })).toMatchObject({
      publications: [5, 6],
      recovered: false,
    });
    expect(await read("news", { epoch: "another", offset: 1 })).toMatchObject({
      offset: 6,
      recovered: false,
    });
    expect(await read("news", { epoch, offset: 99 })).toMatchObject({ offset: 6, recovered: false });
  });

  it("of a channel that keeps nothing has what comes while it waits", async () => {
    const live = { ...openRules, kind: "live" as const };
    const { read, publish, settle } = await create({ rulesFor: () => live });
    const start = (await read("cursor")) as { epoch: string; offset: number };
    const waiting = read("cursor", start);
    await settle();
    await publish("cursor", 1);
    await settle();
    expect(await waiting).toMatchObject({ publications: [undefined], offset: start.offset + 1 });
  });

  it("ends with nothing when its time is up, and when the server closes", async () => {
    const { read, settle, wait, tails } = await create();
    const start = (await read("news")) as { epoch: string; offset: number };
    const short = read("news", start, 1000);
    await settle();
    await wait(3000);
    expect(await short).toMatchObject({ publications: [], recovered: true, offset: 0 });
    const long = read("news", start);
    await settle();
    expect(tails.count).toBe(1);
    tails.end();
    expect(await long).toMatchObject({ publications: [] });
    expect(tails.count).toBe(0);
    expect(await read("news", start)).toMatchObject({ publications: [] });
  });

  it("of a channel that does not exist, or of too many, is refused", async () => {
    const { read, settle, tails } = await create({
      rulesFor: (channel) => (channel === "none" ? undefined : openRules),
    });
    expect(await read("none")).toMatchObject({ code: 102 });
    expect(await read("")).toMatchObject({ code: 107 });
    const start = (await read("news")) as { epoch: string; offset: number };
    const all = Array.from({ length: 200 }, () => read("news", start));
    // All at once, before any waits.
    expect(tails.count).toBe(200);
    await settle();
    expect(tails.count).toBe(200);
    expect(await read("news", start)).toMatchObject({ code: 111, isTemporary: true });
    tails.end();
    await Promise.all(all);
  });
});
