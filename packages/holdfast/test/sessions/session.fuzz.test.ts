/**
 * Clients that send anything at all, in any order, with brokers that take their time and transports that are full: each
 * command has its answer or the connection an end, others notice nothing, and nothing is left behind.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileApp } from "../../src/app/compile-app.js";
import type { Application } from "../../src/sessions/application.js";
import type { SessionLimits } from "../../src/sessions/context.js";
import type { IdentityResult } from "../../src/sessions/identity.js";
import { disconnectTable } from "../../src/wire/codes.js";
import type { BrokerMethod } from "../channels/support/controlled-broker.js";
import { FakeClock } from "../support/fake-clock.js";
import { createFuzzApp, isOwnFault } from "../support/fuzz/app.js";
import { type Ending, findFaults, hasFailingConnect } from "../support/fuzz/expectations.js";
import { channels } from "../support/fuzz/fields.js";
import { framesOf } from "../support/fuzz/frames.js";
import { fuzzSeed } from "../support/fuzz/seed.js";
import { createSessionNode, nothing, type SessionNode } from "./support/session-node.js";
import type { TestClient } from "./support/test-client.js";

const runs = 1000;

/** Stand for tokens: whose, and for how many seconds. */
const goodTokens = ["of ann", "of ann for 5", "of bob for 40"];
const badTokens = ["of ann for -1", "expired"];
const times = { hookTimeoutMs: 2000, connectTimeoutMs: 3000 };
/** What of the broker may take its time. */
const slowMethods: readonly BrokerMethod[] = [
  ...(["subscribe", "unsubscribe", "publish", "history", "presence.list", "presence.stats"] as const),
  ...(["presence.add", "presence.remove", "presence.announce"] as const),
];
/** What of it may fail without leaving anything behind. */
const failingMethods: readonly BrokerMethod[] = ["subscribe", "publish", "history", "presence.list"];

type Step =
  | { readonly kind: "frame" | "settle" | "fill" | "drain" | "leave"; readonly client: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "hold" | "release" | "fail" | "heal"; readonly method: BrokerMethod }
  | { readonly kind: "publish" | "unsubscribe" | "subscribe"; readonly channel: string };

const client = fc.nat({ max: 1 });
const channel = fc.constantFrom(...channels);
function one<K extends string>(...kinds: readonly K[]): fc.Arbitrary<K> {
  return fc.constantFrom(...kinds);
}

const slow = fc.constantFrom(...slowMethods);
const failing = fc.constantFrom(...failingMethods);
const ms = fc.constantFrom(100, 2500, 9000, 40_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 120, arbitrary: fc.record({ kind: one("frame"), client }) },
  { weight: 50, arbitrary: fc.record({ kind: one("settle"), client }) },
  { weight: 12, arbitrary: fc.record({ kind: one("fill", "drain", "drain"), client }) },
  { weight: 1, arbitrary: fc.record({ kind: one("leave"), client }) },
  { weight: 8, arbitrary: fc.record({ kind: one("wait"), ms }) },
  { weight: 12, arbitrary: fc.record({ kind: one("hold", "release", "release"), method: slow }) },
  { weight: 3, arbitrary: fc.record({ kind: one("fail", "heal", "heal"), method: failing }) },
  {
    weight: 20,
    arbitrary: fc.record({ kind: one("publish", "publish", "unsubscribe", "subscribe"), channel }),
  },
);

interface Script {
  readonly frames: readonly [readonly string[], readonly string[]];
  readonly steps: readonly Step[];
  readonly limits: Partial<SessionLimits>;
}

const script: fc.Arbitrary<Script> = fc.record({
  frames: fc.tuple(framesOf(goodTokens, badTokens), framesOf(goodTokens, badTokens)),
  steps: fc.array(step, { minLength: 10, maxLength: 50, size: "max" }),
  limits: fc.constantFrom(
    {},
    {},
    { maxConnectionChannels: 4, maxCommandsInFlight: 1, maxUnsentBytes: 500 },
    {
      commandsPerSecond: 5,
      commandBurst: 10,
    },
  ),
});

const leaseMs = 60_000;

function readToken(token: string, now: number): IdentityResult {
  if (token === "expired") return { isAccepted: false, error: "tokenExpired" };
  const [, user, seconds] = /^of (\w+)(?: for (-?\d+))?$/.exec(token) ?? [];
  if (user === undefined) return { isAccepted: false, disconnect: "invalidToken", reason: "it is none" };
  const expiresAt = seconds === undefined ? {} : { expiresAt: now + Number(seconds) * 1000 };
  return { isAccepted: true, identity: { user, hasToken: true, ...expiresAt } };
}

