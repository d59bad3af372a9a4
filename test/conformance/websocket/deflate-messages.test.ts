/**
 * RFC 7692 §7.2: messages of all sizes, with every window, with and without context takeover, between the engine and the
 * streams of node:zlib. Autobahn sections 12 and 13.
 */
import { isUtf8 } from "node:buffer";
import { describe, expect, it } from "vitest";
import {
  type ConnectionEvent,
  type Role,
  WebSocketConnection,
} from "../../../packages/holdfast/src/websocket/index.js";
import { agreed, compressedPeerOf, tail } from "./support/deflate.js";
import { parseFrames, type WireFrame } from "./support/frame-parser.js";
import { inflate } from "./support/inflate-oracle.js";
import { autobahnSizes, noiseOf, textOf } from "./support/messages.js";
import { plain } from "./support/outcome.js";
import { connectionFor, cut, expectEvents, randomPieces, whole } from "./support/play.js";
import { createRandom, seedNote } from "./support/seed.js";
import { ZlibPeer } from "./support/zlib-peer.js";

const roles: Role[] = ["server", "client"];
const allBits = [8, 9, 10, 11, 12, 13, 14, 15];
const combinations = allBits.flatMap((windowBits) =>
  [true, false].map((keepsContext) => ({ windowBits, keepsContext })),
);

/** One message of each size, each the beginning of the next; the small ones in between refer to them again. */
const messages = autobahnSizes.flatMap((size, i) => [textOf(size), textOf(100 + i)]);
const smallSizes = autobahnSizes.filter((size) => size <= 4096);

/** The frames of these messages as the engine sends them. */
function framesFrom(connection: WebSocketConnection, payloads: readonly Uint8Array[]): WireFrame[] {
  for (const [i, payload] of payloads.entries())
    if (i % 2 === 1 && isUtf8(payload)) connection.sendText(Buffer.from(payload).toString());
    else connection.sendBinary(payload);
  return parseFrames(Buffer.concat(connection.takeOutput()), connection.role, true);
}

describe.each(roles)(`compressed messages sent by a %s (RFC 7692 §7.2.1, ${seedNote})`, (role) => {
  it.each(combinations)(
    "are expanded by zlib: $windowBits bits, context $keepsContext",
    async (agreement) => {
      const { keepsContext, windowBits } = agreement;
      const connection = connectionFor(role, { deflate: agreed(keepsContext, windowBits) });
      const receiver = ZlibPeer.receiver(agreement);
      const frames = framesFrom(connection, messages);
      expect(frames).toHaveLength(messages.length);
      for (const [i, { payload, isCompressed, fin, opcode }] of frames.entries()) {
        const message = messages[i] as Buffer;
        expect([fin, opcode]).toEqual([true, i % 2 === 0 ? 2 : 1]);
        if (message.length >= 1024) expect(isCompressed).toBe(true);
        const expanded = isCompressed ? await receiver.expand(payload) : payload;
        expect(expanded.equals(message), `message ${i} of ${message.length} bytes`).toBe(true);
      }
      receiver.close();
    },
  );

  it.each(combinations)("refer no further than $windowBits bits, context $keepsContext", (agreement) => {
    const { keepsContext, windowBits } = agreement;
    const connection = connectionFor(role, { deflate: agreed(keepsContext, windowBits, { level: 9 }) });
    // Repeats at every distance, so that a larger window would be used.
    const repeating = Buffer.concat([noiseOf(700), textOf(3000), noiseOf(700), textOf(3000), textOf(9000)]);
    const payloads = [repeating, textOf(500), repeating, repeating];
    let history = Buffer.alloc(0);
    let maxDistance = 0;
    for (const [i, { payload, isCompressed }] of framesFrom(connection, payloads).entries()) {
      expect(isCompressed).toBe(true);
      const expanded = inflate(Buffer.concat([payload, tail]), history);
      expect(expanded.output.equals(payloads[i] as Buffer)).toBe(true);
      expect(expanded.blocks.some(({ isLast }) => isLast)).toBe(false);
      maxDistance = Math.max(maxDistance, expanded.maxDistance);
      if (keepsContext) history = Buffer.concat([history, expanded.output]);
    }
    expect(maxDistance).toBeLessThanOrEqual(2 ** windowBits);
    // The window is also used: at least half of it, or what there is to refer to.
    expect(maxDistance).toBeGreaterThan(Math.min(2 ** (windowBits - 1), 8000) * 0.9);
  });

  it("use the window of this side and not the peer's", () => {
    const { agreement, settings } = agreed(false);
    const distanceWith = (own: number, peers: number) => {
      const [serverMaxWindowBits, clientMaxWindowBits] = role === "server" ? [own, peers] : [peers, own];
      const deflate = { agreement: { ...agreement, serverMaxWindowBits, clientMaxWindowBits }, settings };
      const noise = noiseOf(2000);
      const [frame] = framesFrom(connectionFor(role, { deflate }), [Buffer.concat([noise, noise])]);
      return frame?.isCompressed ? inflate(Buffer.concat([frame.payload, tail])).maxDistance : 0;
    };
    expect([distanceWith(15, 8), distanceWith(8, 15)]).toEqual([2000, expect.any(Number)]);
    expect(distanceWith(8, 15)).toBeLessThanOrEqual(256);
  });

  it("leave out the empty block at the end (§7.2.1)", () => {
    for (const keepsContext of [true, false]) {
      const connection = connectionFor(role, { deflate: agreed(keepsContext) });
      for (const { payload } of framesFrom(connection, [textOf(2000), textOf(64), textOf(70_000)]))
        expect(payload.subarray(-4).toString("hex")).not.toBe("0000ffff");
    }
  });

  it("are smaller with context takeover when they resemble each other", () => {
    const sizes = [true, false].map((keepsContext) => {
      const connection = connectionFor(role, { deflate: agreed(keepsContext) });
      const last = framesFrom(connection, [textOf(1500), textOf(1500)]).at(-1);
      return last?.payload.length ?? 0;
    });
    expect(sizes[0]).toBeLessThan((sizes[1] ?? 0) / 5);
  });
});

