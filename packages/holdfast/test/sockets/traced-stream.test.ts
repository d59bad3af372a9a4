import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createServer, type HoldfastServer } from "../../src/index.js";
import type { SocketOpening, SocketTrace } from "../../src/sockets/traced-stream.js";

let server: HoldfastServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

interface Seen {
  readonly opening: SocketOpening;
  received: Buffer;
  sent: Buffer;
  closed: number;
}

/** A server that traces the connections whose query says so. */
async function listen(faults: { received?: boolean } = {}) {
  const all: Seen[] = [];
  const errors: unknown[] = [];
  server = createServer({
    port: 0,
    onError: (error) => errors.push(error),
    traceSocket: (opening): SocketTrace | undefined => {
      if (!opening.url.includes("traced")) return undefined;
      const seen: Seen = { opening, received: Buffer.alloc(0), sent: Buffer.alloc(0), closed: 0 };
      all.push(seen);
      return {
        received: (bytes) => {
          if (faults.received) throw new Error("the observer failed");
          seen.received = Buffer.concat([seen.received, bytes]);
        },
        sent: (bytes) => {
          seen.sent = Buffer.concat([seen.sent, bytes]);
        },
        closed: () => {
          seen.closed++;
        },
      };
    },
  });
  const { port } = await server.listen();
  return { all, url: `ws://localhost:${port}/connection/websocket` };
}

const connect = JSON.stringify({ id: 1, connect: {} });

async function ask(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  const [data] = (await once(socket, "message")) as [Buffer];
  return data.toString();
}

describe("trace of a WebSocket", () => {
  it("sees the handshake, every byte of both directions, and the end", async () => {
    const { all, url } = await listen();
    const socket = new WebSocket(`${url}?traced`);
    await once(socket, "open");
    const answer = await ask(socket, connect);
    socket.close(1000, "enough");
    const [code] = await once(socket, "close");
    const [seen] = all as [Seen];
    expect(seen.opening.url).toBe("/connection/websocket?traced");
    const names = seen.opening.rawHeaders.filter((_, index) => index % 2 === 0);
    expect(names).toContain("Sec-WebSocket-Key");
    expect(seen.opening.responseHead).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n.*\r\n\r\n$/s);
    // RFC 6455 §5.1: masked from the client, unmasked from the server.
    expect([...seen.received.subarray(0, 2)]).toEqual([0x81, 0x80 | connect.length]);
    expect(seen.sent[1]).toBe(answer.length < 126 ? answer.length : 126);
    expect(seen.sent.includes(answer)).toBe(true);
    // The Close frame comes back with its code (§5.5.1).
    expect([...seen.sent.subarray(-10)]).toEqual([0x88, 8, 0x03, 0xe8, ...Buffer.from("enough")]);
    expect([code, seen.closed]).toEqual([1000, 1]);
  });

  it("leaves other connections alone", async () => {
    const { all, url } = await listen();
    const socket = new WebSocket(url);
    await once(socket, "open");
    expect(await ask(socket, connect)).toContain('"connect"');
    socket.close();
    expect(all).toEqual([]);
  });

  it("can end the connection without a Close frame", async () => {
    const { all, url } = await listen();
    const socket = new WebSocket(`${url}?traced`);
    socket.on("error", () => {});
    await once(socket, "open");
    await ask(socket, connect);
    all[0]?.opening.terminate();
    const [code] = await once(socket, "close");
    expect([code, all[0]?.closed]).toEqual([1006, 1]);
  });

  it("ends the connection when the observer throws, and no other", async () => {
    const { url } = await listen({ received: true });
    const [broken, other] = [new WebSocket(`${url}?traced`), new WebSocket(url)];
    broken.on("error", () => {});
    await Promise.all([once(broken, "open"), once(other, "open")]);
    broken.send(connect);
    expect((await once(broken, "close"))[0]).toBe(1006);
    expect(await ask(other, connect)).toContain('"connect"');
    other.close();
  });
});