/** The application of these tests, with tokens that need no signature, and so no turn of the event loop. */
function createApplication(clock: FakeClock, onError: (error: unknown) => void): Application {
  const application = compileApp(createFuzzApp(undefined), {
    clock,
    leaseMs,
    hookTimeoutMs: 2000,
    onError,
  });
  return {
    ...application,
    authenticate: ({ token }) =>
      token ? readToken(token, clock.now()) : { isAccepted: true, identity: { user: "" } },
    verifyConnection: async (token) => readToken(token, clock.now()),
    verifySubscription: async (token, { user }) => {
      const result = readToken(token, clock.now());
      if (!result.isAccepted)
        return "error" in result
          ? { isAccepted: false, error: "tokenExpired", reason: "it is over" }
          : { isAccepted: false, error: "permissionDenied", reason: "it is none" };
      const { user: bearer, expiresAt } = result.identity;
      if (bearer !== user) return { isAccepted: false, disconnect: "invalidToken", reason: "of another" };
      return { isAccepted: true, grant: { info: '"token"', ...(expiresAt !== undefined && { expiresAt }) } };
    },
  };
}

/** A client that sends what it is told, and answers pings like any. */
class FuzzClient {
  readonly sent: string[] = [];
  readonly client: TestClient;
  readonly #texts: string[];
  #pings = 0;
  hasLeft = false;

  constructor(client: TestClient, frames: readonly string[]) {
    this.client = client;
    this.#texts = [...frames];
  }

  get isOpen(): boolean {
    return !this.hasLeft && !this.client.transport.isDestroyed && this.client.closes.length === 0;
  }

  get ending(): Ending | undefined {
    return this.hasLeft || this.client.transport.isDestroyed ? left : this.client.closes[0];
  }

  get received(): string[] {
    return this.client.transport.writes.flat();
  }

  sendNext(): void {
    const text = this.#texts.shift();
    if (text !== undefined) this.send(text);
  }

