import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../../holdfast/test/support/server.js";
import { Network, type NetworkOptions } from "../src/network.js";

/** A server behind a network, and what opens connections through it. */
async function start(options: Partial<NetworkOptions>, onConnection: (socket: Socket) => void) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const targetPort = (server.address() as AddressInfo).port;
  const none = { delayMs: 0, jitterMs: 0, cutEveryMs: 0, seed: 1 };
  const network = new Network({ targetPort, ...none, ...options });
  const port = await network.listen();
  onTestFinished(() => {
    network.close();
    server.close();
  });
  return { network, open: () => connect({ port, host: "127.0.0.1", allowHalfOpen: true }) };
}

async function readToEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // An iteration would end the other direction, too.
  socket.on("data", (chunk: Buffer) => void chunks.push(chunk));
  await once(socket, "end");
  return Buffer.concat(chunks);
}

describe("Network", () => {
  it("passes on every byte in its order, with jitter, beyond its own buffers, and each end by itself", async () => {
    const bytes = randomBytes(2 * 1024 * 1024);
    const { open } = await start({ delayMs: 3, jitterMs: 3 }, (socket) => {
      // An echo that answers only once all has come.
      void readToEnd(socket).then((all) => socket.end(all));
    });
    const socket = open();
    for (let at = 0; at < bytes.length; at += 10_000) socket.write(bytes.subarray(at, at + 10_000));
    socket.end();
    expect((await readToEnd(socket)).equals(bytes)).toBe(true);
  });

  it("stops taking what the other side does not read", async () => {
    const { open } = await start({ delayMs: 1 }, (socket) => socket.pause());
    const socket = open();
    let taken = 0;
    const fill = () => {
      while (socket.write(Buffer.alloc(64 * 1024))) taken++;
    };
    socket.on("drain", fill);
    fill();
    // All that waits anywhere is full, and then nothing moves any more.
    let last = -1;
    await until(async () => {
      const isSame = last === taken;
      last = taken;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return isSame && last === taken;
    });
    expect(taken * 64 * 1024).toBeLessThan(64 * 1024 * 1024);
    socket.destroy();
  });

  it("cuts connections once it is told to, and no longer when it is told not to", async () => {
    const { network, open } = await start({ cutEveryMs: 20 }, (socket) => void socket.resume());
    let closed = 0;
    const connectOne = async () => {
      const socket = open();
      socket.on("error", () => {});
      socket.on("close", () => closed++);
      await once(socket, "connect");
      return socket;
    };
    for (let i = 0; i < 5; i++) await connectOne();
    expect(network.cuts).toBe(0);
    network.setCutting(true);
    await until(() => closed === 5);
    expect(network.cuts).toBe(5);
    network.setCutting(false);
    const survivor = await connectOne();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([closed, network.cuts]).toEqual([5, 5]);
    survivor.destroy();
  });
});
