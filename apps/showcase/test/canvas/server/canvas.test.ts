import { describe, expect, it, vi } from "vitest";
import type { Publication } from "../../../../../packages/client/src/node.js";
import {
  type BoardEvent,
  boardHeight,
  boardWidth,
  type CursorEvent,
  logSize,
  maxPoints,
  type PartEvent,
} from "../../../canvas/server/board.js";
import { codeOf, ShowcaseServer, type Somebody } from "../../server/support/showcase-server.js";
import { openClient } from "../../server/support/typed-client.js";

const patience = { timeout: 30_000, interval: 10 };
const channel = "canvas:harbour";
const part: PartEvent = { kind: "part", stroke: "s1", n: 0, colour: 0, width: 1, points: [10, 20, 50] };

describe("a board", () => {
  it("keeps what is drawn, by whom the server knows the author to be", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    const events: BoardEvent[] = [part, { kind: "undo", stroke: "s1" }, { kind: "clear" }];
    for (const event of events) await ann.client.publish(channel, event);
    const bo = await server.join("Bo");
    const { publications } = await bo.client.history(channel, { limit: 10 });
    expect(publications.map(({ data }) => data)).toEqual(events);
    expect(publications.map(({ info }) => [info?.user, info?.connInfo])).toEqual(
      events.map(() => [ann.user, { name: "Ann" }]),
    );
    expect(server.errors).toEqual([]);
  });

  it("takes nothing that is out of bounds", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    const draw = (changes: object) => codeOf(ann.client.publish(channel, { ...part, ...changes }));
    const line = (count: number) => Array.from({ length: 3 * count }, () => 50);
    expect(await draw({ points: line(maxPoints) })).toBe("accepted");
    expect(await draw({ points: [boardWidth, boardHeight, 100, 0, 0, 0] })).toBe("accepted");
    const wrong: object[] = [
      { points: line(maxPoints + 1) },
      ...[[], [1, 2], [1, 2, 3, 4], [-1, 0, 0], [boardWidth + 1, 0, 0], [0, boardHeight + 1, 0]].map(
        (points) => ({ points }),
      ),
      ...[
        [0, 0, 101],
        [0.5, 0, 0],
        ["1", 0, 0],
        [null, 0, 0],
      ].map((points) => ({ points })),
      ...["", "a".repeat(25), "a b", "<b>"].map((stroke) => ({ stroke })),
      ...[{ n: -1 }, { n: 1000 }, { colour: 8 }, { width: 4 }, { width: 0.5 }, { author: "bo" }],
      ...[{ kind: "erase" }, { kind: "clear" }, { kind: undefined }],
    ];
    for (const changes of wrong) expect([changes, await draw(changes)]).toEqual([changes, 107]);
  });

  it("is one of a few, and of people who are welcome", async () => {
    const server = await ShowcaseServer.start();
    const [ann, bo] = [await server.join("Ann"), await server.join("Bo")];
    for (const name of ["canvas:nowhere", "canvas:harbour:2", "cursors:nowhere"]) {
      const subscription = ann.client.newSubscription(name);
      subscription.subscribe();
      expect(await codeOf(subscription.ready(5000))).not.toBe("accepted");
      expect(await codeOf(ann.client.publish(name, part))).toBe(103);
    }
    // Who is banned before that cannot even connect.
    await bo.client.ready();
    await server.api("map_publish", { channel: "sanctions", key: bo.user, data: { kind: "ban" } });
    for (const name of [channel, "cursors:harbour"]) {
      expect(await codeOf(bo.client.publish(name, name === channel ? part : {}))).toBe(103);
      expect(await codeOf(bo.client.history(name, { limit: 1 }))).toBe(103);
      const subscription = bo.client.newSubscription(name);
      subscription.subscribe();
      expect(await codeOf(subscription.ready(5000))).not.toBe("accepted");
    }
  });

  it("takes so many messages a second of a player, and more a moment later", async () => {
    let time = Date.now();
    const server = await ShowcaseServer.start({ now: () => time });
    const [ann, bo] = [await server.join("Ann"), await server.join("Bo")];
    const many = async (player: Somebody, name: string, data: unknown, count: number) => {
      const codes = await Promise.all(
        Array.from({ length: count }, () => codeOf(player.client.publish(name, data))),
      );
      return { accepted: codes.filter((code) => code === "accepted").length, others: new Set(codes) };
    };
    for (const [name, data] of [
      [channel, part],
      ["cursors:harbour", { x: 1, y: 1 }],
    ] as const) {
      const { accepted, others } = await many(ann, name, data, 80);
      expect([accepted, [...others]]).toEqual([60, ["accepted", 429]]);
      expect((await many(bo, name, data, 10)).accepted).toBe(10);
    }
    time += 1000;
    expect((await many(ann, channel, part, 80)).accepted).toBe(30);
  });

  it("keeps so many publications, of which the oldest go", async () => {
    const server = await ShowcaseServer.start();
    for (let n = 0; n < logSize + 10; n++) await server.server.publish(channel, { ...part, stroke: `s${n}` });
    const ann = openClient(server, await server.join("Ann"));
    const board = ann.channel("canvas:{board}", { board: "harbour" });
    const read: string[] = [];
    let since = (await board.history({ limit: 0 })).position;
    const { epoch } = since;
    since = { epoch, offset: since.offset + 1 };
    for (;;) {
      const { publications } = await board.history({ since, limit: 250, reverse: true });
      if (publications.length === 0) break;
      for (const { data } of publications) if (data.kind === "part") read.push(data.stroke);
      since = { epoch, offset: publications.at(-1)?.offset ?? 0 };
      if (since.offset <= 11) break;
    }
    expect([read.length, read[0], read.at(-1)]).toEqual([logSize, `s${logSize + 9}`, "s10"]);
  });

  it("has a stroke once that was sent twice, and all that was drawn while the line was cut", async () => {
    const server = await ShowcaseServer.start();
    const ann = openClient(server, await server.join("Ann"));
    const bo = openClient(server, await server.join("Bo"));
    const seen: Publication<BoardEvent>[] = [];
    const boards = [ann, bo].map((client) => client.channel("canvas:{board}", { board: "harbour" }));
    const [annBoard, boBoard] = boards as [(typeof boards)[0], (typeof boards)[0]];
    boBoard.subscribe((publication) => seen.push(publication));
    await vi.waitFor(() => expect(boBoard.status.state).toBe("subscribed"), patience);
    const at = await annBoard.publish(part, { idempotencyKey: "s1:0" });
    expect(await annBoard.publish(part, { idempotencyKey: "s1:0" })).toEqual(at);
    ann.reconnect();
    bo.reconnect();
    const more = Array.from({ length: 20 }, (_, n) => ({ ...part, n: n + 1 }));
    await Promise.all(
      more.map((each) => annBoard.publish(each, { idempotencyKey: `${each.stroke}:${each.n}` })),
    );
    await vi.waitFor(() => expect(seen).toHaveLength(21), patience);
    expect(seen.map(({ data }) => (data.kind === "part" ? data.n : -1))).toEqual([
      0,
      ...more.map(({ n }) => n),
    ]);
  });
});

