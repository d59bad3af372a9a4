/** Compressed conversations that no script foresaw, valid and damaged. A failure prints its seed: see support/seed.ts. */
import { inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ConnectionEvent,
  type Deflate,
  type Role,
  resolveDeflate,
  type WebSocketConnection,
} from "../../../packages/holdfast/src/websocket.js";
import { close, closeFrame, cutter, damage, garbage, runs } from "./support/arbitraries.js";
import { agreed, compressedPeerOf } from "./support/deflate.js";
import { peerOf } from "./support/frame-builder.js";
import { parseFrames } from "./support/frame-parser.js";
import { expandMessage } from "./support/inflate-oracle.js";
import { noiseOf, textOf } from "./support/messages.js";
import { outcomeOf, type PlainEvent, plain, plainEvent } from "./support/outcome.js";
import { type Cutter, connectionFor, cut, type PlayOptions, playOnce, whole } from "./support/play.js";
import { createRandom, seedNote } from "./support/seed.js";
import { ZlibPeer } from "./support/zlib-peer.js";

const roles: Role[] = ["server", "client"];
const other = (role: Role): Role => (role === "server" ? "client" : "server");

const bits = fc.integer({ min: 8, max: 15 });

const agreement: fc.Arbitrary<Deflate> = fc.record({
  agreement: fc.record({
    serverNoContextTakeover: fc.boolean(),
    clientNoContextTakeover: fc.boolean(),
    serverMaxWindowBits: bits,
    clientMaxWindowBits: bits,
  }),
  settings: fc
    .record({
      thresholdBytes: fc.constantFrom(0, 1, 20, 1024),
      level: fc.integer({ min: 1, max: 9 }),
      memLevel: fc.integer({ min: 1, max: 9 }),
    })
    .map((options) => resolveDeflate(options)),
});

/** Messages of which some shrink, some resemble each other, and some do neither. */
const payload = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }).map((text) => Buffer.from(text)),
  fc.nat({ max: 4000 }).map((length) => textOf(length)),
  fc.integer().chain((from) => fc.nat({ max: 400 }).map((length) => textOf(length, createRandom(from)))),
  fc.nat({ max: 600 }).map((length) => noiseOf(length)),
  fc.nat({ max: 70_000 }).map((length) => Buffer.alloc(length, "ab")),
);

type Step =
  | { readonly type: "message"; readonly data: Buffer; readonly isText: boolean }
  | { readonly type: "ping"; readonly data: Buffer };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("message" as const), data: payload, isText: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("ping" as const),
      data: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    }),
  },
);

const conversation = fc.array(step, { maxLength: 8 });

function isText({ data, isText }: Extract<Step, { type: "message" }>): boolean {
  return isText && Buffer.from(data.toString()).equals(data);
}

function expectedEvents(steps: readonly Step[]): PlainEvent[] {
  return steps.map((each) => {
    if (each.type === "message" && isText(each)) return { type: "text", text: each.data.toString() };
    return { type: each.type === "ping" ? "ping" : "binary", data: plain(each.data) };
  });
}

function send(connection: WebSocketConnection, steps: readonly Step[]): void {
  for (const each of steps)
    if (each.type === "ping") connection.sendPing(each.data);
    else if (isText(each)) connection.sendText(each.data.toString());
    else connection.sendBinary(each.data);
}

function carry(from: WebSocketConnection, to: WebSocketConnection, chop: Cutter): ConnectionEvent[] {
  return [...cut(Buffer.concat(from.takeOutput()), chop)].flatMap((piece) => to.receive(piece));
}

/** The traffic of a conversation, and whether the peer of an engine in this role keeps its context. */
async function peerTraffic(steps: readonly Step[], role: Role, deflate: Deflate, bytesEach: number) {
  const peer = peerOf(role);
  const isServer = role === "server";
  const { agreement } = deflate;
  const keepsContext = !(isServer ? agreement.clientNoContextTakeover : agreement.serverNoContextTakeover);
  const windowBits = isServer ? agreement.clientMaxWindowBits : agreement.serverMaxWindowBits;
  const sender = ZlibPeer.sender({ keepsContext, windowBits, level: deflate.settings.level });
  const frames: Buffer[] = [];
  for (const each of steps) {
    if (each.type === "ping") frames.push(peer.ping(each.data));
    else {
      const compressed = await sender.compress(each.data);
      const kind = isText(each) ? "text" : "binary";
      // A ping goes between the first two fragments.
      const [first, ...rest] = compressedPeerOf(role).fragments(kind, compressed, bytesEach);
      frames.push(first as Buffer, ...(rest.length > 0 ? [peer.pong("x")] : []), ...rest);
    }
  }
  sender.close();
  return Buffer.concat(frames);
}

