/** What connections may cost before, and beside, their requests. */
import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { ConnectionBounds, HttpFront, type HttpFrontOptions } from "../../src/sockets/http-front.js";
import { systemClock } from "../../src/sockets/system-clock.js";
import { FakeClock } from "../support/fake-clock.js";
import { frame, frameTypes, RawHttp2 } from "../support/raw-http2.js";
import { RawClient, until } from "../support/server.js";
import { testTls } from "../support/tls.js";

async function startFront(options: Partial<HttpFrontOptions> = {}) {
  const front = new HttpFront({
    clock: systemClock,
    http2: true,
    handshakeTimeoutMs: 10_000,
    maxHandshakeBytes: 16 * 1024,
    maxConnections: null,
    limits: { maxAddressSockets: null, maxAddressHandshakes: null },
    maxHandshakes: 1000,
    keyOf: (address) => address,
    maxStreams: 256,
    ...options,
  });
  let requests = 0;
  const answer = (_request: unknown, response: { end(text: string): void }) => {
    requests++;
    setImmediate(() => response.end("answered"));
  };
  front.http1.on("request", answer);
  front.http2?.on("request", answer);
  await front.listen({ port: 0, host: "127.0.0.1" });
  onTestFinished(async () => {
    const closed = front.close();
    front.terminate();
    await closed;
  });
  const { port } = front.listener.address() as { port: number };
  return { front, port, countRequests: () => requests };
}

/** With time for what the second sets off. */
async function passSecond(clock: FakeClock): Promise<void> {
  clock.advance(1000);
  await new Promise((resolve) => setTimeout(resolve, 10));
}

const request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

describe("connections of one address", () => {
  it("are closed beyond the bound, and let go of when they end", async () => {
    const { port } = await startFront({ limits: { maxAddressSockets: 2, maxAddressHandshakes: null } });
    const clients = [await RawClient.connect(port), await RawClient.connect(port)];
    for (const client of clients) client.write(request);
    await until(() => clients.every((client) => client.received.includes("answered")));
    const third = await RawClient.connect(port);
    await until(() => third.hasClosed);
    clients[0]?.socket.destroy();
    await until(async () => {
      const next = await RawClient.connect(port);
      next.write(request);
      await until(() => next.hasClosed || next.received.includes("answered"));
      return next.received.includes("answered");
    });
  });

  it.each([undefined, testTls])("that say nothing have a bound of their own (TLS %#)", async (tls) => {
    const { port } = await startFront({ tls, limits: { maxAddressSockets: null, maxAddressHandshakes: 2 } });
    const silent = [await RawClient.connect(port), await RawClient.connect(port)];
    const third = await RawClient.connect(port);
    await until(() => third.hasClosed);
    expect(silent.some((client) => client.hasClosed)).toBe(false);
    silent[0]?.socket.destroy();
    await until(async () => {
      const session = connectHttp2(`${tls ? "https" : "http"}://localhost:${port}`, { ca: testTls.cert });
      session.on("error", () => {});
      onTestFinished(() => session.destroy());
      const [settings] = await Promise.race([once(session, "remoteSettings"), once(session, "close")]);
      return settings !== undefined;
    });
  });
});

describe("connections that say nothing", () => {
  it("are closed beyond what all may be, those first that have waited for longest", async () => {
    const { port } = await startFront({ maxHandshakes: 2 });
    const clients: RawClient[] = [];
    for (let i = 0; i < 4; i++) clients.push(await RawClient.connect(port));
    await until(() => clients.filter((client) => client.hasClosed).length === 2);
    expect(clients.map((client) => client.hasClosed)).toEqual([true, true, false, false]);
  });

  it("are given up after their time, which a pause of the process is not part of", async () => {
    const clock = new FakeClock();
    const bounds = new ConnectionBounds({
      clock,
      limits: { maxAddressSockets: null, maxAddressHandshakes: null },
      maxHandshakes: 10,
      handshakeTimeoutMs: 4000,
      keyOf: (address) => address,
    });
    const { port } = await startFront();
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
    let isLate = false;
    bounds.admit(socket, () => {
      isLate = true;
    });
    clock.advance(2000);
    clock.stop(60_000);
    clock.advance(500);
    expect([isLate, bounds.handshakes]).toEqual([false, 1]);
    clock.advance(2000);
    expect([isLate, bounds.handshakes]).toEqual([true, 0]);
    socket.destroy();
    await until(() => bounds.addresses === 0);
  });
});

