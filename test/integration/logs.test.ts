/** What a server writes to its log of what clients do: lines with ids, without payloads and secrets. */
import { expect, it, onTestFinished } from "vitest";
import { createServer, type Logger, type ServerOptions } from "../../packages/holdfast/src/index.js";
import { serve } from "../../packages/holdfast/test/cli/run-cli.js";
import { RawClient, textFrame, until } from "../../packages/holdfast/test/support/server.js";

async function start(options: ServerOptions = {}) {
  const lines: { level: string; message: string; facts: object }[] = [];
  const write = (level: string) => (facts: object, message: string) =>
    void lines.push({ level, message, facts });
  const logger: Logger = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  const server = createServer({ port: 0, logger, ...options });
  const { port } = await server.listen();
  onTestFinished(() => server.close());
  return { server, port, lines };
}

it("a program's logger gets start, end, and each connection that the server ends", async () => {
  const { server, port, lines } = await start();
  const client = await RawClient.upgrade(port);
  client.write(textFrame({ id: 1, connect: { data: { user: "ann" } } }));
  await client.readFrame();
  client.write(
    textFrame({ id: 2, publish: { channel: "news", data: { text: "a payload" } } }, { id: 3, connect: {} }),
  );
  await client.readClose();
  await server.close();
  expect(lines.map(({ level, message }) => [level, message])).toEqual([
    ["info", "listening"],
    ["info", "disconnected a client: bad request: connect may be sent once"],
    ["info", "closing"],
    ["info", "closed"],
  ]);
  expect(lines[1]?.facts).toMatchObject({
    code: 3501,
    transport: "websocket",
    client: expect.stringMatching(/^[\da-f-]{36}$/),
  });
  expect(JSON.stringify(lines)).not.toContain("a payload");
});

it("neither tokens, keys, cookies nor payloads of clients and programs are logged", async () => {
  const { port, lines } = await start({ apiKeys: ["hidden-77-the-right-key"], apiKeyInQuery: true });
  const url = `http://127.0.0.1:${port}`;
  const headers = {
    Cookie: "session=hidden-77",
    Authorization: "Bearer hidden-77",
    "X-API-Key": "hidden-77-wrong-key",
  };
  await fetch(`${url}/api/publish?api_key=hidden-77`, {
    method: "POST",
    headers,
    body: '{"data":"hidden-77"}',
  });
  await fetch(`${url}/channels/news?token=hidden-77`, {
    headers: { ...headers, Origin: "https://evil.example" },
  });
  const client = await RawClient.upgrade(port);
  client.write(textFrame({ id: 1, connect: { token: "hidden-77" } }, { id: 2, hidden77: "hidden-77" }));
  await until(() => client.hasClosed || lines.length >= 3);
  expect(lines.length).toBeGreaterThanOrEqual(3);
  expect(JSON.stringify(lines)).not.toContain("hidden-77");
});

it("holdfast serve writes lines of JSON to standard error, down to --log-level", async () => {
  const server = await serve("--log-level", "info");
  await until(() => server.run.err.includes("\n"));
  const [line = ""] = server.run.err.split("\n");
  expect(JSON.parse(line)).toMatchObject({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    msg: "listening",
    url: expect.stringMatching(/^http:/),
  });
  const quiet = await serve("--log-level", "silent");
  expect(quiet.run.err).toBe("");
  const pretty = await serve("--log-level", "info", "--log-format", "pretty");
  await until(() => /^\d\d:\d\d:\d\d\.\d{3} INFO {2}listening url="http/.test(pretty.run.err));
}, 120_000);
