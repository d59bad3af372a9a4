import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../../packages/holdfast/test/support/server.js";
import { FaultProxy } from "./fault-proxy.js";
import type { LinkFault } from "./plan.js";

/** One end of a connection, and what has come to it. */
class End {
  readonly socket: Socket;
  received = "";
  hasEnded = false;
  isClosed = false;
  error: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.received += chunk;
    });
    socket.on("end", () => {
      this.hasEnded = true;
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
    onTestFinished(() => void socket.destroy());
  }
}

/** A client and a server with the proxy between them. */
async function createLine(): Promise<{
  client: End;
  server: End;
  fault(fault: LinkFault): void;
  proxy: FaultProxy;
}> {
  const target = createServer({ allowHalfOpen: false });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const proxy = await FaultProxy.listen(() => (target.address() as AddressInfo).port);
  onTestFinished(async () => {
    await proxy.close();
    target.close();
  });
  const accepted = once(target, "connection");
  const socket = connect(proxy.port, "127.0.0.1");
  const client = new End(socket);
  const server = new End((await accepted)[0] as Socket);
  await until(() => proxy.count === 1);
  const fault = (fault: LinkFault) => expect(proxy.apply(socket.localPort as number, fault)).toBe(true);
  return { client, server, fault, proxy };
}

describe("fault proxy", () => {
  it("passes everything on both ways, and ends", async () => {
    const { client, server, proxy } = await createLine();
    client.socket.write("up");
    server.socket.write("down");
    await until(() => server.received === "up" && client.received === "down");
    client.socket.end("last");
    await until(() => client.isClosed && server.isClosed && proxy.count === 0);
    expect(server.received).toBe("uplast");
  });

  it("passes on more than it holds, for a reader that pauses", async () => {
    const { client, server } = await createLine();
    client.socket.pause();
    const text = "x".repeat(20_000_000);
    server.socket.end(text);
    await sleep(50);
    expect(server.socket.writableFinished).toBe(false);
    client.socket.resume();
    await until(() => client.hasEnded);
    expect(client.received).toHaveLength(text.length);
  });

  it("ends both sides with a cut", async () => {
    const { client, server, fault } = await createLine();
    fault({ kind: "cut" });
    await until(() => client.isClosed && server.isClosed);
    expect([client.error, server.error]).toEqual([undefined, undefined]);
  });

  it("resets both sides", async () => {
    const { client, server, fault } = await createLine();
    fault({ kind: "reset" });
    await until(() => client.isClosed && server.isClosed);
    expect([client.error, server.error]).toEqual(["ECONNRESET", "ECONNRESET"]);
  });

  it("cuts in the middle of what the server sends next", async () => {
    const { client, server, fault } = await createLine();
    fault({ kind: "cutInFrame", direction: "down", keptPart: 0.5 });
    client.socket.write("this still arrives");
    await until(() => server.received === "this still arrives");
    server.socket.write("0123456789");
    await until(() => client.isClosed && server.isClosed);
    expect(client.received).toBe("01234");
  });

  it("cuts in the middle of what the client sends next", async () => {
    const { client, server, fault } = await createLine();
    fault({ kind: "cutInFrame", direction: "up", keptPart: 0.5 });
    client.socket.write("0123456789");
    await until(() => client.isClosed && server.isClosed);
    expect(server.received).toBe("01234");
  });

  it("stalls one direction for a time, and then goes on", async () => {
    const { client, server, fault } = await createLine();
    fault({ kind: "stall", direction: "down", ms: 300 });
    client.socket.write("up");
    server.socket.write("down");
    await until(() => server.received === "up");
    expect(client.received).toBe("");
    await until(() => client.received === "down");
  });

  it("delivers what a client had sent that is gone by then", async () => {
    const { client, server, fault } = await createLine();
    fault({ kind: "stall", direction: "up", ms: 200 });
    client.socket.end("a last word");
    await until(() => server.received === "a last word" && server.hasEnded);
  });

  it("passes on a few bytes a second", async () => {
    const { client, server, fault } = await createLine();
    fault({ kind: "slow", bytesPerSecond: 500, ms: 60_000 });
    server.socket.write("x".repeat(10_000));
    await until(() => client.received.length > 50);
    expect(client.received.length).toBeLessThan(10_000);
  });

  it("goes on at once when it is healed", async () => {
    const { client, server, fault, proxy } = await createLine();
    fault({ kind: "stall", direction: "both", ms: 60_000 });
    server.socket.write("down");
    proxy.heal();
    await until(() => client.received === "down");
  });

  it("swallows everything and keeps the client's side open", async () => {
    const { client, server, fault, proxy } = await createLine();
    fault({ kind: "halfOpen" });
    client.socket.write("up");
    server.socket.end("down");
    await until(() => server.hasEnded || server.socket.writableFinished);
    await sleep(50);
    expect([server.received, client.received, client.hasEnded]).toEqual(["", "", false]);
    proxy.heal();
    await until(() => client.isClosed);
  });

  it("does to all connections, and to those that open, what it is told until it heals", async () => {
    const target = createServer((socket) => void new End(socket)).listen(0, "127.0.0.1");
    await once(target, "listening");
    const proxy = await FaultProxy.listen(() => (target.address() as AddressInfo).port);
    onTestFinished(async () => {
      await proxy.close();
      target.close();
    });
    const open = () => new End(connect(proxy.port, "127.0.0.1"));
    const first = open();
    await until(() => proxy.count === 1);
    proxy.applyToAll({ kind: "reset" });
    const second = open();
    await until(() => first.isClosed && second.isClosed);
    expect([first.error, second.error]).toEqual(["ECONNRESET", "ECONNRESET"]);
    proxy.heal();
    const third = open();
    await until(() => proxy.count === 1);
    expect(third.isClosed).toBe(false);
  });

  it("resets a client when nobody listens behind it", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    const proxy = await FaultProxy.listen(() => port);
    onTestFinished(() => proxy.close());
    const client = new End(connect(proxy.port, "127.0.0.1"));
    await until(() => client.isClosed);
    expect(client.error).toBe("ECONNRESET");
  });
});
