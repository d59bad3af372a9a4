import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../../holdfast/test/support/server.js";
import { SocketCounter } from "../src/socket-counter.js";

async function createEcho(): Promise<number> {
  const server = createServer((socket) => socket.pipe(socket));
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function talk(port: number, text: string) {
  const socket = connect(port, "127.0.0.1");
  socket.write(text);
  let heard = 0;
  socket.on("data", ({ length }) => {
    heard += length;
  });
  await until(() => heard === text.length);
  return socket;
}

describe("a counter of sockets", () => {
  it("counts what servers of this process accept, while it is open and after", async () => {
    const port = await createEcho();
    const counter = new SocketCounter();
    counter.start();
    onTestFinished(() => counter.stop());
    expect(counter.read()).toEqual({ connections: 0, bytesUp: 0, bytesDown: 0 });
    const one = await talk(port, "x".repeat(1000));
    const other = await talk(port, "y".repeat(50));
    expect(counter.read()).toEqual({ connections: 2, bytesUp: 1050, bytesDown: 1050 });
    one.destroy();
    other.end();
    await until(() => one.closed && other.closed);
    const third = await talk(port, "z");
    onTestFinished(() => void third.destroy());
    expect(counter.read()).toEqual({ connections: 3, bytesUp: 1051, bytesDown: 1051 });
  });

  it("counts nothing once it is stopped", async () => {
    const port = await createEcho();
    const counter = new SocketCounter();
    counter.start();
    counter.stop();
    (await talk(port, "x")).destroy();
    expect(counter.read()).toEqual({ connections: 0, bytesUp: 0, bytesDown: 0 });
  });
});