describe("cursors", () => {
  it("of eight players, twenty times a second each, reach all the others", async () => {
    const server = await ShowcaseServer.start();
    const [players, updates] = [8, 60];
    const people = await Promise.all(
      Array.from({ length: players }, (_, number) => server.join(`Player ${number}`)),
    );
    const seen = people.map(() => new Map<string, CursorEvent[]>());
    const cursors = people.map((person, number) => {
      const cursor = openClient(server, person).channel("cursors:{board}", { board: "reef" });
      cursor.subscribe(({ data, info }) => {
        const from = info?.user ?? "";
        seen[number]?.set(from, [...(seen[number]?.get(from) ?? []), data]);
      });
      return cursor;
    });
    await vi.waitFor(() => {
      for (const cursor of cursors) expect(cursor.status.state).toBe("subscribed");
    }, patience);
    // As often as pages send; how long a busy machine takes over it is not asked.
    await Promise.all(
      cursors.map(async (cursor) => {
        for (let x = 0; x < updates; x++) {
          const pause = new Promise((resolve) => setTimeout(resolve, 50));
          await cursor.publish({ x, y: 0 });
          await pause;
        }
      }),
    );
    const all = Array.from({ length: updates }, (_, x) => ({ x, y: 0 }));
    await vi.waitFor(() => {
      for (const each of seen) for (const { user } of people) expect(each.get(user)?.length).toBe(updates);
    }, patience);
    for (const each of seen) for (const { user } of people) expect(each.get(user)).toEqual(all);
    expect(server.errors).toEqual([]);
  });

  it("say who is there, and tell of who leaves", async () => {
    const server = await ShowcaseServer.start();
    const [ann, bo] = [await server.join("Ann"), await server.join("Bo")];
    const cursors = openClient(server, ann).channel("cursors:{board}", { board: "reef" });
    const left: string[] = [];
    cursors.subscribe({ onLeave: ({ user }) => left.push(user) });
    const other = openClient(server, bo);
    other.channel("cursors:{board}", { board: "reef" }).subscribe(() => {});
    const names = async () =>
      (await cursors.presence()).map(({ connInfo }) => (connInfo as { name: string }).name).sort();
    await vi.waitFor(async () => expect(await names()).toEqual(["Ann", "Bo"]), patience);
    other.close();
    await vi.waitFor(() => expect(left).toEqual([bo.user]), patience);
    expect(await names()).toEqual(["Ann"]);
  });

  it("are on the board or away, and nothing else", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    const point = (data: unknown) => codeOf(ann.client.publish("cursors:harbour", data));
    for (const data of [{}, { x: 0, y: boardHeight }, { x: boardWidth, y: 0, colour: 7 }])
      expect(await point(data)).toBe("accepted");
    for (const data of [{ x: -1, y: 0 }, { x: 0, y: boardHeight + 1 }, { x: 0.5 }, { name: "Bo" }, 7, null])
      expect([data, await point(data)]).toEqual([data, 107]);
    const { publications } = await ann.client
      .history("cursors:harbour", { limit: 5 })
      .catch(() => ({ publications: [] }));
    expect(publications).toEqual([]);
  });
});

