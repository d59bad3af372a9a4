import { writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ample, countTo, EventRecord, query } from "../../../../../test/conformance/broker/fixture.js";
import { Journal, ReserveJournal } from "../../../src/brokers/lmdb/journal.js";
import { connectToOwner, findOwner, type OwnerRecord } from "../../../src/brokers/lmdb/store-folder.js";
import { encodeCall } from "../../../src/brokers/shared/calls.js";
import { FrameSocket } from "../../../src/brokers/shared/frame-socket.js";
import { encodeFrame, type Frame, FrameReader, kinds } from "../../../src/brokers/shared/frames.js";
import { SharedStore, type SharedStoreOptions } from "../../../src/brokers/shared/shared-store.js";
import { protocolVersion } from "../../../src/brokers/shared/store-server.js";
import { systemClock } from "../../../src/sockets/system-clock.js";
import { createCounter } from "../../support/counter.js";
import { FakeClock } from "../../support/fake-clock.js";
import { until } from "../../support/server.js";
import { createTemporaryFolder } from "../../support/temporary-folder.js";

const createEpoch = createCounter("epoch");

class LinkRecord extends EventRecord {
  readonly links: string[] = [];

  override onDisconnect(): void {
    this.links.push("down");
  }

  override onReconnect(): void {
    this.links.push("up");
  }
}

function createFolder(): string {
  return createTemporaryFolder("shared-store");
}

async function openStore(folder: string, clock: SharedStoreOptions["clock"] = systemClock) {
  const events = new LinkRecord();
  const store = new SharedStore({
    folder,
    clock,
    createEpoch,
    schedule: setImmediate,
    onError: (error) => {
      throw error;
    },
  });
  onTestFinished(() => store.close().catch(() => {}));
  await store.open(events);
  return { store, events };
}

async function openStores(count: number) {
  const folder = createFolder();
  const opened = [];
  for (const _ of countTo(count)) opened.push(await openStore(folder));
  return opened as [Opened, Opened, Opened];
}

type Opened = Awaited<ReturnType<typeof openStore>>;

const publish = ({ store }: Opened, n: number) =>
  store.publish("news", { data: String(n) }, { retention: ample });

describe("store whose owner closes", () => {
  it("is taken over by another process, and nobody notices but by hearing of it", async () => {
    const [owner, ...followers] = await openStores(3);
    for (const { store } of followers) await store.subscribe("news");
    await publish(followers[0] as Opened, 1);
    // Some are on their way.
    const publishes = countTo(50, 2).map((n) => publish(followers[n % 2] as Opened, n));
    await owner.store.close();
    await Promise.all(publishes);
    await until(() => followers.every(({ events }) => events.links.length === 2));
    expect(followers.map(({ store }) => store.isOwner).sort()).toEqual([false, true]);
    for (const { events, store } of followers) {
      expect(events.links).toEqual(["down", "up"]);
      const { publications } = await store.history("news", query());
      expect(publications.map(({ offset }) => offset)).toEqual(countTo(50));
    }
    await publish(followers[0] as Opened, 51);
    await until(() => followers.every(({ events }) => events.offsets("news").at(-1) === 51));
  });

  it("is taken over, too, if it could not be closed properly", async () => {
    const [owner, follower] = await openStores(2);
    await publish(follower, 1);
    const { close } = Journal.prototype;
    const fault = vi.spyOn(Journal.prototype, "close").mockImplementationOnce(async function (
      this: Journal,
      isEmpty: boolean,
    ) {
      await close.call(this, isEmpty);
      throw new Error("the disk is gone");
    });
    const reserveClose = vi.spyOn(ReserveJournal.prototype, "close");
    onTestFinished(() => {
      fault.mockRestore();
      reserveClose.mockRestore();
    });
    await expect(owner.store.close()).rejects.toThrow("the disk is gone");
    expect(reserveClose).toHaveBeenCalledOnce();
    await until(() => follower.store.isOwner);
    expect(await publish(follower, 2)).toMatchObject({ position: { offset: 2 } });
  });

  it("knows what the processes that are left had counted, and not what the closed one had", async () => {
    const [owner, first, second] = await openStores(3);
    expect(await owner.store.counts.take("a", 3)).toBe(true);
    expect(await first.store.counts.take("a", 3)).toBe(true);
    expect(await second.store.counts.take("a", 3)).toBe(true);
    expect(await second.store.counts.take("a", 3)).toBe(false);
    await owner.store.close();
    expect(await first.store.counts.take("a", 3)).toBe(true);
    expect(await second.store.counts.take("a", 3)).toBe(false);
    expect(await first.store.counts.take("a", 3)).toBe(false);
  });
});

