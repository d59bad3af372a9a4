/** The lab's methods: who may run it, for how long, and what is told of it. The lab's own servers are played here. */
import type { Centrifuge } from "centrifuge";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  createServer,
  defineApp,
  type HoldfastServer,
  version as ownVersion,
} from "../../../../../packages/holdfast/src/index.js";
import { connectSdk } from "../../../../../packages/holdfast/test/support/app-server.js";
import { until } from "../../../../../packages/holdfast/test/support/server.js";
import {
  type LabServer,
  resolveLabSettings,
  type SocketTraffic,
} from "../../../../../packages/lab/src/index.js";
import type { LabResult, LabSettings } from "../../../../../packages/lab/src/report/index.js";
import { BrowserBench } from "../../../lab/server/bench.js";
import { createLab, type LabParts } from "../../../lab/server/lab.js";
import type { Bench, BenchMessage, LabUpdate } from "../../../lab/server/protocol.js";
import { Store } from "../../../server/store.js";
import { HandClock } from "../../server/support/hand-clock.js";

class FakeLabServer implements LabServer {
  static readonly all: FakeLabServer[] = [];
  readonly channel = "lab";
  readonly port = 4000 + FakeLabServer.all.length;
  readonly serverPort = this.port;
  readonly apiKey = "key";
  readonly published: BenchMessage[] = [];
  isClosed = false;
  cuts: boolean[] = [];

  async sample() {
    return { atMs: 0, userMs: 130, systemMs: 7, rss: 1000, rssPeak: 1000, heapUsed: 1, loopDelayP99Ms: 0 };
  }
  sampleAfterGc = async () => ({ ...(await this.sample()), userMs: 100, systemMs: 5, rss: 900 });
  startWindow = () => this.sample();
  connections = async () => 1;
  traffic = async (): Promise<SocketTraffic> => ({ connections: 1, bytesUp: 10, bytesDown: 20 });
  publish = async (data: unknown) => void this.published.push(data as BenchMessage);
  setCutting = async (isOn: boolean) => this.cuts.push(isOn);
  close = async () => {
    this.isClosed = true;
  };
}

const request = { transports: ["poll", "websocket"], ratePerSecond: 20, sizeBytes: 100, durationMs: 3000 };

async function startLab(parts: Partial<LabParts> = {}, banned: string[] = [], clock?: HandClock) {
  FakeLabServer.all.length = 0;
  const store = new Store();
  const errors: unknown[] = [];
  const openServer = async () => {
    const server = new FakeLabServer();
    FakeLabServer.all.push(server);
    return server;
  };
  const lab = createLab(
    {
      store,
      isWelcome: async ({ id }) => !banned.includes(id),
      mayLook: async ({ id }) => !banned.includes(id),
      now: clock?.now ?? Date.now,
      durability: "memory",
      onError: (error) => errors.push(error),
    },
    { openServer, run: async () => emptyResult, ...(clock && { repeat: clock.repeat }), ...parts },
  );
  const app = defineApp({
    authenticate: async ({ data }) => ({ id: String(data), info: { name: String(data) } }),
    channels: lab.channels,
    rpc: lab.rpc,
  });
  const server = createServer(app, { port: 0, pages: null });
  store.use(server as unknown as HoldfastServer);
  onTestFinished(async () => {
    lab.running.stop();
    await server.close();
  });
  const { port } = await server.listen();
  const join = (name: string) => connectSdk(`ws://127.0.0.1:${port}/connection/websocket`, { data: name });
  return { join, errors, lab };
}

const emptyResult = { version: "1", startedAt: "", measurements: [] } as unknown as LabResult;

async function call<Result>(client: Centrifuge, method: string, data: unknown = {}): Promise<Result> {
  return (await client.rpc(method, data)).data as Result;
}

async function refusalOf(answer: Promise<unknown>): Promise<string> {
  return await answer.then(
    () => "accepted",
    ({ code, message }: { code: number; message: string }) => `${code} ${message}`,
  );
}

async function follow(client: Centrifuge, run: string): Promise<LabUpdate[]> {
  const updates: LabUpdate[] = [];
  const subscription = client.newSubscription(`lab:${run}`);
  subscription.on("publication", ({ data }) => updates.push(data as LabUpdate));
  subscription.subscribe();
  await subscription.ready(5000);
  return updates;
}

