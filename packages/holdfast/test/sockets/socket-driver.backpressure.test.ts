/** Peers that do not read, over everything that carries WebSockets. */
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { ServerWebSocket } from "../../src/websocket.js";
import { until } from "../support/server.js";
import { carriers, startCarrier } from "./support/carriers.js";
import { startWitness, watchClose } from "./support/servers.js";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
const chunk = "x".repeat(60_000);

describe.each(carriers)("over $name", (carrier) => {
  it("a peer that never reads is terminated with 1008 at the bound, and its memory is freed", async () => {
    const bound = 4_000_000;
    const { open, sockets, url, server, errors } = await startCarrier(carrier, {
      maxUnsentBytes: bound,
      onConnection: () => {},
    });
    const witness = await startWitness(url);
    const client = await open();
    client.pause();
    const socket = sockets[0] as ServerWebSocket;
    const closed = watchClose(socket);
    let most = 0;
    for (let i = 0; i < 1000 && socket.isOpen; i++) {
      socket.send(chunk);
      most = Math.max(most, socket.bufferedAmount);
      if (i % 10 === 0) await nextTurn();
    }
    await until(() => closed.length === 1);
    expect(closed).toEqual([
      {
        code: 1008,
        reason: expect.stringMatching(/unsent bytes, more than the limit of 4000000/),
        wasClean: false,
      },
    ]);
    expect(most).toBeGreaterThan(bound - 200_000);
    expect(most).toBeLessThan(bound + 200_000);
    expect(socket.bufferedAmount).toBe(0);
    socket.send("nobody hears this");
    expect(socket.bufferedAmount).toBe(0);
    await until(() => server.connections.size === 1);
    await witness.check();
    expect(errors).toEqual([]);
  });

  it("a peer that asks and does not read is not listened to any more, until it reads", async () => {
    const { open, sockets, url, errors } = await startCarrier(carrier, { maxMessageBytes: 200_000 });
    const witness = await startWitness(url);
    const client = await open({ maxUnsentBytes: 64_000_000, maxMessageBytes: 200_000 });
    let count = 0;
    client.onmessage = ({ data }) => {
      count += data === chunk ? 1 : 0;
    };
    client.pause();
    const socket = sockets[0] as ServerWebSocket;
    for (let i = 0; i < 400; i++) client.send(chunk);
    // What is held for it is what one read asks for, beyond the bound.
    let last = -1;
    while (last !== client.bufferedAmount) {
      last = client.bufferedAmount;
      await witness.check();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(client.bufferedAmount).toBeGreaterThan(1_000_000);
    expect(socket.bufferedAmount).toBeLessThan(1_000_000);
    client.resume();
    await until(() => count === 400);
    await until(() => socket.bufferedAmount === 0);
    expect(errors).toEqual([]);
  });

  it("onDrain tells once that everything was taken, on both roles", async () => {
    const { open, sockets } = await startCarrier(carrier, { onConnection: () => {} });
    const client = await open();
    const socket = sockets[0] as ServerWebSocket;
    const drains: number[] = [];
    socket.onDrain = () => drains.push(socket.bufferedAmount);
    let received = 0;
    client.onmessage = ({ data }) => {
      received += (data as string).length;
    };
    client.pause();
    for (let i = 0; i < 200; i++) socket.send(chunk);
    await nextTurn();
    await nextTurn();
    expect(drains).toEqual([]);
    expect(socket.bufferedAmount).toBeGreaterThan(0);
    client.resume();
    await until(() => received === 200 * chunk.length);
    await until(() => drains.length > 0);
    expect(drains).toEqual([0]);

    socket.pause();
    const clientDrains: number[] = [];
    client.ondrain = () => clientDrains.push(client.bufferedAmount);
    for (let i = 0; i < 200; i++) client.send(chunk);
    await nextTurn();
    expect(client.bufferedAmount).toBeGreaterThan(0);
    socket.resume();
    await until(() => clientDrains.length > 0);
    expect(clientDrains).toEqual([0]);
    expect(drains).toEqual([0]);
  });

  it("pause() holds up messages and resume() lets them come, on both roles", async () => {
    const taken: unknown[] = [];
    const { open, sockets } = await startCarrier(carrier, {
      onConnection: (socket) => {
        socket.onMessage = (data) => taken.push(data);
      },
    });
    const client = await open();
    const socket = sockets[0] as ServerWebSocket;
    const told: unknown[] = [];
    client.onmessage = ({ data }) => told.push(data);
    client.send("first");
    socket.send("first");
    await until(() => taken.length === 1 && told.length === 1);
    client.pause();
    socket.pause();
    await nextTurn();
    for (let i = 0; i < 10; i++) {
      client.send(`${i}`);
      socket.send(`${i}`);
      await nextTurn();
    }
    await until(() => client.bufferedAmount === 0 && socket.bufferedAmount === 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([taken.length, told.length]).toEqual([1, 1]);
    client.resume();
    socket.resume();
    await until(() => taken.length === 11 && told.length === 11);
    expect(taken).toEqual(told);
    expect(taken.slice(1)).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
  });

  it("a slow peer that takes a large message bit by bit is no stalled one", async () => {
    const size = 40_000_000;
    const { open, sockets } = await startCarrier(carrier, {
      stallTimeoutMs: 2000,
      maxUnsentBytes: 2 * size,
      onConnection: () => {},
    });
    const client = await open({ maxMessageBytes: size });
    const socket = sockets[0] as ServerWebSocket;
    const closed = watchClose(socket);
    let received = 0;
    client.onmessage = ({ data }) => {
      received = (data as string).length;
    };
    socket.send("x".repeat(size));
    // It reads what some turns have, a few times a second, for much longer than it may stall.
    for (let i = 0; i < 22; i++) {
      client.pause();
      await new Promise((resolve) => setTimeout(resolve, 200));
      client.resume();
      for (let turn = 0; turn < 10; turn++) await nextTurn();
    }
    await until(() => received > 0 || closed.length > 0);
    expect(closed).toEqual([]);
    expect(received).toBe(size);
  });

  it("a Close frame behind much that waits comes behind all of it", async () => {
    const { open, sockets } = await startCarrier(carrier, { onConnection: () => {}, closeTimeoutMs: 20_000 });
    const client = await open();
    let count = 0;
    client.onmessage = () => {
      count++;
    };
    client.pause();
    const socket = sockets[0] as ServerWebSocket;
    const closed = watchClose(socket);
    for (let i = 0; i < 200; i++) socket.send(chunk);
    await nextTurn();
    socket.send("last");
    socket.close(4000, "bye");
    client.resume();
    const [{ code, wasClean }] = await once(client, "close");
    expect([code, wasClean, count]).toEqual([4000, true, 201]);
    await until(() => closed.length === 1);
    expect(closed).toEqual([{ code: 4000, reason: "bye", wasClean: true }]);
  });
});
