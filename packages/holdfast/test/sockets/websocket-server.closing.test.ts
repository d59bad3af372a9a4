/** How a WebSocketServer treats handlers that throw, and how it ends. */
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import type { AddressInfo } from "node:net";
import { fetch } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { clientFrame, RawClient, until, upgradeRequest } from "../support/server.js";
import { createSocketServer, startSockets, startWitness, WsClient, watchClose } from "./support/servers.js";

describe("a handler that throws", () => {
  it("ends its connection with 1011 and is reported; others notice nothing", async () => {
    const { url, errors, server } = await startSockets({
      onConnection: (socket) => {
        socket.onMessage = (data) => {
          throw new Error(`cannot take ${data}`);
        };
      },
    });
    const witness = await startWitness(url);
    const client = await WsClient.open(url);
    client.socket.send("this");
    expect(await client.waitForClose()).toEqual({ code: 1011, reason: "internal error" });
    expect(errors).toEqual([{ stage: "handling a message", message: "cannot take this" }]);
    await until(() => server.connections.size === 1);
    await witness.check();
  });

  it("is not given the messages behind that", async () => {
    const taken: unknown[] = [];
    const { port, errors } = await startSockets({
      onConnection: (socket) => {
        socket.onMessage = (data) => {
          taken.push(data);
          throw new Error("no");
        };
      },
    });
    const client = await RawClient.upgrade(port);
    client.write(Buffer.concat(["a", "b", "c"].map((text) => clientFrame(0x1, text))));
    expect((await client.readClose()).code).toBe(1011);
    expect(taken).toEqual(["a"]);
    expect(errors.length).toBe(1);
  });

  it("of pongs, drains and closes is reported, too", async () => {
    const { url, errors } = await startSockets({
      onConnection: (socket) => {
        socket.onPong = () => {
          throw new Error("pong");
        };
        socket.onClose = () => {
          throw new Error("close");
        };
        socket.ping();
      },
    });
    const client = new WsClient(url);
    expect((await client.waitForClose()).code).toBe(1011);
    await until(() => errors.length === 2);
    expect(errors).toEqual([
      { stage: "handling a pong", message: "pong" },
      { stage: "handling a close", message: "close" },
    ]);
  });

  it("for connections closes with 1011 what it was called for", async () => {
    const { url, errors, server } = await startSockets({
      onConnection: () => {
        throw new Error("no room");
      },
    });
    const witness = await startWitness(url);
    const client = new WsClient(url);
    expect((await client.waitForClose()).code).toBe(1011);
    expect(errors).toEqual([{ stage: "handling a connection", message: "no room" }]);
    await until(() => server.connections.size === 1);
    await witness.check();
  });
});

it("a connection that its handler closes is given no more messages", async () => {
  const taken: unknown[] = [];
  const { port } = await startSockets({
    onConnection: (socket) => {
      socket.onMessage = (data) => {
        taken.push(data);
        socket.close(4000, "enough");
      };
    },
  });
  const client = await RawClient.upgrade(port);
  client.write(Buffer.concat(["a", "b", "c"].map((text) => clientFrame(0x1, text))));
  expect(await client.readClose()).toEqual({ code: 4000, reason: "enough" });
  expect(taken).toEqual(["a"]);
});

it("messages in front of a Close frame are given before the close is", async () => {
  const taken: unknown[] = [];
  const { port } = await startSockets({
    onConnection: (socket) => {
      socket.onMessage = (data) => taken.push(data);
      socket.onClose = ({ code, reason, wasClean }) => taken.push([code, reason, wasClean]);
    },
  });
  const client = await RawClient.upgrade(port);
  const close = clientFrame(0x8, Buffer.from("\x0f\xa0bye", "latin1"));
  client.write(Buffer.concat([clientFrame(0x1, "a"), clientFrame(0x1, "b"), close]));
  await until(() => taken.length === 3);
  expect(taken).toEqual(["a", "b", [4000, "bye", true]]);
});

describe("close()", () => {
  it("ends every connection with 1001 and resolves when all are gone", async () => {
    const { server, url, port } = await startSockets();
    const clients = await Promise.all([1, 2, 3].map(() => WsClient.open(url)));
    await server.close();
    expect(server.connections.size).toBe(0);
    for (const client of clients) expect((await client.waitForClose()).code).toBe(1001);
    await expect(RawClient.connect(port)).rejects.toThrow();
    await expect(server.listen()).rejects.toMatchObject({ code: "HF_SERVER_STATE" });
  });

  it("resolves for each that waits for it", async () => {
    const { server, url } = await startSockets();
    await WsClient.open(url);
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });

  it("resolves although a peer does not answer, within closeTimeoutMs", async () => {
    const { server, port, sockets } = await startSockets({ closeTimeoutMs: 300 });
    await RawClient.upgrade(port);
    await RawClient.connect(port);
    const heard = watchClose(sockets[0] as (typeof sockets)[0]);
    await server.close();
    expect(heard).toEqual([{ code: 1006, reason: "", wasClean: false }]);
  });

  it("refuses clients on which authorize had not decided yet", async () => {
    let admit: () => void = () => {};
    let isAsked = false;
    const { server, port, sockets } = await startSockets({
      closeTimeoutMs: 500,
      authorize: () => {
        isAsked = true;
        return new Promise((resolve) => {
          admit = () => resolve(undefined);
        });
      },
    });
    const client = await RawClient.connect(port);
    client.write(upgradeRequest());
    await until(() => isAsked);
    const closed = server.close();
    admit();
    await closed;
    expect(await client.readToEnd()).toMatch(/^(HTTP\/1\.1 503 [\s\S]*)?$/);
    expect(sockets).toEqual([]);
    expect(server.connections.size).toBe(0);
  });

  it("detaches from the server of the application, which goes on", async () => {
    const http = createHttp((_request, response) => response.end("page"));
    const { server } = createSocketServer();
    server.attach(http);
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    onTestFinished(() => void http.close());
    const { port } = http.address() as AddressInfo;
    const client = await WsClient.open(`ws://127.0.0.1:${port}/`);
    await server.close();
    expect((await client.waitForClose()).code).toBe(1001);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("page");
    expect(http.listenerCount("upgrade")).toBe(0);
    const next = createSocketServer();
    next.server.attach(http);
    expect(await (await WsClient.open(`ws://127.0.0.1:${port}/`)).ask("again")).toBe("again");
  });
});