  sendRest(): void {
    while (this.#texts.length > 0) this.sendNext();
  }

  send(text: string): void {
    if (!this.isOpen) return;
    this.sent.push(text);
    this.client.session.receive(text);
  }

  answerPings(): void {
    const pings = this.received.flatMap((frame) => frame.split("\n")).filter((line) => line === "{}").length;
    for (; this.#pings < pings; this.#pings++) this.send("{}");
  }

  leave(): void {
    if (this.isOpen) this.client.session.closed();
    this.hasLeft = true;
  }
}

async function take(node: SessionNode, clients: readonly FuzzClient[], each: Step): Promise<void> {
  const { broker } = node;
  if ("client" in each) {
    const one = clients[each.client] as FuzzClient;
    if (each.kind === "frame") one.sendNext();
    else if (each.kind === "settle") await node.settle();
    else if (each.kind === "leave") one.leave();
    else if (each.kind === "fill") one.client.transport.isFull = one.isOpen;
    else one.client.transport.drain();
  } else if (each.kind === "wait") await wait(node, clients, each.ms);
  else if (each.kind === "hold" && broker.held(each.method) === 0) broker.hold(each.method);
  else if (each.kind === "release") broker.release(each.method);
  else if (each.kind === "fail") broker.fail(each.method);
  else if (each.kind === "heal") broker.heal(each.method);
  else if ("channel" in each) actOnServer(node, each.kind, each.channel);
}

/** What the server's own side does at the same time; nobody waits for it. */
function actOnServer({ control }: SessionNode, kind: string, channel: string): void {
  const target = { user: "ann" };
  const ignore = () => {};
  if (kind === "publish") control.publish({ channel, data: '{"text":"from the server"}' }).catch(ignore);
  else if (kind === "subscribe") control.subscribe(channel, target).catch(ignore);
  else void control.unsubscribe(target, channel);
}

async function wait(node: SessionNode, clients: readonly FuzzClient[], ms: number): Promise<void> {
  // What came at this moment is not late.
  await node.settle();
  for (let left = ms; left > 0; left -= 500) {
    await node.wait(Math.min(left, 500));
    for (const each of clients) each.answerPings();
  }
}

/** Everything that was kept back goes on, and whatever waits for a time gets it. */
async function finish(node: SessionNode, clients: readonly FuzzClient[]): Promise<void> {
  for (const method of failingMethods) node.broker.heal(method);
  for (const method of slowMethods) node.broker.release(method);
  for (const each of clients) {
    each.sendRest();
    if (each.isOpen) each.client.transport.drain();
  }
  await node.settle();
  // Each of the commands that hang holds up the next where they go one by one.
  await wait(node, clients, 1000 + times.connectTimeoutMs);
  for (let i = 0; i < 100 && clients.some((each) => isReadPaused(each)); i++)
    await wait(node, clients, times.hookTimeoutMs);
}

function isReadPaused({ isOpen, client: { session } }: FuzzClient): boolean {
  return isOpen && session.isReadPaused;
}

/** Stands for an end that is not the server's. */
const left: Ending = { code: 3001, reason: "left" };

/** Whether a connection may have ended as by a failure: something was kept back, or a hook failed while it connected. */
function isExplained({ ending, sent }: FuzzClient, { errors }: SessionNode, steps: readonly Step[]): boolean {
  if (ending?.code !== disconnectTable.internalError.code) return false;
  return ending.reason.includes("authentication took")
    ? steps.some(({ kind }) => kind === "hold") || hasFailingConnect(sent)
    : errors.some(({ stage }) => stage === "command connect");
}

const lastId = 0xffff_ffff;

async function run({ frames, steps, limits }: Script): Promise<void> {
  const clock = new FakeClock();
  const background: unknown[] = [];
  const application = createApplication(clock, (error) => background.push(error));
  const node = await createSessionNode({ application, clock, times, limits });
  const timers = clock.timers;
  const bystander = await node.connect();
  await bystander.ask({ id: 2, subscribe: { channel: "open:a" } });
  const clients = frames.map((each) => new FuzzClient(node.open(), each));
  const everybody = [...clients, new FuzzClient(bystander, [])];
  for (const each of steps) await take(node, everybody, each);
  await finish(node, everybody);

  for (const each of clients) each.send(JSON.stringify({ id: lastId, rpc: { method: "echo", data: 1 } }));
  await wait(node, everybody, 3 * times.hookTimeoutMs);
  for (const each of clients) {
    const { sent, received, ending } = each;
    expect(findFaults(sent, received, isExplained(each, node, steps) ? left : ending)).toEqual([]);
    note(received, ending);
    const { channels: held } = each.client.session;
    expect(held.count).toBe([...held.subscriptions()].length);
    expect(each.client.session.isEnded).toBe(ending !== undefined);
  }
  const told = bystander.offsets("open:a");
  expect(told).toEqual(told.map((_, i) => (told[0] as number) + i));
  expect(bystander.closes).toEqual([]);
  expect(background.filter((error) => !isOwnFault(error))).toEqual([]);
  expect(node.errors.filter(({ error }) => !isOwnFault(error) && !isOfBroker(error))).toEqual([]);

  for (const each of clients) each.leave();
  bystander.session.closed();
  // Until the last keys that expire have gone, which stand for users that were there.
  await node.wait(leaseMs + 2 * times.hookTimeoutMs);
  expect(node.sizes()).toEqual({ ...nothing, cutOff: expect.any(Number) });
  expect(clock.timers).toBe(timers);
}

function isOfBroker(error: unknown): boolean {
  return failingMethods.some((method) => error instanceof Error && error.message === `${method} failed`);
}

/** What came of all that was sent: a fuzzer that gets nowhere would find nothing. */
const seen = new Set<string>();

function note(received: readonly string[], ending: Ending | undefined): void {
  seen.add(ending === undefined ? "still open" : `end ${ending.code}`);
  for (const line of received.flatMap((frame) => frame.split("\n"))) {
    const { error, push, ...rest } = JSON.parse(line) as Record<string, object> & {
      error?: { code: number };
    };
    if (error) seen.add(`error ${error.code}`);
    else for (const name of Object.keys(push ?? rest)) seen.add(push ? `push ${name}` : name);
  }
}

const expectedToSee = [
  ...["connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "rpc"],
  ...["refresh", "push pub", "push join", "push unsubscribe", "push subscribe", "still open"],
  ...[100, 102, 103, 104, 105, 106, 107, 108, 109, 111, 112, 450].map((code) => `error ${code}`),
  ...[3005, 3013, 3500, 3501, 3502, 4920].map((code) => `end ${code}`),
];

describe("clients that send anything", () => {
  it(`leave nothing unanswered and nothing behind, ${runs} times`, { timeout: 120_000 }, async () => {
    await fc.assert(fc.asyncProperty(script, run), { numRuns: runs, seed: fuzzSeed() });
    expect(expectedToSee.filter((each) => !seen.has(each))).toEqual([]);
  });
});