describe("a connection of HTTP/2", () => {
  it.each([
    ["CANCEL", constants.NGHTTP2_CANCEL],
    ["NO_ERROR", constants.NGHTTP2_NO_ERROR],
  ])("that resets what it has asked for (%s) is ended soon, and closed", async (_name, code) => {
    const { port, countRequests } = await startFront();
    const peer = await RawHttp2.connect(port);
    for (let i = 0; i < 5000; i++) {
      const { stream, bytes } = peer.request({ method: "GET", path: "/" });
      peer.write(bytes, frame(frameTypes.reset, 0, stream, Buffer.from([0, 0, 0, code])));
    }
    await until(() => peer.hasClosed);
    expect(countRequests()).toBeLessThan(1000);
  });

  it.each([
    ["PING", frame(frameTypes.ping, 0, 0, Buffer.alloc(8))],
    ["SETTINGS", frame(frameTypes.settings, 0, 0)],
  ])("that sends %s frames all the time is ended, and closed", async (_name, bytes) => {
    const { port } = await startFront();
    const peer = await RawHttp2.connect(port);
    for (let i = 0; i < 1000; i++) peer.write(bytes);
    await until(() => peer.hasClosed);
    expect(peer.goaway).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });

  it.each([
    ["DATA of a stream that was never opened", frame(frameTypes.data, 0, 5, Buffer.from("x"))],
    ["a head that cannot be decoded", frame(frameTypes.headers, 5, 1, Buffer.alloc(5, 0xff))],
    ["a frame that is too large", Buffer.from("ffffff000000000001", "hex")],
  ])("whose peer sends %s is closed, whether the peer ends or not", async (_name, bytes) => {
    const clock = new FakeClock();
    const { port } = await startFront({ clock });
    const peers = [await RawHttp2.connect(port), await RawHttp2.connect(port)];
    for (const peer of peers) peer.write(bytes);
    peers[1]?.socket.end();
    await until(() => passSecond(clock).then(() => peers.every((peer) => peer.hasClosed)));
  });

  it("whose peer is silent is left open where it answers, and asked once", async () => {
    const clock = new FakeClock();
    const { port } = await startFront({ clock });
    const session = connectHttp2(`http://localhost:${port}`);
    onTestFinished(() => session.destroy());
    await once(session, "remoteSettings");
    let pings = 0;
    session.on("ping", () => {
      pings++;
    });
    const mute = await RawHttp2.connect(port);
    await until(() => passSecond(clock).then(() => mute.hasClosed));
    for (let i = 0; i < 20; i++) await passSecond(clock);
    expect([session.destroyed, pings]).toEqual([false, 1]);
  });

  it("may break off now and then what it has asked for", async () => {
    const { port, countRequests } = await startFront();
    const session = connectHttp2(`http://localhost:${port}`);
    onTestFinished(() => session.destroy());
    let isClosed = false;
    session.on("close", () => {
      isClosed = true;
    });
    for (let i = 0; i < 1000; i++) {
      const kept = session.request({ ":path": "/" });
      kept.resume();
      const broken = session.request({ ":path": "/" });
      broken.on("error", () => {});
      broken.close(constants.NGHTTP2_CANCEL);
      await once(kept, "end");
    }
    expect(isClosed).toBe(false);
    expect(countRequests()).toBeGreaterThanOrEqual(1000);
  });
});

describe("a connection that is kept", () => {
  it("stays longer than balancers keep theirs, and says so", async () => {
    const { port, front } = await startFront();
    const client = await RawClient.connect(port);
    client.write(request);
    expect(await client.readHead()).toMatch(/\r\nConnection: keep-alive\r\nKeep-Alive: timeout=75\r\n/);
    expect(front.http1.keepAliveTimeout).toBeGreaterThan(60_000);
    expect(front.http1.timeout).toBeGreaterThan(60_000);
  });
});
