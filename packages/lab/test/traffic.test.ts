import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../../holdfast/test/support/server.js";
import { SocketCounter, Tally } from "../src/traffic.js";

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

describe("Tally", () => {
  it("counts the bytes of connections that are open and that are closed", async () => {
    const echo = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void echo.close());
    const { port } = echo.address() as { port: number };
    const tally = new Tally();
    for (let i = 1; i <= 2; i++) {
      const socket = connect(port, "127.0.0.1");
      tally.watch(socket);
      socket.resume().write("x".repeat(1000));
      await until(() => tally.snapshot().bytesDown === 1000 * i);
      expect(tally.snapshot().bytesUp).toBe(1000 * i);
      if (i === 1) socket.destroy();
      onTestFinished(() => void socket.destroy());
    }
    await until(() => tally.snapshot().connections === 2);
    expect(tally.snapshot()).toMatchObject({ bytesUp: 2000, bytesDown: 2000 });
  });

  it("keeps the first errors, each once, and counts all", () => {
    const tally = new Tally();
    for (let i = 0; i < 20; i++) tally.recordError(`error ${i % 10}`);
    expect([tally.errors, tally.firstErrors.length]).toEqual([20, 5]);
  });
});