describe("process that was no follower and takes over", () => {
  it("waits for the counts of the followers of an owner that was killed", async () => {
    const folder = createFolder();
    const left = { pid: 1, socket: "owner-gone.sock", key: "k" };
    writeFileSync(join(folder, "owner.json"), JSON.stringify(left));
    const clock = new FakeClock();
    const { store } = await openStore(folder, clock);
    let isTaken: boolean | undefined;
    void store.counts.take("a", 1).then((taken) => {
      isTaken = taken;
    });
    const owner = findOwner(folder) as OwnerRecord;
    const hello = { version: protocolVersion, key: owner.key, follower: "x" };
    const resume = { method: "resume", channels: [], counts: [["a", 1]] } as const;
    const socket = await connectToOwner(folder, owner);
    onTestFinished(() => void socket.destroy());
    const came: Frame[] = [];
    const reader = new FrameReader();
    socket.on("data", (chunk) => came.push(...reader.read(chunk)));
    socket.write(encodeFrame(kinds.hello, 0, hello));
    socket.write(encodeCall(1, resume));
    await until(() => came.some(({ kind }) => kind === kinds.result));
    expect(isTaken).toBeUndefined();
    clock.advance(600);
    await until(() => isTaken !== undefined);
    expect(isTaken).toBe(false);
    expect(await store.counts.take("a", 2)).toBe(true);
  });

  it("waits for nobody after an owner that has closed", async () => {
    const folder = createFolder();
    const first = await openStore(folder);
    await first.store.close();
    const { store } = await openStore(folder, new FakeClock());
    expect(await store.counts.take("a", 1)).toBe(true);
  });
});

describe("store with a long path", () => {
  it("is shared, too", async () => {
    const folder = join(createFolder(), "d".repeat(100), "e".repeat(100));
    const [owner, follower] = [await openStore(folder), await openStore(folder)];
    expect([owner.store.isOwner, follower.store.isOwner]).toEqual([true, false]);
    expect(await publish(follower, 1)).toMatchObject({ position: { offset: 1 } });
  });
});

describe("messages of nodes", () => {
  it("reach one node, or all others, in order, also after another process has taken over", async () => {
    const stores = await openStores(3);
    const got = stores.map(() => [] as string[]);
    for (const [i, { store }] of stores.entries())
      await store.bus.open(`node-${i}`, {
        onMessage: (message) => got[i]?.push(Buffer.from(message).toString()),
        onConnect: () => got[i]?.push("connected"),
        onDisconnect: () => got[i]?.push("disconnected"),
        onNodeLost: () => {},
      });
    const [owner, first, second] = stores;
    for (const n of countTo(3)) first.store.bus.send(Buffer.from(String(n)));
    first.store.bus.send(Buffer.from("for one"), "node-2");
    owner.store.bus.send(Buffer.from("of the owner"), "node-1");
    await until(() => got[2]?.length === 4 && got[0]?.length === 3 && got[1]?.length === 1);
    expect(got).toEqual([["1", "2", "3"], ["of the owner"], ["1", "2", "3", "for one"]]);
    await owner.store.close();
    await until(() => got[1]?.at(-1) === "connected" && got[2]?.at(-1) === "connected");
    second.store.bus.send(Buffer.from("again"));
    await until(() => got[1]?.at(-1) === "again");
  });
});

