/** Compressed messages (RFC 7692 §6 and §7.2), the examples of §7.2.3 among them. */
import { isUtf8 } from "node:buffer";
import { describe, expect, it } from "vitest";
import {
  type ConnectionEvent,
  type Role,
  WebSocketConnection,
} from "../../../packages/holdfast/src/websocket.js";
import { agreed, agreements, compressedPeerOf, fromHex, tail } from "./support/deflate.js";
import { peerOf } from "./support/frame-builder.js";
import { parseFrames, type WireFrame } from "./support/frame-parser.js";
import { inflate } from "./support/inflate-oracle.js";
import { autobahnSizes, noiseOf, textOf } from "./support/messages.js";
import { plain } from "./support/outcome.js";
import { connectionFor, cut, expectEvents, expectFault, play, randomPieces, whole } from "./support/play.js";
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

const oneBlock = fromHex("f2 48 cd c9 c9 07 00");
const withWindow = fromHex("f2 00 11 00 00");
const hello = { type: "text", text: "Hello" } as const;

const examples: [section: string, name: string, hex: string][] = [
  ["7.2.3.1", "one compressed block", "f2 48 cd c9 c9 07 00"],
  ["7.2.3.3", "a block without compression", "00 05 00 fa ff 48 65 6c 6c 6f 00"],
  ["7.2.3.4", "a block with BFINAL", "f3 48 cd c9 c9 07 00 00"],
  ["7.2.3.5", "two blocks", "f2 48 05 00 00 00 ff ff ca c9 c9 07 00"],
];

const others: [name: string, hex: string, text: string][] = [
  ["nothing (§7.2.3.6)", "00", ""],
  ["an empty block with fixed codes", "02 00", ""],
  ["empty blocks in a row", "00 00 00 ff ff 00 00 00 ff ff 00", ""],
  ["an empty block with BFINAL", "03 00 00", ""],
  ["an empty stored block with BFINAL", "01 00 00 ff ff 00", ""],
  ["a last block with BFINAL that ends with the four bytes left out", "f3 48 cd c9 c9 07 00 01", "Hello"],
  ["a block with BFINAL and no empty block behind it", "f3 48 cd c9 c9 07 00", "Hello"],
  [
    "a block with BFINAL between others",
    "f2 48 cd c9 c9 07 00 00 00 ff ff f3 48 cd c9 c9 07 00 00",
    "HelloHello",
  ],
  ["two blocks with BFINAL", "f3 48 cd c9 c9 07 00 f3 48 cd c9 c9 07 00 00", "HelloHello"],
  ["a block that refers to one before it", "f2 48 cd c9 c9 07 00 00 00 ff ff f2 00 11 00 00", "HelloHello"],
  ["a block that refers to one with BFINAL", "f3 48 cd c9 c9 07 00 f2 00 11 00 00", "HelloHello"],
  ["the four bytes that a sender leaves out", "f2 48 cd c9 c9 07 00 00 00 ff ff 00", "Hello"],
];

describe("the oracle of these tests (RFC 1951)", () => {
  it.each(examples)("expands the example of §%s, %s", (_section, _name, hex) => {
    expect(inflate(Buffer.concat([fromHex(hex), tail])).output.toString()).toBe("Hello");
  });

  it("knows how far back a block refers", () => {
    const { output, maxDistance } = inflate(Buffer.concat([withWindow, tail]), Buffer.from("Hello"));
    expect([output.toString(), maxDistance]).toEqual(["Hello", 5]);
  });
});

