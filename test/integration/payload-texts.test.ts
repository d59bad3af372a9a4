import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import { channel, defineApp, jwt, rpc } from "../../packages/holdfast/src/index.js";
import { apiKey, secret, startApp, tokenOf } from "../../packages/holdfast/test/support/app-server.js";
import { preciousTexts } from "../../packages/holdfast/test/support/json-texts.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const everything = `[${Object.values(preciousTexts).join(",")}]`;
const json = { "Content-Type": "application/json" };
const withKey = { ...json, "X-API-Key": apiKey };

/** A client that sends what it is told, and keeps what comes as text. */
async function connectRaw(url: string, connect = "{}") {
  const socket = new WebSocket(url);
  const lines: string[] = [];
  let id = 1;
  socket.on("message", (data) => lines.push(...String(data).split("\n")));
  onTestFinished(() => socket.terminate());
  await new Promise((resolve) => socket.once("open", resolve));
  const find = (part: string) => lines.find((line) => line.includes(part));
  const lineWith = async (part: string) => {
    await until(() => find(part) !== undefined);
    return find(part) as string;
  };
  /** @param command method and parameters, as text @returns the reply's line */
  const send = async (command: string) => {
    const { length } = String(++id);
    socket.send(`{"id":${id},${command}}`);
    expect(length).toBeGreaterThan(0);
    return await lineWith(`{"id":${id},`);
  };
  socket.send(`{"id":1,"connect":${connect}}`);
  const greeting = await lineWith('{"id":1,');
  return { socket, lines, lineWith, send, greeting };
}

async function start() {
  const data = createTemporaryFolder("texts");
  const allow = { subscribe: "all", publish: "all", presence: "all", history: "all" } as const;
  const open = defineApp({
    channels: {
      c: channel({ allow, presence: true, delta: true }),
      "map:{name}": channel({ allow, kind: "map" }),
    },
  });
  const running = await startApp(open, { data });
  const { http } = running;
  const post = async (path: string, body: string, headers: Record<string, string> = withKey) => {
    const response = await fetch(http + path, { method: "POST", headers, body });
    return await response.text();
  };
  const get = async (path: string) => await (await fetch(http + path)).text();
  return { ...running, http, post, get };
}

type Running = Awaited<ReturnType<typeof start>>;
type Raw = Awaited<ReturnType<typeof connectRaw>>;

const base64 = (text: string) => Buffer.from(text).toString("base64");

const waysIn: Readonly<
  Record<string, (running: Running, name: string, text: string, raw: Raw) => Promise<unknown>>
> = {
  "publish command": (_, name, text, { send }) => send(`"publish":{"channel":"${name}","data":${text}}`),
  "publish command in a binary frame": async (_, name, text, { socket }) =>
    socket.send(Buffer.from(`{"id":90,"publish":{"channel":"${name}","data":${text}}}`), { binary: true }),
  "holdfast.publish": (_, name, text, { send }) =>
    send(`"rpc":{"method":"holdfast.publish","data":{"channel":"${name}","data":${text}}}`),
  "API publish": ({ post }, name, text) => post("/api/publish", `{"channel":"${name}","data":\n${text}\r\n}`),
  "API publish in base64": ({ post }, name, text) =>
    post("/api/publish", `{"channel":"${name}","b64data":"${base64(`\n${text}\n`)}"}`),
  "API broadcast": ({ post }, name, text) =>
    post("/api/broadcast", `{"data":${text},"channels":["${name}"]}`),
  "API batch": ({ post }, name, text) =>
    post("/api/batch", `{"commands":[{"info":{}},{"publish":{"channel":"${name}","data":${text}}}]}`),
  "API lines": ({ post }, name, text) =>
    post("/api", `{"method":"publish","params":{"channel":"${name}","data":${text}}}\n`),
  "POST of a channel": ({ post }, name, text) => post(`/channels/${name}`, `\n ${text}\r\n`, json),
};

function withoutInfo(line: string): string {
  return line.replace(/"info":\{[^}]*\},/, "");
}

/** Publications in an answer of plain HTTP or the API, by their data. */
function expectData(answer: string, text: string): void {
  expect(answer).toContain(`"data":${text},`);
}