/** Feeds any bytes, and checks all that must hold whatever they are. */
function expectDefinedEnd(role: Role, bytes: Buffer, chop: Cutter, options: PlayOptions): void {
  const connection = connectionFor(role, options);
  const events: ConnectionEvent[] = [];
  const output: Buffer[] = [];
  for (const piece of cut(bytes, chop)) {
    events.push(...connection.receive(piece));
    output.push(...connection.takeOutput());
  }
  const outcome = outcomeOf(connection, events, output, true);
  expect(playOnce(role, [bytes], whole, options), "fed whole").toEqual(outcome);
  const last = outcome.events.at(-1);
  const end = last?.type === "close" || last?.type === "fault" ? last : undefined;
  if (last?.type === "fault") expect([1002, 1007, 1009]).toContain(last.code);
  expect(outcome.state).toBe(end ? "closed" : "open");
  expect(outcome.closeStatus?.code).toBe(end?.code);
  for (const event of events) {
    if (event.type === "text") expect(Buffer.from(event.text).toString()).toBe(event.text);
    const size = event.type === "text" ? Buffer.byteLength(event.text) : "data" in event && event.data.length;
    if (options.maxMessageBytes && (event.type === "text" || event.type === "binary"))
      expect(size).toBeLessThanOrEqual(options.maxMessageBytes);
  }
  if (end) expect(connection.receive(peerOf(role).text("late"))).toEqual([]);
  connection.receiveEnd();
  expect(connection.state).toBe("closed");
  expect(connection.closeStatus?.code).toBe(end?.code ?? 1006);
}

describe.each(roles)(`any compressed conversation, sent to a %s (${seedNote})`, (role) => {
  it("arrives as it was sent by the other side's engine, and both close cleanly", () => {
    const property = fc.property(
      ...([agreement, conversation, conversation, cutter, cutter, close] as const),
      (deflate, there, back, chop, chopBack, { code, reason }) => {
        const receiver = connectionFor(role, { deflate });
        const sender = connectionFor(other(role), { deflate });
        send(sender, there);
        send(receiver, back);
        expect(carry(sender, receiver, chop).map(plainEvent)).toEqual(expectedEvents(there));
        const answers = carry(receiver, sender, chopBack).map(plainEvent);
        const pings = there.filter(({ type }) => type === "ping");
        const pongs = pings.map(({ data }) => ({ type: "pong", data: plain(data) }));
        expect(answers).toEqual([...expectedEvents(back), ...pongs]);
        carry(sender, receiver, whole);
        sender.close(code, reason);
        expect(carry(sender, receiver, chop)).toMatchObject([{ type: "close", code, reason }]);
        carry(receiver, sender, chopBack);
        for (const side of [receiver, sender])
          expect(side).toMatchObject({ state: "closed", closeStatus: { code, wasClean: true } });
      },
    );
    fc.assert(property, runs(60));
  });

  it("arrives as zlib wrote it, in fragments", async () => {
    const size = fc.constantFrom(1, 7, 100, 1_000_000);
    const property = fc.asyncProperty(
      ...([agreement, conversation, size, cutter] as const),
      async (deflate, steps, bytesEach, chop) => {
        const traffic = await peerTraffic(steps, role, deflate, bytesEach);
        const { events, state } = playOnce(role, [traffic], chop, { deflate });
        expect(events.filter(({ type }) => type !== "pong")).toEqual(expectedEvents(steps));
        expect(state).toBe("open");
      },
    );
    await fc.assert(property, runs(60));
  });
});

describe.each(roles)(`any compressed bytes, sent to a %s (${seedNote})`, (role) => {
  const limits = fc.constantFrom<PlayOptions>({}, { maxMessageBytes: 60, maxFragments: 3 });

  it("a damaged conversation ends in a defined state", async () => {
    const property = fc.asyncProperty(
      ...([agreement, conversation, fc.constantFrom(7, 1_000_000), damage, cutter, limits, close] as const),
      async (deflate, steps, bytesEach, spoil, chop, bounds, { code, reason }) => {
        const traffic = await peerTraffic(steps, role, deflate, bytesEach);
        const all = Buffer.concat([traffic, closeFrame(role, code, reason)]);
        expectDefinedEnd(role, spoil(all), chop, { ...bounds, deflate });
      },
    );
    await fc.assert(property, runs(150));
  });

  it("a message of damaged compressed data is refused, or is what the RFC makes of it", () => {
    const source = fc.oneof(
      fc.constant(Buffer.from("f248cdc9c90700", "hex")),
      fc.constant(Buffer.from("f348cdc9c9070000", "hex")),
      fc.nat({ max: 300 }).map((length) => {
        const sender = connectionFor("server", { deflate: agreed(false) });
        return parseFrames(sender.encode(textOf(length)), "server", true)[0]?.payload ?? Buffer.alloc(0);
      }),
      garbage.map((bytes) => Buffer.from(bytes)),
    );
    const property = fc.property(agreement, source, damage, cutter, (deflate, bytes, spoil, chop) => {
      const spoilt = spoil(bytes);
      const [event, ...more] = playOnce(role, [compressedPeerOf(role).binary(spoilt)], chop, {
        deflate,
      }).events;
      expect(more).toEqual([]);
      const expected = expandMessage(spoilt);
      if (event?.type === "binary")
        expect(event.data, spoilt.toString("hex")).toEqual(expected && plain(expected));
      // zlib refuses some sets of codes that leave others out.
      else expect(event, spoilt.toString("hex")).toMatchObject({ type: "fault", code: 1002 });
      if (event?.type === "fault" && expected) expect(() => inflateRawSync(spoilt)).toThrow();
    });
    fc.assert(property, runs(600));
  });

  it("garbage ends in a defined state", () => {
    const property = fc.property(agreement, garbage, cutter, limits, (deflate, bytes, chop, bounds) => {
      expectDefinedEnd(role, Buffer.from(bytes), chop, { ...bounds, deflate });
    });
    fc.assert(property, runs(200));
  });
});
