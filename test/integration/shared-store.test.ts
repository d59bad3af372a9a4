import { Centrifuge, type Subscription } from "centrifuge";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { countTo } from "../../packages/holdfast/test/channels/support/entries.js";
import { CliRun, runCli, type ServerRun, serve } from "../../packages/holdfast/test/cli/run-cli.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const apiKey = "a-key-for-tests-only";

function makeFolder(): string {
  return createTemporaryFolder("shared");
}

/** The first one has the store open. */
async function serveTogether(count: number): Promise<readonly ServerRun[]> {
  const data = makeFolder();
  const servers: ServerRun[] = [];
  for (const _ of countTo(count)) servers.push(await serve("--data", data, "--api-keys", apiKey));
  return servers;
}

async function call<T>({ url }: ServerRun, method: string, params: object): Promise<T> {
  const answer = await fetch(`${url}/api/${method}`, {
    method: "POST",
    headers: { "X-API-Key": apiKey },
    body: JSON.stringify(params),
    signal: AbortSignal.timeout(15_000),
  });
  const { result, error } = (await answer.json()) as { result?: T; error?: { message: string } };
  if (result === undefined) throw new Error(error?.message ?? `status ${answer.status}`);
  return result;
}

interface Entry {
  readonly offset: number;
  readonly data: { readonly from: string; readonly n: number };
}

async function readAll(server: ServerRun): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (;;) {
    const since = entries.length > 0 ? { since: { offset: entries.at(-1)?.offset, epoch: "" } } : {};
    const page = await call<{ publications: Entry[] }>(server, "history", {
      channel: "news",
      limit: 500,
      ...since,
    });
    entries.push(...page.publications);
    if (page.publications.length < 500) return entries;
  }
}

/** A client that counts how often it had to connect. */
function connect({ url }: ServerRun) {
  const client = new Centrifuge(`${url.replace("http", "ws")}/connection/websocket`, {
    websocket: WebSocket,
  });
  onTestFinished(() => client.disconnect());
  const counts = { connects: 0 };
  client.on("connected", () => counts.connects++);
  client.connect();
  return { client, counts };
}

async function follow(server: ServerRun) {
  const { client, counts } = connect(server);
  const subscription: Subscription = client.newSubscription("news");
  const offsets: number[] = [];
  subscription.on("publication", ({ offset = 0 }) => offsets.push(offset));
  const recoveries: boolean[] = [];
  subscription.on("subscribed", ({ recovered }) => recoveries.push(recovered));
  subscription.subscribe();
  await subscription.ready(10_000);
  return { offsets, counts, recoveries };
}

/**
 * Publishes one after the other until `stop`.
 * @param retries whether what fails is repeated under its key
 */
