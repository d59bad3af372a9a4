/**
 * A running server, and WebSockets that send it anything: each command has its answer or the connection a code, a client
 * of the published SDK beside them notices nothing, and nothing of them is left.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { jwt } from "../../packages/holdfast/src/index.js";
import {
  connectSdk,
  secret,
  startApp,
  subscribeSdk,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { createFuzzApp, isOwnFault } from "../../packages/holdfast/test/support/fuzz/app.js";
import {
  type Ending,
  expectedAnswers,
  findFaults,
  hasFailingConnect,
} from "../../packages/holdfast/test/support/fuzz/expectations.js";
import { framesOf } from "../../packages/holdfast/test/support/fuzz/frames.js";
import { fuzzSeed } from "../../packages/holdfast/test/support/fuzz/seed.js";
import { toJsonLines, toProtobufFrame } from "../../packages/holdfast/test/support/protobuf-oracle.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const runs = 150;
const lastId = 0xffff_ffff;

const farAway = 4_000_000_000;
const good = [tokenOf({ sub: "ann" }), tokenOf({ sub: "ann", exp: farAway, info: { name: "Ann" } })];
const bad = [
  tokenOf({ sub: "ann" }, "another secret that is just as long as the one"),
  ...["open:a", "latest:b", "shut:a"].map((channel) => tokenOf({ sub: "ann", channel, exp: farAway })),
  tokenOf({ sub: "bob", channel: "open:a" }),
];

/** What goes on the wire: texts mostly, and what is no command at all. */
const binary = fc.uint8Array({ maxLength: 40 });
const frames = fc
  .tuple(framesOf(good, bad), fc.option(fc.tuple(fc.nat({ max: 10 }), binary), { freq: 12, nil: undefined }))
  .map(([texts, more]): readonly (string | Uint8Array)[] =>
    more ? [...texts.slice(0, more[0]), more[1], ...texts.slice(more[0])] : texts,
  );

const encodings = ["JSON", "Protobuf"] as const;
type Encoding = (typeof encodings)[number];

/** A WebSocket that says what it is told, and keeps what it hears, both as JSON. */
class FuzzSocket {
  readonly sent: string[] = [];
  readonly received: string[] = [];
  ending: Ending | undefined;
  readonly #socket: WsWebSocket;
  readonly #isProtobuf: boolean;

  private constructor(socket: WsWebSocket, isProtobuf: boolean) {
    this.#socket = socket;
    this.#isProtobuf = isProtobuf;
    socket.on("message", (frame) =>
      this.#receive(isProtobuf ? toJsonLines("Reply", frame as Buffer) : String(frame)),
    );
    socket.on("close", (code, reason) => {
      this.ending = { code, reason: String(reason) };
    });
    socket.on("error", () => {});
  }

  static async open(url: string, encoding: Encoding): Promise<FuzzSocket> {
    const isProtobuf = encoding === "Protobuf";
    const socket = isProtobuf ? new WsWebSocket(url, "centrifuge-protobuf") : new WsWebSocket(url);
    const client = new FuzzSocket(socket, isProtobuf);
    await new Promise((resolve) => socket.once("open", resolve));
    return client;
  }

  send(frame: string | Uint8Array): void {
    if (this.#socket.readyState !== WsWebSocket.OPEN) return;
    if (this.#isProtobuf && typeof frame === "string") {
      this.#sendProtobuf(frame);
      return;
    }
    if (typeof frame === "string") this.sent.push(frame);
    this.#socket.send(frame, { binary: typeof frame !== "string" });
  }

  /** What Protobuf cannot say is sent as it is, which is no Protobuf. What was said may be less than the text. */
  #sendProtobuf(text: string): void {
    const bytes = toProtobufFrame(text);
    if (bytes !== undefined) this.sent.push(toJsonLines("Command", bytes));
    this.#socket.send(bytes ?? Buffer.from(text));
  }

  /** Resolves when the connection has ended, or everything that was asked is answered. */
  async settle(): Promise<void> {
    const expected = [...expectedAnswers(this.sent).values()].reduce((sum, { count }) => sum + count, 0);
    const answers = () => this.received.join("\n").match(/^\{"id":/gm)?.length ?? 0;
    await until(() => this.ending !== undefined || answers() >= expected);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await until(() => this.ending !== undefined);
  }

  #receive(text: string): void {
    this.received.push(text);
    if (text.split("\n").includes("{}")) this.send("{}");
  }
}

