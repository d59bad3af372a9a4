/** Large messages, chopped and fragmented, and many small ones. Autobahn sections 9 and 10. */
import { describe, expect, it } from "vitest";
import {
  type ConnectionOptions,
  type Role,
  WebSocketConnection,
} from "../../../packages/holdfast/src/websocket/index.js";
import { bytesOf, type Peer, peerOf } from "./support/frame-builder.js";
import { plain } from "./support/outcome.js";
import { type Cutter, cut, expectEvents, pieces, playOnce, whole } from "./support/play.js";

const roles: Role[] = ["server", "client"];
const mebibyte = 1 << 20;
const options: ConnectionOptions = { maxMessageBytes: 16 * mebibyte };

/** Three-byte characters and lines of ASCII, so that cuts fall inside characters. */
const largeText = Buffer.alloc(
  16 * mebibyte,
  "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich — 〒!\n",
);
const largeBinary = Buffer.alloc(
  16 * mebibyte,
  bytesOf(251, (i) => i),
);
// The filling is cut off somewhere: end at a character.
largeText.fill(0x2e, largeText.length - 8);
largeText.write("ö", largeText.length - 10);

function fragments(peer: Peer, bytes: Buffer, size: number): Buffer[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, i) => {
    const payload = bytes.subarray(i * size, (i + 1) * size);
    const isFinal = i === count - 1;
    return i === 0 ? peer.text(payload, isFinal) : peer.continuation(payload, isFinal);
  });
}

describe.each(roles)("large messages, received by a %s (RFC 6455 §5.2)", (role) => {
  const peer = peerOf(role);
  const chops: [string, Cutter][] = [
    ["whole", whole],
    ["in chops of 1 MiB", pieces(mebibyte)],
    ["in chops of 64 KiB", pieces(65_536)],
    ["in chops of 4,093 bytes", pieces(4093)],
    ["in chops of 997 bytes", pieces(997)],
  ];
  const textFrame = peer.text(largeText);
  const binaryFrame = peer.binary(largeBinary);

  it.each(chops)("16 MiB of text are delivered, %s", (_name, chop) => {
    const text = largeText.toString("utf8");
    const { events, state } = playOnce(role, [textFrame], chop, options);
    expect(events.map((event) => event.type === "text" && event.text === text)).toEqual([true]);
    expect(state).toBe("open");
  });

  it.each(chops)("16 MiB of binary are delivered, %s", (_name, chop) => {
    const { events } = playOnce(role, [binaryFrame], chop, options);
    expect(events).toEqual([{ type: "binary", data: plain(largeBinary) }]);
  });

  it.each([64, 1000, 65_536])("4 MiB of text are delivered in fragments of %i bytes", (size) => {
    const bytes = largeText.subarray(largeText.length - 4 * mebibyte + 2);
    const start = bytes.findIndex((byte) => byte < 0x80);
    const message = bytes.subarray(start);
    const { events } = playOnce(role, fragments(peer, message, size), pieces(10_007), options);
    expect(events.map((event) => event.type === "text" && event.text === message.toString("utf8"))).toEqual([
      true,
    ]);
  });

  it("64 KiB in fragments of 1,300 bytes are delivered however they are cut", () => {
    const text = "*".repeat(65_536);
    expectEvents(role, fragments(peer, Buffer.from(text), 1300), [{ type: "text", text }]);
  });

  it("1,000 messages of 64 bytes are delivered in order", () => {
    const texts = Array.from({ length: 1000 }, (_, i) => `${i}`.padStart(64, "."));
    const { events } = playOnce(
      role,
      texts.map((text) => peer.text(text)),
      pieces(1013),
    );
    expect(events).toEqual(texts.map((text) => ({ type: "text", text })));
  });
});

describe("16 MiB from a client to a server and back (RFC 6455 §5.3)", () => {
  it("come back as they were sent", () => {
    const client = new WebSocketConnection("client", options);
    const server = new WebSocketConnection("server", options);
    client.sendBinary(largeBinary);
    for (const chunk of cut(Buffer.concat(client.takeOutput()), pieces(65_521)))
      for (const event of server.receive(chunk)) if (event.type === "binary") server.sendBinary(event.data);
    const echoed = [...cut(Buffer.concat(server.takeOutput()), pieces(32_749))].flatMap((chunk) =>
      client.receive(chunk),
    );
    expect(echoed.map((event) => event.type === "binary" && plain(event.data))).toEqual([plain(largeBinary)]);
  });
});