describe("too much", () => {
  it("is refused by person, over however many sockets and requests it comes", async () => {
    const now = Date.now();
    const server = await ShowcaseServer.start({ now: () => now });
    const ann = await server.join("Ann");
    const codes: (number | "accepted")[] = [];
    for (let n = 0; n < 30; n++) codes.push(await codeOf(ann.client.publish(channel, { ...part, n })));
    const second = server.connect({ Cookie: ann.cookie, Origin: server.url });
    for (let n = 30; n < 60; n++) codes.push(await codeOf(second.publish(channel, { ...part, n })));
    expect(new Set(codes)).toEqual(new Set(["accepted"]));
    expect(await codeOf(second.publish(channel, part))).toBe(429);
    const { status } = await server.post(`/channels/${encodeURIComponent(channel)}`, part, {
      Cookie: ann.cookie,
    });
    expect(status).toBe(429);
    const bo = await server.join("Bo");
    expect(await codeOf(bo.client.publish(channel, part))).toBe("accepted");
  });

  it("of clearing is refused for good, and drawing goes on", async () => {
    let now = Date.now();
    const server = await ShowcaseServer.start({ now: () => now });
    const ann = await server.join("Ann");
    const clear = () => codeOf(ann.client.publish(channel, { kind: "clear" }));
    expect([await clear(), await clear(), await clear(), await clear()]).toEqual([
      ...["accepted", "accepted", "accepted", 403],
    ]);
    expect(await codeOf(ann.client.publish(channel, part))).toBe("accepted");
    now += 20_000;
    expect(await clear()).toBe("accepted");
  });
});