describe("node whose process has left", () => {
  async function join(stores: readonly Opened[]): Promise<string[][]> {
    const lost = stores.map(() => [] as string[]);
    for (const [i, { store }] of stores.entries())
      await store.bus.open(`node-${i}`, {
        onMessage() {},
        onConnect() {},
        onDisconnect() {},
        onNodeLost: (node) => lost[i]?.push(node),
      });
    return lost;
  }

  it("is told of to all others", async () => {
    const stores = await openStores(3);
    const lost = await join(stores);
    await stores[2].store.close();
    await until(() => lost[0]?.length === 1 && lost[1]?.length === 1);
    expect(lost).toEqual([["node-2"], ["node-2"], []]);
  });

  it("is not told of while it has another connection", async () => {
    const stores = await openStores(3);
    const lost = await join(stores);
    const { bus } = stores[2].store;
    await bus.open("node-1", { onMessage() {}, onConnect() {}, onDisconnect() {}, onNodeLost() {} });
    await stores[1].store.close();
    await stores[2].store.close();
    const owner = stores[0].store;
    await until(() => (owner.sizes as { followers?: number }).followers === 0);
    expect(lost[0]).toEqual(["node-1"]);
  });

  it("is told of once others have taken over, if it was the owner's", async () => {
    const stores = await openStores(3);
    const lost = await join(stores);
    await stores[0].store.close();
    await until(() => lost[1]?.length === 1 && lost[2]?.length === 1);
    expect(lost).toEqual([[], ["node-0"], ["node-0"]]);
  });

  it("is told of to others, and not of the owner's own, where only a connection has ended", async () => {
    const stores = await openStores(2);
    const lost = await join(stores);
    const { destroy } = FrameSocket.prototype;
    const sockets = new Set<FrameSocket>();
    const send = vi.spyOn(FrameSocket.prototype, "send").mockImplementation(function (this: FrameSocket) {
      sockets.add(this);
    });
    stores[1].store.bus.send(Buffer.from("lost with the connection"));
    send.mockRestore();
    for (const socket of sockets) destroy.call(socket);
    await until(() => stores[1].events.links.length === 2);
    await until(() => lost[0]?.length === 1);
    expect(lost).toEqual([["node-1"], []]);
  });
});

describe("process that connects to the owner", () => {
  it.each([
    ["another version", { version: protocolVersion + 1 }, "Run the same version of Holdfast"],
    ["another key", { key: "x".repeat(32) }, "the key is not its own"],
  ])("is refused with %s", async (_name, different, message) => {
    const folder = createFolder();
    await openStore(folder);
    const owner = findOwner(folder) as OwnerRecord;
    const frames = await say(await connectToOwner(folder, owner), [
      encodeFrame(kinds.hello, 0, { version: protocolVersion, key: owner.key, follower: "x", ...different }),
    ]);
    expect(frames).toMatchObject([{ kind: kinds.refusal, head: { code: "HF_STORE_IN_USE" } }]);
    expect(JSON.stringify(frames[0]?.head)).toContain(message);
  });

  it.each([
    ["speaks something else", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    [
      "calls before it has said hello",
      encodeFrame(kinds.call, 1, { method: "heads", channels: [], floors: [] }),
    ],
  ])("and %s loses its connection, and the owner serves on", async (_name, bytes) => {
    const folder = createFolder();
    const owner = await openStore(folder);
    expect(await say(await connectToOwner(folder, findOwner(folder) as OwnerRecord), [bytes])).toEqual([]);
    expect(await publish(owner, 1)).toMatchObject({ position: { offset: 1 } });
  });
});

/** @returns what the owner says until it ends the connection, but for that it opens the store */
function say(socket: Socket, frames: readonly Buffer[]): Promise<Frame[]> {
  const reader = new FrameReader();
  const came: Frame[] = [];
  socket.on("data", (chunk) => came.push(...reader.read(chunk)));
  for (const frame of frames) socket.write(frame);
  return new Promise((resolve) => socket.once("close", () => resolve(came)));
}