describe("a run in a browser", () => {
  it("has a server for each transport that browsers have, which all get the same messages", async () => {
    const { join, errors } = await startLab();
    const ann = await join("Ann");
    const { run, channel, lines, version, machine } = await call<Bench>(ann, "labOpen", {
      ...request,
      transports: ["websocket", "websocket-h2", "poll"],
      cutEveryMs: 1000,
    });
    expect([version, machine.cores > 0, machine.memoryBytes > 0]).toEqual([ownVersion, true, true]);
    expect([channel, lines]).toEqual([
      "lab",
      [expect.objectContaining({ transport: "poll" }), expect.objectContaining({ transport: "websocket" })],
    ]);
    const updates = await follow(ann, run);
    await call(ann, "labStart", { run });
    await until(() => updates.some((each) => each.type === "bench" && each.isOver));
    const [poll, socket] = FakeLabServer.all as [FakeLabServer, FakeLabServer];
    expect(poll.published.map(({ n }) => n)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(socket.published).toEqual(poll.published);
    for (const message of poll.published) expect(JSON.stringify(message).length).toBe(100);
    // Compressing the responses to polls must be no bargain that other messages would not be.
    expect(new Set(poll.published[0]?.pad).size).toBeGreaterThan(20);
    const gaps = poll.published
      .slice(1)
      .map(({ at }, index) => at - (poll.published[index] as BenchMessage).at);
    for (const gap of gaps) expect(gap).toBeCloseTo(50, 1);
    expect(poll.cuts).toEqual([true, false]);
    const last = await call<Extract<LabUpdate, { type: "bench" }>>(ann, "labRead", { run });
    expect(last).toMatchObject({ published: 60, isOver: true, use: { poll: { bytesUp: 0, bytesDown: 0 } } });
    expect(last.use.poll).toMatchObject({ cpuMs: 32, userMs: 30, systemMs: 2, rssBefore: 900, rss: 1000 });
    // The last word is said once.
    expect(updates.filter((each) => each.type === "bench" && each.isOver)).toHaveLength(1);
    await call(ann, "labEnd", { run });
    expect(FakeLabServer.all.map(({ isClosed }) => isClosed)).toEqual([true, true]);
    expect(errors).toEqual([]);
  });

  it("is one at a time, and its own person's alone", async () => {
    const { join } = await startLab();
    const [ann, bo] = [await join("Ann"), await join("Bo")];
    const { run } = await call<{ run: string }>(ann, "labOpen", request);
    expect(await refusalOf(bo.rpc("labOpen", request))).toMatch(
      /^409 Ann is using the lab: try again in about (?:10|11) s$/,
    );
    expect(await refusalOf(bo.rpc("labMeasure", request))).toMatch(/^409/);
    for (const method of ["labStart", "labRead", "labEnd"])
      expect(await refusalOf(bo.rpc(method, { run }))).toBe("404 that run of the lab is over");
    // Who begins anew, as after a reload, ends what they had.
    const again = await call<{ run: string }>(ann, "labOpen", request);
    expect(FakeLabServer.all.slice(0, 2).every(({ isClosed }) => isClosed)).toBe(true);
    await call(ann, "labEnd", { run: again.run });
    expect(await refusalOf(bo.rpc("labOpen", request))).toBe("accepted");
  });

  it("begins once, and leaves no timer behind", async () => {
    const clock = new HandClock();
    const { join, lab } = await startLab({}, [], clock);
    const ann = await join("Ann");
    const { run } = await call<{ run: string }>(ann, "labOpen", request);
    const codes = await Promise.all([1, 2, 3].map(() => refusalOf(ann.rpc("labStart", { run }))));
    expect(codes.sort()).toEqual([
      "409 that run has already started",
      "409 that run has already started",
      "accepted",
    ]);
    // One that publishes, and one that looks whether anybody is there.
    expect(clock.timers).toBe(2);
    await call(ann, "labEnd", { run });
    expect(clock.timers).toBe(0);
    lab.running.stop();
  });

  it("ends when nobody follows it any more, and not for a cut line", async () => {
    const clock = new HandClock();
    const { join } = await startLab({}, [], clock);
    const [ann, bo] = [await join("Ann"), await join("Bo")];
    const { run } = await call<{ run: string }>(ann, "labOpen", request);
    const subscription = ann.newSubscription(`lab:${run}`);
    subscription.subscribe();
    await subscription.ready(5000);
    await clock.advance(10_000);
    subscription.unsubscribe();
    await clock.advance(10_000);
    subscription.subscribe();
    await subscription.ready(5000);
    await clock.advance(10_000);
    expect(FakeLabServer.all.map(({ isClosed }) => isClosed)).toEqual([false, false]);
    ann.disconnect();
    await until(async () => {
      await clock.advance(1000);
      return FakeLabServer.all.every(({ isClosed }) => isClosed);
    });
    expect(clock.timers).toBe(0);
    expect(await refusalOf(bo.rpc("labOpen", request))).toBe("accepted");
  });

  it("does not go on for good where somebody only looks at it", async () => {
    const clock = new HandClock();
    const { join } = await startLab({}, [], clock);
    const ann = await join("Ann");
    const { run } = await call<{ run: string }>(ann, "labOpen", request);
    const updates = await follow(ann, run);
    await clock.advance(request.durationMs + 8000 + 60_000);
    expect(FakeLabServer.all.some(({ isClosed }) => isClosed)).toBe(false);
    await until(async () => {
      await clock.advance(1000);
      return FakeLabServer.all.every(({ isClosed }) => isClosed);
    });
    await until(() => updates.some((each) => each.type === "ended"));
  });

  it("has never more servers than one run needs, however often it is asked for", async () => {
    let alive = 0;
    let most = 0;
    const { join } = await startLab({
      openServer: async () => {
        const server = new FakeLabServer();
        most = Math.max(most, ++alive);
        server.close = async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          alive--;
        };
        await new Promise((resolve) => setTimeout(resolve, 5));
        return server;
      },
    });
    const ann = await join("Ann");
    const responses = Array.from({ length: 12 }, () => refusalOf(ann.rpc("labOpen", request)));
    expect(await Promise.all(responses)).toContain("accepted");
    for (let count = 0; count < 5; count++) await refusalOf(ann.rpc("labOpen", request));
    expect(most).toBe(2);
  });

  it("waits for servers that take longer to start than a call may", async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { join } = await startLab({
      openServer: async () => {
        await released;
        return new FakeLabServer();
      },
    });
    const ann = await join("Ann");
    const { data } = await ann.rpc("labOpen", request);
    expect(data).toEqual({ run: expect.any(String) });
    release();
    expect((await ann.rpc("labOpened", data)).data).toMatchObject({
      run: data.run,
      lines: expect.any(Array),
    });
    await expect(ann.rpc("labOpened", { run: "another" })).rejects.toMatchObject({ code: 404 });
  });

  it("leaves no server behind when one of them does not come up", async () => {
    let count = 0;
    const { join } = await startLab({
      openServer: async () => {
        if (++count === 2) throw new Error("no port is free");
        const server = new FakeLabServer();
        FakeLabServer.all.push(server);
        return server;
      },
    });
    const ann = await join("Ann");
    expect(await refusalOf(ann.rpc("labOpen", request))).toBe("409 no port is free");
    expect(FakeLabServer.all.map(({ isClosed }) => isClosed)).toEqual([true]);
    expect(await refusalOf(ann.rpc("labOpen", { ...request, transports: ["poll"] }))).toBe("accepted");
  });

  it("ends with the showcase also while its servers come up", async () => {
    let comeUp = () => {};
    const up = new Promise<void>((resolve) => {
      comeUp = resolve;
    });
    const { join, lab } = await startLab({
      openServer: async () => {
        const server = new FakeLabServer();
        FakeLabServer.all.push(server);
        await up;
        return server;
      },
    });
    const opening = refusalOf((await join("Ann")).rpc("labOpen", request));
    await until(() => FakeLabServer.all.length === 2);
    lab.running.stop();
    comeUp();
    expect(await opening).toMatch(/^409 .*the lab was closed/);
    expect(FakeLabServer.all.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it("ends with the showcase", async () => {
    const { join, lab } = await startLab();
    await call(await join("Ann"), "labOpen", request);
    lab.running.stop();
    await until(() => FakeLabServer.all.every(({ isClosed }) => isClosed));
  });

  it.each([
    [{ ratePerSecond: 51 }, "ratePerSecond"],
    [{ durationMs: 31_000 }, "durationMs"],
    [{ sizeBytes: 5000 }, "sizeBytes"],
    [{ users: 301 }, "users"],
    [{ transports: [] }, "transports"],
    [{ transports: ["pigeon"] }, "transports"],
    [{ delayMs: 10, jitterMs: 20 }, "jitterMs"],
    [{ ratePerSecond: 0.05, durationMs: 3000 }, "durationMs"],
  ])("is refused with %j, and %s is runSchema", async (part, name) => {
    const { join } = await startLab();
    const ann = await join("Ann");
    for (const method of ["labOpen", "labMeasure"])
      expect(await refusalOf(ann.rpc(method, { ...request, ...part }))).toMatch(
        new RegExp(`^(?:400|107) .*${name}`),
      );
    expect(FakeLabServer.all).toEqual([]);
  });

  it("is not for who is banned", async () => {
    const { join } = await startLab({}, ["Ann"]);
    const ann = await join("Ann");
    expect(await refusalOf(ann.rpc("labOpen", request))).toBe("403 a moderator has banned you");
  });
});

describe("a bench", () => {
  it("publishes when it is due, says that it is over once, and has no timer then", async () => {
    FakeLabServer.all.length = 0;
    const clock = new HandClock();
    const told: LabUpdate[] = [];
    const server = new FakeLabServer();
    const bench = new BrowserBench(
      resolveLabSettings({ ...request, transports: ["poll"], ratePerSecond: 2 }),
      {
        open: async () => server,
        now: clock.now,
        every: clock.repeat,
        tell: (update) => told.push(update),
        onError: (error) => {
          throw error;
        },
      },
    );
    await bench.open();
    const startedAt = clock.now();
    expect([await bench.start(), await bench.start(), clock.timers]).toEqual([true, false, 1]);
    await clock.advance(1000);
    expect(server.published.map(({ n, at }) => [n, at - startedAt])).toEqual([
      [1, 500],
      [2, 1000],
    ]);
    await clock.advance(10_000);
    expect([server.published.length, clock.timers]).toEqual([6, 0]);
    expect(told.filter((update) => update.type === "bench" && update.isOver)).toHaveLength(1);
    await bench.close();
  });
});

describe("a run with users that the server plays", () => {
  it("tells how it stands, and what came of it", async () => {
    const asked: LabSettings[] = [];
    let go = () => {};
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { join } = await startLab({
      run: async (settings, { onProgress, onSample } = {}) => {
        asked.push(settings);
        await gone;
        onProgress?.({ transport: "websocket", index: 1, count: 2 });
        onSample?.({ transport: "websocket", phase: "opening", progress: 0.5, secondsLeft: 1, opened: 3 });
        return emptyResult;
      },
    });
    const ann = await join("Ann");
    const { run } = await call<{ run: string }>(ann, "labMeasure", { ...request, users: 7 });
    const updates = await follow(ann, run);
    go();
    await until(() => updates.some((each) => each.type === "result"));
    expect(asked).toEqual([
      expect.objectContaining({ users: 7, transports: ["poll", "websocket"], ratePerSecond: 20 }),
    ]);
    expect(updates.at(-1)).toEqual({ type: "result", result: emptyResult });
    // It is free again at once, for anybody.
    expect(await refusalOf((await join("Bo")).rpc("labMeasure", request))).toBe("accepted");
  });

  it("can be stopped, and says so when it fails", async () => {
    const { join } = await startLab({
      run: async (_, { signal } = {}) => {
        await new Promise((resolve) => signal?.addEventListener("abort", resolve));
        throw new Error("a server ended");
      },
    });
    const ann = await join("Ann");
    const { run } = await call<{ run: string }>(ann, "labMeasure", request);
    const updates = await follow(ann, run);
    await call(ann, "labEnd", { run });
    await until(() => updates.some((each) => each.type === "failed"));
    expect(updates.at(-1)).toEqual({ type: "failed", why: "a server ended" });
    expect(await refusalOf(ann.rpc("labEnd", { run }))).toMatch(/^404/);
  });
});