describe.each(roles)("examples of compressed messages, received by a %s (RFC 7692 §7.2.3)", (role) => {
  const compressed = compressedPeerOf(role);
  const peer = peerOf(role);

  describe.each(agreements)("%s", (_name, options) => {
    it.each(examples)("§%s: takes %s", (_section, _example, hex) => {
      expectEvents(role, [compressed.text(fromHex(hex))], [hello], options);
      const data = plain("Hello");
      expectEvents(role, [compressed.binary(fromHex(hex))], [{ type: "binary", data }], options);
    });

    it.each(examples)("§%s: takes %s in fragments of every size", (_section, _example, hex) => {
      for (let bytesEach = 1; bytesEach < fromHex(hex).length; bytesEach++)
        expectEvents(role, compressed.fragments("text", fromHex(hex), bytesEach), [hello], options);
    });

    it.each(examples)("§%s: takes %s again and again", (_section, _example, hex) => {
      const frame = compressed.text(fromHex(hex));
      expectEvents(role, [frame, frame, frame], [hello, hello, hello], options);
    });

    it.each(others)("takes %s, before and after other messages", (_example, hex, text) => {
      const frame = compressed.text(fromHex(hex));
      const whole = compressed.text(oneBlock);
      const event = { type: "text", text } as const;
      expectEvents(role, [frame, whole, frame, frame, whole], [event, hello, event, event, hello], options);
    });

    it("takes the fragments of §7.2.3.1 with control frames and empty frames in between", () => {
      const input = [
        compressed.text(fromHex("f2 48 cd"), false),
        peer.ping("x"),
        peer.continuation("", false),
        peer.pong("y"),
        peer.continuation(fromHex("c9 c9 07 00"), false),
        peer.ping(""),
        peer.continuation(""),
      ];
      const ping = { type: "ping", data: plain("x") } as const;
      const pong = { type: "pong", data: plain("y") } as const;
      const { sent } = expectEvents(role, input, [ping, pong, { type: "ping", data: "" }, hello], options);
      expect(sent).toEqual([
        { type: "pong", data: plain("x") },
        { type: "pong", data: "" },
      ]);
    });

    it("takes a message that begins with an empty frame", () => {
      const input = [compressed.text(Buffer.alloc(0), false), peer.continuation(oneBlock)];
      expectEvents(role, input, [hello], options);
    });

    it("takes uncompressed messages before, between and after", () => {
      const plainHello = [peer.text("Hel", false), peer.continuation("lo")];
      const input = [peer.text("Hello"), compressed.text(oneBlock), ...plainHello, compressed.text(oneBlock)];
      expectEvents(
        role,
        [...input, peer.text("")],
        [hello, hello, hello, hello, { type: "text", text: "" }],
        options,
      );
    });

    it("answers a close that comes after a compressed message", () => {
      const { events, sent } = play(role, [compressed.text(oneBlock), peer.close(1000, "bye")], options);
      expect(events).toEqual([hello, { type: "close", code: 1000, reason: "bye" }]);
      expect(sent).toEqual([{ type: "close", code: 1000, reason: "bye" }]);
    });

    it("drops compressed messages that come while it closes", () => {
      const script = [compressed.text(oneBlock), (connection: WebSocketConnection) => connection.close(1000)];
      const late = [
        compressed.text(oneBlock),
        ...compressed.fragments("text", oneBlock, 3),
        peer.close(1000),
      ];
      const { events, closeStatus } = play(role, [...script, ...late], options);
      expect(events).toEqual([hello, { type: "close", code: 1000, reason: "" }]);
      expect(closeStatus).toEqual({ code: 1000, reason: "", wasClean: true });
    });

    it("closes cleanly in the middle of a compressed message", () => {
      const { closeStatus } = play(role, [compressed.text(oneBlock, false), peer.close(1001)], options);
      expect(closeStatus).toEqual({ code: 1001, reason: "", wasClean: true });
    });
  });
});

describe.each(roles)("window shared between messages, received by a %s (RFC 7692 §7.2.3.2)", (role) => {
  const compressed = compressedPeerOf(role);
  const peer = peerOf(role);
  const first = compressed.text(oneBlock);
  const second = compressed.text(withWindow);
  const kept = { deflate: agreed(true) };

  it("takes a message that refers to the one before it", () => {
    expectEvents(role, [first, second, second], [hello, hello, hello], kept);
  });

  it("keeps the window across uncompressed messages, control frames and empty messages", () => {
    const input = [first, peer.text("other"), peer.ping(""), compressed.text(fromHex("00")), second];
    const { events } = play(role, input, kept);
    expect(events.at(-1)).toEqual(hello);
  });

  it("keeps the window across a message whose block has BFINAL", () => {
    const final = compressed.text(fromHex("f3 48 cd c9 c9 07 00 00"));
    expectEvents(role, [final, second, final, second], [hello, hello, hello, hello], kept);
  });

  it("keeps what came before an empty block with BFINAL", () => {
    for (const hex of ["03 00 00", "03 00", "01 00 00 ff ff 00"])
      expect(play(role, [first, compressed.text(fromHex(hex)), second], kept).events.at(-1)).toEqual(hello);
  });

  it("fails with 1002 on the same messages where no window is kept", () => {
    expectFault(role, [first, second], 1002, { deflate: agreed(false) }, [hello]);
  });

  it("fails with 1002 on a message that refers to what was never sent", () => {
    for (const [, options] of agreements) {
      const { events } = play(role, [second], options);
      expect(events).toMatchObject([{ type: "fault", code: 1002 }]);
    }
  });

  it("each connection has a window of its own", () => {
    expectEvents(role, [first, second], [hello, hello], kept);
    expect(play(role, [second], kept).events).toMatchObject([{ type: "fault", code: 1002 }]);
  });

  it("keeps a window in the direction only for which it was agreed on", () => {
    const { agreement, settings } = agreed(true);
    const name = role === "server" ? "clientNoContextTakeover" : "serverNoContextTakeover";
    const other = role === "server" ? "serverNoContextTakeover" : "clientNoContextTakeover";
    const withoutReceiving = { deflate: { agreement: { ...agreement, [name]: true }, settings } };
    expectFault(role, [first, second], 1002, withoutReceiving, [hello]);
    const withoutSending = { deflate: { agreement: { ...agreement, [other]: true }, settings } };
    expectEvents(role, [first, second], [hello, hello], withoutSending);
  });
});
