import { describe, expect, it } from "vitest";
import { next } from "../../../../../packages/holdfast/test/support/app-server.js";
import { createTemporaryFolder } from "../../../../../packages/holdfast/test/support/temporary-folder.js";
import type { Marks } from "../../../notices/server/marks.js";
import type { Notice } from "../../../notices/server/notice.js";
import { codeOf, ShowcaseServer, type Somebody } from "../../server/support/showcase-server.js";

const channelOf = ({ user }: Somebody) => `notices:${user}`;
const marksOf = ({ user }: Somebody) => `notice-marks:${user}`;

/** All that can be done in a channel, and whether it is refused. */
async function tryAll({ client }: { client: Somebody["client"] }, channel: string) {
  const subscription = client.getSubscription(channel) ?? client.newSubscription(channel);
  subscription.subscribe();
  return {
    subscribe: await codeOf(subscription.ready(5000)),
    publish: await codeOf(client.publish(channel, { text: "let me in" })),
    history: await codeOf(client.history(channel, { limit: 1 })),
    presence: await codeOf(client.presence(channel)),
  };
}

const refused = { subscribe: expect.any(Number), publish: 103, history: 103, presence: 108 };

async function noticesOf(person: Somebody): Promise<Notice[]> {
  const { publications } = await person.client.history(channelOf(person), { limit: 300 });
  return publications.map(({ data }) => data as Notice);
}

async function positionOf(person: Somebody) {
  const { epoch, offset } = await person.client.history(channelOf(person), { limit: 0 });
  return { epoch, offset };
}

/** What the server has as read. */
async function keptMarks(server: ShowcaseServer, person: Somebody): Promise<Marks | undefined> {
  return (await server.server.entry(marksOf(person), "marks"))?.data as Marks | undefined;
}

async function start(options: Parameters<typeof ShowcaseServer.start>[0] = {}) {
  const server = await ShowcaseServer.start(options);
  const [ann, bo] = (await Promise.all([server.join("Ann"), server.join("Bo")])) as [Somebody, Somebody];
  return { server, ann, bo };
}