describe.each(Object.keys(waysIn))("data by %s", (way) => {
  const publish = waysIn[way] as (typeof waysIn)[string];

  it("is byte-identical on every way out", async () => {
    const running = await start();
    const { url, get, post, http } = running;
    const raw = await connectRaw(url);
    await raw.send('"subscribe":{"channel":"c"}');
    const events = await fetch(`${http}/channels/c/events`, { headers: { Accept: "text/event-stream" } });
    const lines = await fetch(`${http}/channels/c/events`, { headers: { Accept: "application/x-ndjson" } });
    const delta = await connectRaw(url);
    await delta.send('"subscribe":{"channel":"c","delta":"fossil"}');
    const waiting = get("/channels/c?since=:0&wait=10s");
    await publish(running, "c", everything, raw);

    expectData(await raw.lineWith('"push":{"channel":"c"'), everything);
    expectData(await waiting, everything);
    for (const stream of [events, lines]) expectData(await readUntil(stream, '"time"'), everything);
    expect(await delta.lineWith('"push":{"channel":"c"')).toContain(`"data":${JSON.stringify(everything)}`);
    expectData(await get("/channels/c"), everything);
    expectData(await post("/api/history", '{"channel":"c","limit":5}'), everything);
    expectData(await raw.send('"history":{"channel":"c","limit":5}'), everything);
    const late = await connectRaw(url);
    expectData(
      await late.send('"subscribe":{"channel":"c","recover":true,"epoch":"","offset":0}'),
      everything,
    );
    expect(running.errors).toEqual([]);
  });
});

async function readUntil(response: Response, part: string): Promise<string> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(part)) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  void reader.cancel();
  return text;
}

describe("other values passed through", () => {
  it("of map entries are byte-identical, also when removed or listed", async () => {
    const running = await start();
    const raw = await connectRaw(running.url);
    await raw.send(`"publish":{"channel":"map:m","type":1,"key":"a","data":${everything}}`);
    await running.post("/api/map_publish", `{"channel":"map:m","key":"b","data":${everything}}`);
    const pages = [
      await raw.send('"subscribe":{"channel":"map:m","type":1,"phase":2}'),
      await running.post("/api/map_read_state", '{"channel":"map:m"}'),
      await running.post("/api/map_read_stream", '{"channel":"map:m","limit":10}'),
      await running.get("/channels/map:m"),
    ];
    for (const page of pages) expect(page.split(`"data":${everything}`)).toHaveLength(3);
  });

  it("of client info are byte-identical, in presence and publications", async () => {
    const running = await start();
    const raw = await connectRaw(running.url, `{"data":{"user":"anna","info":${everything}}}`);
    await raw.send('"subscribe":{"channel":"c"}');
    await raw.send('"publish":{"channel":"c","data":1}');
    const infos = [
      await raw.send('"presence":{"channel":"c"}'),
      await running.post("/api/presence", '{"channel":"c"}'),
      await running.post("/api/history", '{"channel":"c","limit":1}'),
      await raw.lineWith('"push":{"channel":"c"'),
    ];
    for (const info of infos) expect(info).toContain(`"conn_info":${everything}`);
  });

  it("of the API's subscribe, refresh and send are byte-identical", async () => {
    const running = await start();
    const raw = await connectRaw(running.url, '{"data":{"user":"anna"}}');
    await running.post("/api/refresh", `{"user":"anna","info":${everything}}`);
    await running.post(
      "/api/subscribe",
      `{"user":"anna","channel":"c","info":${everything},"data":${everything}}`,
    );
    await running.post("/api/send", `{"user":"anna","data":${everything}}`);
    expect(await raw.lineWith('"subscribe":{')).toContain(`"data":${everything}`);
    expect(await raw.lineWith('"message":{')).toBe(`{"push":{"message":{"data":${everything}}}}`);
    const presence = await raw.send('"presence":{"channel":"c"}');
    expect(presence).toContain(`"conn_info":${everything},"chan_info":${everything}`);
  });

  it("of emulated commands are byte-identical, lone surrogates reported as such", async () => {
    const running = await start();
    const raw = await connectRaw(running.url);
    await raw.send('"subscribe":{"channel":"c"}');
    const stream = await fetch(`${running.http}/connection/http_stream`, {
      method: "POST",
      headers: json,
      body: '{"id":1,"connect":{}}',
    });
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    const { session, node } = JSON.parse(new TextDecoder().decode(value)).connect;
    const command = `{"id":2,"publish":{"channel":"c","data":[${everything},"HALF"]}}`;
    const envelope = JSON.stringify({ session, node, data: command }).replace("HALF", "\\ud83d");
    await running.post("/emulation", envelope, json);
    expectData(await raw.lineWith('"push":{"channel":"c"').then(withoutInfo), `[${everything},"\\ud83d"]`);
    void reader.cancel();
  });

  it("are refused when nested too deeply", async () => {
    const { post } = await start();
    const deep = `${"[".repeat(2000)}${"]".repeat(2000)}`;
    const refusal = expect.stringContaining("nested deeper than 256 levels");
    expect(await post("/api/publish", `{"channel":"c","data":${deep}}`)).toEqual(refusal);
    expect(await post("/channels/c", deep, json)).toEqual(refusal);
    expect(await post("/api/publish", `{"channel":"c","b64data":"${base64(deep)}"}`)).toContain('"code":107');
    expect(await post("/api", `{"method":"publish","params":{"channel":"c","data":${deep}}}`)).toContain(
      "error",
    );
  });
});

