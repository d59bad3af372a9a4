/** RFC 7692 §7.2.3: the examples of compressed messages, and what else a message may consist of. */
import { describe, expect, it } from "vitest";
import type { Role, WebSocketConnection } from "../../../packages/holdfast/src/websocket/index.js";
import { agreed, agreements, compressedPeerOf, fromHex, tail } from "./support/deflate.js";
import { peerOf } from "./support/frame-builder.js";
import { inflate } from "./support/inflate-oracle.js";
import { plain } from "./support/outcome.js";
import { expectEvents, expectFault, play } from "./support/play.js";

const roles: Role[] = ["server", "client"];
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
