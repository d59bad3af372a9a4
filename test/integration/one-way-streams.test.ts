/** Clients of the protocol that only read: pushes without an envelope, in channels that the server subscribes them to. */
import { describe, expect, it } from "vitest";
import { channel, defineApp, jwt, type ServerOptions } from "../../packages/holdfast/src/index.js";
import {
  type Answer,
  inSeconds,
  secret,
  startApp,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const app = defineApp({ authenticate: jwt({ secret }), channels: { "{name}": channel({ presence: true }) } });
const token = tokenOf({ sub: "ann", channels: ["news"], exp: inSeconds(3600) });

async function start(options: ServerOptions = {}) {
  const { server, http } = await startApp(app, options);
  const lines = (body: object | string) =>
    PlainStream.open(
      `${http}/connection/uni_http_stream`,
      {},
      "POST",
      typeof body === "string" ? body : JSON.stringify(body),
    );
  const events = (connect?: object) => {
    const query = connect === undefined ? "" : `?cf_connect=${encodeURIComponent(JSON.stringify(connect))}`;
    return PlainStream.open(`${http}/connection/uni_sse${query}`, { Accept: "text/event-stream" });
  };
  return { server, lines, events };
}

const connected = {
  connect: {
    client: expect.any(String),
    ping: 25,
    subs: { news: expect.objectContaining({ positioned: true }) },
  },
};

describe("one-way client", () => {
  it("gets its connect result, publications and the end as lines", async () => {
    const { server, lines } = await start();
    const stream = await lines({ token });
    await stream.until(() => stream.lines.length === 1);
    expect(stream.lines).toMatchObject([connected]);
    expect(stream.lines[0].connect).not.toHaveProperty("pong");
    expect(stream.lines[0].connect).not.toHaveProperty("session");
    await server.publish("news", "é");
    await stream.until(() => stream.lines.length === 2);
    await server.disconnect("ann", { code: 4501, reason: "enough" });
    await stream.ended();
    expect(stream.lines.slice(1)).toMatchObject([
      { channel: "news", pub: { data: "é", offset: 1 } },
      { disconnect: { code: 4501, reason: "enough" } },
    ]);
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject({ connections: 0, subscriptions: 0, channels: 0, deadlines: 0 });
  });

  it("gets the same as server-sent events, and recovers", async () => {
    const { server, events } = await start();
    const { epoch } = await server.publish("news", 1);
    await server.publish("news", 2);
    const stream = await events({ token, subs: { news: { recover: true, epoch, offset: 1 } } });
    const [first] = await stream.nextEvents(1);
    expect((first as Answer).data.connect.subs.news).toMatchObject({
      recovered: true,
      publications: [{ data: 2, offset: 2 }],
    });
    await server.publish("news", 3);
    expect((await stream.nextEvents(2))[1]).toMatchObject({ data: { pub: { data: 3, offset: 3 } } });
  });

  it("does not have to answer pings", async () => {
    const { server, lines } = await start({ pingIntervalMs: 600, pongTimeoutMs: 500 });
    const stream = await lines({ token });
    await stream.until(() => stream.lines.length >= 4);
    expect(stream.lines.slice(1, 4)).toEqual([{}, {}, {}]);
    expect(server.stats().connections).toBe(1);
  });

  it.each([
    ["has expired", { token: tokenOf({ sub: "ann", exp: inSeconds(-10) }) }, 3005],
    ["is nonsense", { token: "nonsense" }, 3500],
    ["is not there", {}, 3501],
  ])("is told by the end where its token %s", async (_name, params, code) => {
    const { server, lines } = await start();
    const stream = await lines(params);
    await stream.ended();
    expect(stream.lines).toMatchObject([{ disconnect: { code, reason: expect.stringMatching(/\w/) } }]);
    await until(() => server.stats().sockets === 0);
  });

  it("is refused with 400 when it sends no object, or anything to an event stream", async () => {
    const { lines, events } = await start();
    expect((await lines("[1]")).status).toBe(400);
    expect((await lines('{}}\n{"id":2,"publish":{"channel":"news","data":1}')).status).toBe(400);
    const stream = await events();
    await stream.ended();
    expect(stream.events).toMatchObject([{ data: { disconnect: { code: 3501 } } }]);
  });
});
