/** Clients that want Ping frames instead of the protocol's pings, with `ws` as the client. */
import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { startServer, until } from "../../packages/holdfast/test/support/server.js";

const times = { pingIntervalMs: 400, pongTimeoutMs: 300 };

/** Connects, and notes all that comes. */
async function open(url: string, options: { readonly autoPong?: boolean } = {}) {
  const socket = new WebSocket(url, options);
  onTestFinished(() => socket.terminate());
  const messages: string[] = [];
  const pings: Buffer[] = [];
  socket.on("message", (data) => messages.push(...String(data).split("\n")));
  socket.on("ping", (data) => pings.push(data));
  const closed = once(socket, "close").then(([code, reason]) => `${code} ${reason}`);
  await once(socket, "open");
  socket.send(JSON.stringify({ id: 1, connect: {} }));
  await until(() => messages.length > 0);
  return { socket, messages, pings, closed };
}

describe("?cf_ws_frame_ping_pong=true", () => {
  it("gets Ping frames instead of protocol pings, and stays connected while it answers", async () => {
    const { url } = await startServer({ ...times });
    const { socket, messages, pings } = await open(`${url}?cf_ws_frame_ping_pong=true`);
    const { connect } = JSON.parse(messages[0] as string) as { connect: object };
    expect(connect).not.toHaveProperty("ping");
    expect(connect).not.toHaveProperty("pong");
    await until(() => pings.length >= 3);
    expect(messages.slice(1)).toEqual([]);
    expect(socket.readyState).toBe(WebSocket.OPEN);
  });

  it("is closed with 3012 when it does not answer", async () => {
    const { url } = await startServer({ ...times });
    const { pings, closed } = await open(`${url}?cf_ws_frame_ping_pong=true`, { autoPong: false });
    expect(await closed).toMatch(/^3012 no pong/);
    expect(pings).toHaveLength(1);
  });

  it.each(["", "?cf_ws_frame_ping_pong=false", "?other=true"])(
    "is asked for by nothing else: %j has the protocol's pings",
    async (query) => {
      const { url } = await startServer({ ...times });
      const { socket, messages, pings, closed } = await open(`${url}${query}`);
      socket.on("message", () => socket.pong());
      expect(JSON.parse(messages[0] as string)).toMatchObject({ connect: { ping: 1, pong: true } });
      await until(() => messages.includes("{}"));
      expect(pings).toEqual([]);
      // Pong frames are no answer to these.
      expect(await closed).toMatch(/^3012 no pong/);
    },
  );
});