describe("the channel of a person", () => {
  it("is for that person to read, and for nobody to write in", async () => {
    const { server, ann, bo } = await start();
    const own = { subscribe: "accepted", publish: 103, history: "accepted", presence: 108 };
    expect(await tryAll(ann, channelOf(ann))).toEqual(own);
    for (const name of [channelOf(ann), marksOf(ann), "notices:", "notice-marks:", "notices:a:b"]) {
      expect(await codeOf(bo.client.publish(name, { text: "hi" })), name).not.toBe("accepted");
      expect(await codeOf(bo.client.history(name, { limit: 1 })), name).not.toBe("accepted");
    }
    expect(await tryAll(bo, channelOf(ann))).toEqual(refused);
    expect(await tryAll({ client: server.tool() }, channelOf(ann))).toEqual(refused);
    expect(await tryAll({ client: server.tool() }, "notices:a:b")).toEqual(refused);
    expect(server.errors).toEqual([]);
  });

  it("ends for who is banned", async () => {
    const { server, ann } = await start();
    await ann.client.ready(5000);
    await server.api("map_publish", { channel: "sanctions", key: ann.user, data: { kind: "ban" } });
    expect(await tryAll(ann, channelOf(ann))).toEqual(refused);
    for (const [method, argument] of [
      ["notify", { name: "Bo", text: "hi" }],
      ["notifyMe", { seconds: 1 }],
      ["markNotices", { epoch: "", readTo: 1 }],
    ] as const)
      expect(await codeOf(ann.call(method, argument)), method).toBe(403);
  });

  it("takes what a program with a key publishes, bounded, and with the time of the server", async () => {
    const time = 1_800_000_000_000;
    const { server, ann } = await start({ now: () => time });
    const channel = channelOf(ann);
    const publish = async (data: unknown, key?: string | null) => {
      const { status, body } = await server.api("publish", { channel, data }, key);
      return status === 200 ? (body.error?.code ?? "accepted") : status;
    };
    expect(await publish({ title: " Build ", text: " done ", at: 1, from: "CI" })).toBe("accepted");
    expect(await publish("just a text")).toBe("accepted");
    expect(await publish({ text: "👋".repeat(280) })).toBe("accepted");
    for (const data of [
      { text: "👋".repeat(281) },
      { text: " " },
      { text: "a", title: "b".repeat(81) },
      42,
      {},
    ])
      expect(await publish(data), JSON.stringify(data)).toBe(107);
    expect(await publish("no", "another key of 16 characters")).toBe(401);
    expect(await publish("no", null)).toBe(401);
    const [first, second] = await noticesOf(ann);
    expect(first).toEqual({ title: "Build", text: "done", from: { id: "", name: "CI" }, at: time });
    expect(second).toEqual({ text: "just a text", from: { id: "", name: "a program" }, at: time });
  });

  it("has what it had after a restart, where there is a folder, and so has what is read", async () => {
    const data = createTemporaryFolder("notices");
    const first = await ShowcaseServer.start({ data });
    const ann = await first.join("Ann");
    for (const text of ["one", "two", "three"]) await ann.call("notify", { name: "Ann", text });
    const { epoch } = await positionOf(ann);
    await ann.call("markNotices", { epoch, readTo: 1, dismiss: [3] });
    await first.server.close();
    const second = await ShowcaseServer.start({ data });
    const client = second.connect({ Cookie: ann.cookie, Origin: second.url });
    const { publications } = await client.history(channelOf(ann), { limit: 10 });
    expect(publications.map(({ data }) => (data as Notice).text)).toEqual(["one", "two", "three"]);
    expect(await keptMarks(second, ann)).toMatchObject({ epoch, readTo: 1, read: [], dismissed: [3] });
  });

  it("keeps the newest hundred", async () => {
    const { server, ann } = await start();
    for (let count = 1; count <= 101; count++)
      await server.server.publish(channelOf(ann) as never, `number ${count}` as never);
    const texts = (await noticesOf(ann)).map(({ text }) => text);
    expect([texts.length, texts[0], texts.at(-1)]).toEqual([100, "number 2", "number 101"]);
  });
});

describe("a notification to somebody", () => {
  it("finds them by name, and says who it is from", async () => {
    const { server, ann, bo } = await start();
    const subscription = await bo.subscribe(channelOf(bo));
    const heard = next<{ data: Notice }>(subscription, "publication");
    expect(await ann.call("notify", { name: "  bO ", text: " hello " })).toEqual({ name: "Bo" });
    expect((await heard).data).toMatchObject({ text: "hello", from: { id: ann.user, name: "Ann" } });
    expect(await noticesOf(ann)).toEqual([]);
    expect(server.errors).toEqual([]);
  });

  it("is refused where there is nobody, or nothing to say, or too much", async () => {
    const { ann } = await start();
    const notify = (name: string, text: string) => codeOf(ann.call("notify", { name, text }));
    expect(await notify("Nobody", "hi")).toBe(404);
    expect(await notify("Bo", " ")).toBe(107);
    expect(await notify("Bo", "x".repeat(281))).toBe(107);
  });

  it("is refused from who may not write", async () => {
    const { server, ann } = await start();
    await server.api("map_publish", { channel: "sanctions", key: ann.user, data: { kind: "mute" } });
    expect(await codeOf(ann.call("notify", { name: "Bo", text: "hi" }))).toBe(403);
  });

  it("comes at a bounded rate from each, and to each", async () => {
    let time = 1_800_000_000_000;
    const { server, ann, bo } = await start({ now: () => time });
    const notify = (person: Somebody, name: string) => codeOf(person.call("notify", { name, text: "hi" }));
    for (let count = 0; count < 5; count++) expect(await notify(ann, "Bo")).toBe("accepted");
    expect(await notify(ann, "Bo")).toBe(429);
    expect(await notify(bo, "Ann")).toBe("accepted");
    time += 3000;
    expect(await notify(ann, "Bo")).toBe("accepted");
    expect(await notify(ann, "Nobody")).toBe(429);
    // Bo has had six by now, and gets no more than twenty from however many.
    const others = await Promise.all(["Cy", "Di", "Ed"].map((name) => server.join(name)));
    const codes: unknown[] = [];
    for (const other of others) for (let count = 0; count < 5; count++) codes.push(await notify(other, "Bo"));
    // One more came free with the seconds that went by.
    expect(codes.filter((code) => code === "accepted")).toHaveLength(15);
    const fay = await server.join("Fay");
    expect(await notify(fay, "Bo")).toBe(429);
  });
});