describe.each(roles)(`compressed messages received by a %s (RFC 7692 §7.2.2, ${seedNote})`, (role) => {
  const compressed = compressedPeerOf(role);

  it.each(combinations)(
    "are expanded from zlib: $windowBits bits, context $keepsContext",
    async (agreement) => {
      const sender = ZlibPeer.sender(agreement);
      const deflate = agreed(agreement.keepsContext, agreement.windowBits);
      const frames: Buffer[] = [];
      for (const message of messages) frames.push(compressed.binary(await sender.compress(message)));
      sender.close();
      for (const cutter of [whole, randomPieces(createRandom())]) {
        const connection = new WebSocketConnection(role, {}, deflate);
        const events: ConnectionEvent[] = [];
        for (const piece of cut(Buffer.concat(frames), cutter)) events.push(...connection.receive(piece));
        expect(events).toHaveLength(messages.length);
        for (const [i, event] of events.entries())
          expect(event.type === "binary" && (messages[i] as Buffer).equals(event.data), `message ${i}`).toBe(
            true,
          );
      }
    },
  );

  it.each(combinations)(
    "may come in fragments: $windowBits bits, context $keepsContext",
    async (agreement) => {
      const sender = ZlibPeer.sender({ ...agreement, level: 1 });
      const input: Buffer[] = [];
      const events = [];
      for (const size of smallSizes) {
        const text = textOf(size);
        input.push(...compressed.fragments("text", await sender.compress(text), 1 + (size >> 4)));
        events.push({ type: "text", text: text.toString() } as const);
      }
      sender.close();
      expectEvents(role, input, events, { deflate: agreed(agreement.keepsContext, agreement.windowBits) });
    },
  );

  it.each([0, 1, 9])("may be compressed at level %i", async (level) => {
    for (const keepsContext of [true, false]) {
      const sender = ZlibPeer.sender({ keepsContext, windowBits: 15, level });
      const payloads = [textOf(20_000), noiseOf(20_000), textOf(20_000)];
      const input: Buffer[] = [];
      for (const payload of payloads) input.push(compressed.binary(await sender.compress(payload)));
      sender.close();
      const events = payloads.map((payload) => ({ type: "binary", data: plain(payload) }) as const);
      expectEvents(role, input, events, { deflate: agreed(keepsContext) });
    }
  });

  it("may be a thousand in a row", async () => {
    for (const keepsContext of [true, false]) {
      const sender = ZlibPeer.sender({ keepsContext, windowBits: 12 });
      const connection = connectionFor(role, { deflate: agreed(keepsContext, 12) });
      const random = createRandom();
      for (let i = 0; i < 1000; i++) {
        const message = textOf(Math.floor(random() * 300), random);
        const frame = compressed.text(await sender.compress(message));
        expect(connection.receive(frame)).toEqual([{ type: "text", text: message.toString() }]);
      }
      sender.close();
    }
  });
});

describe(`compressed messages between engines (RFC 7692 §7.2, ${seedNote})`, () => {
  it("arrive around the size at which output is put together from pieces", () => {
    for (const keepsContext of [true, false]) {
      const deflate = agreed(keepsContext);
      const server = connectionFor("server", { deflate });
      const client = connectionFor("client", { deflate });
      const noise = noiseOf(65_560);
      for (let length = 65_500; length < 65_560; length++) {
        const payload = noise.subarray(0, length);
        server.sendBinary(payload);
        const [event] = client.receive(Buffer.concat(server.takeOutput()));
        expect(event?.type === "binary" && payload.equals(event.data), `${length} bytes`).toBe(true);
        client.sendBinary(Buffer.concat([payload, payload]));
        const [back] = server.receive(Buffer.concat(client.takeOutput()));
        expect(back?.type === "binary" && back.data.length, `${length} bytes, twice`).toBe(2 * length);
      }
    }
  });
});