describe("application", () => {
  const Order = z.object({ id: z.number(), note: z.string().default("none") });
  const app = defineApp({
    authenticate: jwt({ secret }),
    channels: {
      checked: channel({ data: z.object({ b: z.number(), a: z.number() }), allow: { publish: "users" } }),
      completed: channel({ data: Order, allow: { publish: "users" } }),
      watched: channel({ publish: ({ data }) => data }),
      changed: channel({ publish: ({ data, user }) => ({ ...(data as object), from: user.id }) }),
      mutated: channel({ publish: ({ data }) => Object.assign(data as object, { n: 7 }) }),
    },
    rpc: { echo: rpc({ handler: ({ data }) => data }) },
  });

  async function publishAs(name: string, data: string) {
    const { url, api } = await startApp(app);
    const raw = await connectRaw(url, `{"token":"${tokenOf({ sub: "anna" })}"}`);
    expect(await raw.send(`"subscribe":{"channel":"${name}"}`)).toContain('"subscribe"');
    expect(await raw.send(`"publish":{"channel":"${name}","data":${data}}`)).toContain('"publish":{}');
    const line = await raw.lineWith(`"push":{"channel":"${name}"`);
    expect((await api("history", { channel: name, limit: 1 })).status).toBe(200);
    return /"data":(.*),"info":/s.exec(line)?.[1];
  }

  it.each([
    ["checked", '{ "a":1.10,"b":1234567890123456789}', '{ "a":1.10,"b":1234567890123456789}'],
    ["checked", '{"a":1,"b":2,"extra":3}', '{"b":2,"a":1}'],
    // Some readers take the first of two, which the schema has not seen.
    ["checked", '{"a":1,"a":2,"b":3}', '{"b":3,"a":2}'],
    ["completed", '{"id":1,"note":"x"}', '{"id":1,"note":"x"}'],
    ["completed", '{"id":1.0}', '{"id":1,"note":"none"}'],
    ["watched", everything.replace('{"a":1,"a":2},', ""), everything.replace('{"a":1,"a":2},', "")],
    ["changed", '{"n":1.0}', '{"n":1,"from":"anna"}'],
    ["mutated", '{"n":1.0}', '{"n":7}'],
  ])("in %s makes of %s the text %s", async (name, data, published) => {
    expect(await publishAs(name, data)).toBe(published);
  });

  it("passes token claims through as the original text", async () => {
    const { url, api } = await startApp(
      defineApp({
        authenticate: jwt({ secret }),
        channels: { "{any}": channel({ presence: true }) },
      }),
    );
    const part = (text: string) => Buffer.from(text).toString("base64url");
    const sign = async (claims: string) => {
      const { createHmac } = await import("node:crypto");
      const signed = `${part('{"alg":"HS256"}')}.${part(claims)}`;
      return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
    };
    const text = everything;
    const token = await sign(
      `{"sub":"anna","info":\n${text},"subs":{"a":{"info":${text},"data":${text}},"b":{"b64info":"${base64(text)}"}}}`,
    );
    const raw = await connectRaw(url, `{"token":"${token}"}`);
    expect(raw.greeting).toContain(`"data":${text}`);
    const own = await sign(`{"sub":"anna","channel":"c","info":${text}}`);
    await raw.send(`"subscribe":{"channel":"c","token":"${own}"}`);
    for (const name of ["a", "b", "c"])
      expect(await raw.send(`"presence":{"channel":"${name}"}`)).toContain(
        `"conn_info":${text},"chan_info":${text}`,
      );
    expect((await api("presence", { channel: "a" })).status).toBe(200);
  });
});