describe("a notification in some seconds", () => {
  it("comes then, bounded for each person", async () => {
    const { server, ann } = await start();
    const subscription = await ann.subscribe(channelOf(ann));
    const heard = next<{ data: Notice }>(subscription, "publication");
    const [first, ...others] = await Promise.all(
      [1, 60, 60, 60].map((seconds) => codeOf(ann.call("notifyMe", { seconds }))),
    );
    expect([first, ...others].sort()).toEqual([429, "accepted", "accepted", "accepted"]);
    expect((await heard).data).toMatchObject({ title: "Here it is", from: { id: "", name: "Holdfast" } });
    for (const seconds of [0, 61, 1.5]) expect(await codeOf(ann.call("notifyMe", { seconds }))).toBe(107);
    expect(server.errors).toEqual([]);
  });
});

describe("what is read", () => {
  async function withThree() {
    const started = await start();
    for (const text of ["one", "two", "three"]) await started.ann.call("notify", { name: "Ann", text });
    const { epoch } = await positionOf(started.ann);
    const mark = (change: object) => started.ann.call("markNotices", { epoch, ...change }) as Promise<Marks>;
    return { ...started, epoch, mark };
  }

  it("is kept on the server, and told to all windows of the person, and to no others", async () => {
    const { server, ann, bo, epoch, mark } = await withThree();
    const second = server.connect({ Cookie: ann.cookie, Origin: server.url });
    const map = second.newMapSubscription(marksOf(ann));
    const told = next<{ data: Marks }>(map, "update");
    map.subscribe();
    await map.ready(5000);
    await mark({ read: [2] });
    expect((await told).data).toEqual({ epoch, version: 1, readTo: 0, read: [2], dismissed: [] });
    const others = bo.client.newMapSubscription(marksOf(ann));
    others.subscribe();
    expect(await codeOf(others.ready(5000))).not.toBe("accepted");
    expect(await codeOf(second.publish(marksOf(ann), { readTo: 3 }))).not.toBe("accepted");
    expect(server.errors).toEqual([]);
  });

  it("forgets none of the changes that come at once", async () => {
    const { server, ann, mark } = await withThree();
    await Promise.all([mark({ read: [1] }), mark({ read: [3] }), mark({ dismiss: [2] })]);
    expect(await keptMarks(server, ann)).toMatchObject({ version: 3, readTo: 3, read: [], dismissed: [2] });
  });

  it("is of notifications that there are", async () => {
    const { ann, epoch, mark } = await withThree();
    expect(await mark({ readTo: 9, read: [7], dismiss: [8] })).toMatchObject({
      ...{ readTo: 3, read: [], dismissed: [] },
    });
    expect(await codeOf(ann.call("markNotices", { epoch: "another", readTo: 1 }))).toBe(409);
    for (const change of [{ readTo: 0 }, { read: [0.5] }, { dismiss: Array.from({ length: 101 }, () => 1) }])
      expect(await codeOf(ann.call("markNotices", { epoch, ...change }))).toBe(107);
  });
});
