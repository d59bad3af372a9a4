/**
 * Answers stand in the order of what they answer, also when all of it comes in one read. Autobahn 3.2, 4.1.3, 5.6, 5.15,
 * 5.19 and 7.1.6.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { closePayload, peerOf } from "../../../../test/conformance/websocket/support/frame-builder.js";
import { parseFrames } from "../../../../test/conformance/websocket/support/frame-parser.js";
import { WebSocketServer } from "../../src/websocket.js";
import { upgradeRequest } from "../support/server.js";

const client = peerOf("server");

/** Sends the frames to an echo server in one write, and reads what comes back until the connection ends. */
async function answersTo(...frames: readonly Uint8Array[]): Promise<string[]> {
  const server = new WebSocketServer({
    onConnection(socket) {
      socket.onMessage = (data) => socket.send(data);
    },
  });
  const port = await server.listen();
  onTestFinished(() => server.close());
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let received = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
  });
  const ended = once(socket, "end");
  // The handshake and all frames in one piece, so that nothing can be answered in between.
  socket.write(Buffer.concat([Buffer.from(upgradeRequest()), ...frames]));
  await ended;
  const head = received.indexOf("\r\n\r\n") + 4;
  return parseFrames(received.subarray(head), "server").map(({ opcode, payload }) =>
    opcode === 8 ? `close ${payload.readUInt16BE(0)}` : `${opcode === 10 ? "pong" : "message"} ${payload}`,
  );
}

const goodbye = client.frame({ opcode: 8, payload: closePayload(1000) });

describe("answers to what comes in one read", () => {
  it("a pong comes before the echo of a message that ends after the ping", async () => {
    const answers = await answersTo(
      client.text("frag", false),
      client.ping("still there?"),
      client.continuation("ment"),
      goodbye,
    );
    expect(answers).toEqual(["pong still there?", "message fragment", "close 1000"]);
  });

  it("pongs and echoes keep the order of pings and messages", async () => {
    const answers = await answersTo(
      client.text("1"),
      client.ping("2"),
      client.text("3"),
      client.ping("4"),
      goodbye,
    );
    expect(answers).toEqual(["message 1", "pong 2", "message 3", "pong 4", "close 1000"]);
  });

  it("a message before a Close frame is answered before the connection closes", async () => {
    expect(await answersTo(client.text("last words"), goodbye)).toEqual(["message last words", "close 1000"]);
  });

  it.each([
    ["reserved bits", client.frame({ opcode: 1, payload: "x", rsv: 2 })],
    ["a reserved opcode", client.frame({ opcode: 5, payload: "x" })],
    ["a continuation of nothing", client.continuation("x")],
  ])("a message before %s is answered before the connection fails", async (_name, fault) => {
    expect(await answersTo(client.text("before"), fault)).toEqual(["message before", "close 1002"]);
  });
});