function publishTo(server: ServerRun, from: string, { retries }: { readonly retries: boolean }) {
  const acknowledged: number[] = [];
  let failures = 0;
  let isEnding = false;
  const run = async () => {
    for (let n = 1; !isEnding; n++) {
      const key = retries ? { idempotency_key: `${from}-${n}` } : {};
      for (;;) {
        const result = await call(server, "publish", { channel: "news", data: { from, n }, ...key }).catch(
          () => undefined,
        );
        if (result) acknowledged.push(n);
        else failures++;
        if (result || !retries) break;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  };
  const ended = run();
  return {
    acknowledged,
    get failures() {
      return failures;
    },
    stop: () => {
      isEnding = true;
      return ended;
    },
  };
}

const endings = [
  ["is killed", "SIGKILL"],
  ["closes", "SIGTERM"],
] as const;

describe("servers on one store", () => {
  it("have the same channels, and the same clients in them", async () => {
    const [first, second] = (await serveTogether(2)) as [ServerRun, ServerRun];
    const [here, there] = [await follow(first), await follow(second)];
    for (const n of countTo(10))
      await call(n % 2 ? first : second, "publish", { channel: "news", data: { n } });
    await until(() => here.offsets.length === 10 && there.offsets.length === 10);
    expect(here.offsets).toEqual(countTo(10));
    expect(there.offsets).toEqual(countTo(10));
    expect(await readAll(first)).toEqual(await readAll(second));
    expect(await call(second, "presence_stats", { channel: "news" })).toMatchObject({ num_clients: 2 });
  });

  it("start at the same moment, and elect one that has it open", async () => {
    const data = makeFolder();
    const servers = await Promise.all(countTo(4).map(() => serve("--data", data, "--api-keys", apiKey)));
    for (const [i, server] of servers.entries())
      expect(await call(server, "publish", { channel: "news", data: 1 })).toMatchObject({ offset: i + 1 });
  });

  it.each(endings)(
    "lose and double nothing when the one that has it open %s, and the clients of others stay connected",
    async (_name, signal) => {
      const [owner, second, third] = (await serveTogether(3)) as [ServerRun, ServerRun, ServerRun];
      const readers = [await follow(second), await follow(third)];
      const publishers = [
        publishTo(second, "a", { retries: false }),
        publishTo(third, "b", { retries: false }),
        publishTo(second, "c", { retries: true }),
        publishTo(third, "d", { retries: true }),
      ];
      await until(() => publishers.every(({ acknowledged }) => acknowledged.length > 20));
      const before = publishers.map(({ acknowledged }) => acknowledged.length);
      owner.run.kill(signal);
      await owner.run.exit();
      await until(() =>
        publishers.every(({ acknowledged }, i) => acknowledged.length > (before[i] ?? 0) + 20),
      );
      await Promise.all(publishers.map((publisher) => publisher.stop()));
      const entries = await readAll(third);
      expect(entries.map(({ offset }) => offset)).toEqual(countTo(entries.length));
      for (const [i, from] of ["a", "b", "c", "d"].entries()) {
        const numbers = entries.filter(({ data }) => data.from === from).map(({ data }) => data.n);
        const { acknowledged, failures } = publishers[i] as (typeof publishers)[number];
        // In the order they were published, each once.
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        for (const n of acknowledged) expect(numbers).toContain(n);
        if (i >= 2) expect(numbers).toEqual(acknowledged);
        if (signal === "SIGTERM") expect(failures).toBe(0);
      }
      await until(() => readers.every(({ offsets }) => offsets.length >= entries.length));
      for (const { offsets, counts } of readers) {
        expect(offsets).toEqual(countTo(entries.length));
        expect(counts.connects).toBe(1);
      }
    },
  );

  it("start another epoch for what was shown without being written, when the one that had it is killed", async () => {
    const data = makeFolder();
    const args = ["--data", data, "--api-keys", apiKey, "--durability", "memory"];
    const [owner, second] = [await serve(...args), await serve(...args)];
    const reader = await follow(second);
    const before = await call<{ epoch: string }>(second, "publish", {
      channel: "news",
      data: { from: "a", n: 1 },
    });
    await until(() => reader.offsets.length === 1);
    owner.run.kill("SIGKILL");
    await owner.run.exit();
    // Publishes are refused for the moment, until it has taken over.
    const publishSecond = () =>
      call<{ epoch: string }>(second, "publish", { channel: "news", data: { from: "a", n: 2 } }).catch(
        (error: Error) => {
          if (!error.message.includes("try again")) throw error;
          return undefined;
        },
      );
    let after: { readonly epoch: string } | undefined;
    await until(async () => {
      after = await publishSecond();
      return after !== undefined;
    });
    expect(after?.epoch).not.toBe(before.epoch);
    // It was told to recover, and could not.
    await until(() => reader.recoveries.length === 2);
    expect(reader.recoveries).toEqual([false, false]);
    expect(reader.counts.connects).toBe(1);
  });

  it("refuse publishes while the one that has it open is stopped, and never open it a second time", async () => {
    const [owner, second] = (await serveTogether(2)) as [ServerRun, ServerRun];
    const reader = await follow(second);
    await call(second, "publish", { channel: "news", data: { from: "a", n: 1 } });
    owner.run.kill("SIGSTOP");
    const refused = call(second, "publish", { channel: "news", data: { from: "a", n: 2 } });
    await expect(refused).rejects.toThrow(/not answered|internal|temporar|unavailable|reached/i);
    owner.run.kill("SIGCONT");
    await until(() =>
      call(second, "publish", { channel: "news", data: { from: "a", n: 3 } }).then(
        () => true,
        () => false,
      ),
    );
    const entries = await readAll(owner);
    expect(entries.map(({ offset }) => offset)).toEqual(countTo(entries.length));
    expect(await readAll(second)).toEqual(entries);
    await until(() => reader.offsets.length === entries.length);
    expect(reader.counts.connects).toBe(1);
  });

  it("are refused a store that a server has for itself, and the other way around", async () => {
    const data = makeFolder();
    const own = new CliRun(["serve", "--port", "0"], {
      HOLDFAST_DATA: undefined,
      HOLDFAST_BROKER: `lmdb://${data}`,
    });
    await own.untilSaid(/is listening on/);
    const refused = await runCli(["serve", "--port", "0", "--data", data]);
    expect(refused.err).toContain(`in use by the server with process id ${own.child.pid}`);
    expect(refused.code).toBe(1);
    own.kill("SIGTERM");
    await own.exit();
    const shared = await serve("--data", data);
    const alone = await runCli(["serve", "--port", "0"], {
      HOLDFAST_DATA: undefined,
      HOLDFAST_BROKER: `lmdb://${data}`,
    });
    expect(alone.err).toContain(`in use by the server with process id ${shared.run.child.pid}`);
  });
});
