import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { FrameSocket } from "../../../src/brokers/shared/frame-socket.js";
import { encodeFrame, type Frame } from "../../../src/brokers/shared/frames.js";
import { until } from "../../support/server.js";

/** Both ends of a connection; the other one reads nothing until it is told to. */
async function connectPair(maxUnsentBytes: number) {
  const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [other] = (await once(server, "connection")) as [Socket];
  onTestFinished(() => {
    socket.destroy();
    other.destroy();
    server.close();
  });
  const frames: Frame[] = [];
  let closes = 0;
  const link = new FrameSocket({
    socket,
    schedule: setImmediate,
    maxUnsentBytes,
    onFrame: (frame) => frames.push(frame),
    onClose: () => closes++,
  });
  return { link, other, frames, closes: () => closes };
}

describe("connection between processes", () => {
  it("sends the frames of a turn in one write", async () => {
    const { link, other } = await connectPair(1_000_000);
    const chunks: Buffer[] = [];
    other.on("data", (chunk) => chunks.push(chunk));
    other.resume();
    const sent = [1, 2, 3].map((id) => encodeFrame(5, id, {}));
    for (const frame of sent) link.send(frame);
    await until(() => chunks.length > 0);
    expect(chunks).toEqual([Buffer.concat(sent)]);
  });

  it("ends when the peer leaves more unread than it may", async () => {
    const { link, closes } = await connectPair(1_000_000);
    const large = encodeFrame(5, 1, {}, [new Uint8Array(500_000)]);
    // The system takes some.
    for (let i = 0; i < 100 && closes() === 0; i++) {
      link.send(large);
      await new Promise(setImmediate);
    }
    expect(closes()).toBe(1);
    expect(link.isClosed).toBe(true);
  });

  it("ends with bytes that are no frames, and takes nothing after its end", async () => {
    const { link, other, frames, closes } = await connectPair(1_000_000);
    other.write(Buffer.concat([encodeFrame(5, 1, { a: 1 }), Buffer.alloc(20), encodeFrame(5, 2, {})]));
    await until(() => closes() === 1);
    expect(frames).toMatchObject([{ kind: 5, id: 1, head: { a: 1 } }]);
    link.send(encodeFrame(5, 3, {}));
    link.destroy();
    expect(closes()).toBe(1);
  });
});