async function startFuzzed(data: string | null) {
  const times = { hookTimeoutMs: 30 };
  const running = await startApp(createFuzzApp(jwt({ secret })), { data, ...times });
  const bystander = await connectSdk(running.url, { token: tokenOf({ sub: "bystander" }) });
  const troubles: unknown[] = [];
  const note = (context: unknown) => troubles.push(context);
  bystander.on("error", note).on("disconnected", note).on("connecting", note);
  const heard: number[] = [];
  const subscription = await subscribeSdk(bystander, "open:a");
  subscription.on("publication", ({ offset }) => heard.push(offset as number));
  const idle = running.server.stats();
  return { ...running, troubles, heard, idle };
}

type Running = Awaited<ReturnType<typeof startFuzzed>>;

async function sendAll(
  url: string,
  encoding: Encoding,
  each: readonly (string | Uint8Array)[],
): Promise<void> {
  const socket = await FuzzSocket.open(url, encoding);
  for (const frame of each) socket.send(frame);
  socket.send(JSON.stringify({ id: lastId, rpc: { method: "echo", data: 1 } }));
  await socket.settle();
  const isExplained = socket.ending?.code === 3004 && hasFailingConnect(socket.sent);
  const ending = isExplained ? { code: 3001, reason: "a hook failed" } : socket.ending;
  expect(findFaults(socket.sent, socket.received, ending)).toEqual([]);
  await socket.close();
}

/** A client that does all as it should is served. */
async function askOnce(url: string, encoding: Encoding): Promise<void> {
  const socket = await FuzzSocket.open(url, encoding);
  socket.send('{"id":1,"connect":{}}\n{"id":2,"rpc":{"method":"echo","data":"hello"}}');
  await socket.settle();
  expect(socket.received.join("\n")).toContain('{"id":2,"rpc":{"data":"hello"}}');
  await socket.close();
}

async function assertNothingLeft({ server, api, idle, heard, troubles, errors }: Running): Promise<void> {
  const sizes = ({ connections, users, subscriptions, channels, sockets, deadlines }: typeof idle) => ({
    ...{ connections, users, subscriptions, channels, sockets, deadlines },
  });
  await until(() => JSON.stringify(sizes(server.stats())) === JSON.stringify(sizes(idle)));
  const { body } = await api("channels", {});
  expect(Object.keys(body.result.channels).sort()).toEqual(["inbox:bystander", "open:a"]);
  for (const channel of [
    "open:a",
    "open:b",
    "forced:a",
    "live:a",
    "latest:b",
    "plain:a",
    "chat:a",
    "inbox:ann",
  ]) {
    const { num_clients } = (await api("presence_stats", { channel })).body.result;
    expect([channel, num_clients]).toEqual([channel, channel === "open:a" ? 1 : 0]);
  }
  const { offset } = (await api("history", { channel: "open:a" })).body.result;
  expect(offset).toBeGreaterThan(0);
  await until(() => heard.at(-1) === offset);
  expect(heard).toEqual(heard.map((_, i) => i + 1));
  expect(troubles).toEqual([]);
  expect(errors.filter((error) => !isOwnFault(error))).toEqual([]);
}

const stores: readonly [string, Encoding, () => string | null][] = encodings.flatMap(
  (encoding): [string, Encoding, () => string | null][] => [
    ["in memory", encoding, () => null],
    ["with a store", encoding, () => openFolder()],
  ],
);

function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-fuzz-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe.each(stores)(
  "WebSockets sending arbitrary input to a server %s, in %s,",
  (_, encoding, createData) => {
    it(`are answered or closed, and leave nothing behind, ${runs} times`, { timeout: 120_000 }, async () => {
      const running = await startFuzzed(createData());
      const { url } = running;
      const property = fc.asyncProperty(frames, frames, async (first, second) => {
        await Promise.all([sendAll(url, encoding, first), sendAll(url, encoding, second)]);
        await askOnce(url, encoding);
      });
      await fc.assert(property, { numRuns: runs, seed: fuzzSeed() });
      await assertNothingLeft(running);
    });
  },
);
