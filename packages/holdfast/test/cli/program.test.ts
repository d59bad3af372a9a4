import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { findFreePort } from "../support/free-port.js";
import { until } from "../support/server.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";
import { CliRun, runCli, serve } from "./run-cli.js";

describe("holdfast serve", () => {
  it("says what to open, what to try, and who can connect; ends cleanly on SIGTERM", async () => {
    const { run, url } = await serve();
    expect(run.out).toContain(`is listening on ${url}`);
    expect(run.out).toContain("npx holdfast publish news");
    expect(run.out).toContain("Only this machine can connect (127.0.0.1)");
    run.kill("SIGTERM");
    expect(await run.exit()).toBe(0);
  });

  it("warns when others can connect", async () => {
    const { run } = await serve("--host", "0.0.0.0");
    expect(run.out).toContain("Warning: anyone who can reach 0.0.0.0 can connect.");
  });

  it("takes its port from the environment, and an option over that", async () => {
    const fromVariable = new CliRun(["serve"], { HOLDFAST_PORT: "0" });
    await fromVariable.untilSaid(/listening on/);
    expect(fromVariable.out).toMatch(/listening on http:\/\/localhost:\d+/);
    expect(fromVariable.out).not.toContain("http://localhost:8000");
    const fromOption = new CliRun(["serve", "--port", "0"], { HOLDFAST_PORT: "70000" });
    await fromOption.untilSaid(/listening on/);
    expect(fromOption.out).toMatch(/listening on http:\/\/localhost:\d+/);
  });

  it("says what to do when the port is taken", async () => {
    const { port } = await serve();
    const { code, err } = await runCli(["serve", "--port", String(port)]);
    expect(code).toBe(1);
    expect(err).toMatch(
      /cannot listen on 127\.0\.0\.1:\d+: the port is in use by another program; stop it or choose another port/,
    );
  });

  it.each([
    [["serve", "--port", "x"], /must be an integer from 0 to 65535/],
    [["serve", "--port", "70000"], /It must be an integer from 0 to 65535/],
    [["serve", "--ping-interval-ms", "100"], /pongTimeoutMs must be less than pingIntervalMs \(100\)/],
    [["fly"], /unknown command 'fly'/],
    [["publish"], /missing required argument 'channel'/],
    [["history", "a", "--since", "x"], /must be epoch:offset/],
    [["subscribe", "a", "--url", "ftp://x"], /must begin with http/],
  ])("%j is not understood: exit code 2 and a sentence", async (args, sentence) => {
    const { code, err } = await runCli(args);
    expect(code).toBe(2);
    expect(err).toMatch(sentence);
  });
});

describe("holdfast --help", () => {
  it.each([[[]], [["serve"]], [["publish"]], [["subscribe"]], [["history"]]])(
    "%j shows examples",
    async (args) => {
      const { code, out } = await runCli([...args, "--help"]);
      expect(code).toBe(0);
      expect(out).toMatch(/Examples:\n {2}\$ /);
    },
  );
});

describe("holdfast publish, subscribe and history", () => {
  it("publish one message, or each line of standard input as JSON or text", async () => {
    const { url } = await serve();
    expect((await runCli(["publish", "news", '{"a":1}', "--url", url])).code).toBe(0);
    const run = new CliRun(["publish", "news", "--url", url]);
    run.type('plain text\n{"b":2}\n\n17\n');
    run.endInput();
    expect(await run.exit()).toBe(0);
    expect(run.err).toContain("published 3 lines to news");
    const { code, lines } = await runCli(["history", "news", "--url", url]);
    expect(code).toBe(0);
    expect(lines.map((line) => JSON.parse(line).data)).toEqual([{ a: 1 }, "plain text", { b: 2 }, 17]);
  });

  it("publish, print and read data as the text that it is", async () => {
    const data = createTemporaryFolder("read");
    const { url } = await serve("--data", data);
    const text = '{"id":1234567890123456789,"e":1e400,"10":"a","9":"b"}';
    expect((await runCli(["publish", "news", text, "--url", url])).code).toBe(0);
    const subscriber = new CliRun(["subscribe", "news", "--since", "0", "--count", "3", "--url", url]);
    await until(() => subscriber.lines.length === 1);
    await runCli(["publish", "news", "--url", url], {}, undefined, ` ${text} \nplain\n`);
    await until(() => subscriber.lines.length === 3);
    const fromServer = await runCli(["history", "news", "--url", url]);
    const fromStore = await runCli(["history", "news", "--data", data]);
    for (const { lines } of [subscriber, fromServer, fromStore])
      expect(lines.map((line) => /"data":(.*?),"user"/.exec(line)?.[1])).toEqual([text, text, '"plain"']);
  });

  it("history gives the newest, forward or in reverse, and from a position", async () => {
    const { url } = await serve();
    const run = new CliRun(["publish", "news", "--url", url]);
    run.type("1\n2\n3\n4\n5\n");
    run.endInput();
    await run.exit();
    const data = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).data);
    const newest = await runCli(["history", "news", "--limit", "2", "--url", url]);
    expect(data(newest.lines)).toEqual([4, 5]);
    const position = /is at (\S+):5/.exec(newest.err);
    expect(
      data((await runCli(["history", "news", "--limit", "2", "--reverse", "--url", url])).lines),
    ).toEqual([5, 4]);
    const since = await runCli(["history", "news", "--since", `${position?.[1]}:3`, "--url", url]);
    expect(data(since.lines)).toEqual([4, 5]);
    const other = await runCli(["history", "news", "--since", "other:3", "--url", url]);
    expect(other.code).toBe(1);
    expect(other.err).toContain("code 112");
  });

  it("subscribe goes on over a restart of the server, and says what was lost", async () => {
    const first = await serve("--port", String(await findFreePort()), "--data", "memory");
    const subscriber = new CliRun(["subscribe", "news", "--url", first.url]);
    await until(async () => {
      await runCli(["publish", "news", '"hello"', "--url", first.url]);
      return subscriber.lines.length > 0;
    });
    expect(JSON.parse(subscriber.lines[0] as string)).toMatchObject({
      channel: "news",
      data: "hello",
      offset: expect.any(Number),
    });
    first.run.kill("SIGTERM");
    await first.run.exit();
    await subscriber.untilSaid(/lost the connection/);
    await serve("--port", String(first.port), "--data", "memory");
    await subscriber.untilSaid(/connected to/);
    await subscriber.untilSaid(/could not be recovered/);
    await runCli(["publish", "news", '"again"', "--url", first.url]);
    await until(() => subscriber.out.includes('"again"'));
    subscriber.kill("SIGINT");
    expect(await subscriber.exit()).toBe(0);
  });

  it("subscribe --since 0 --count ends after that many", async () => {
    const { url } = await serve();
    for (const text of ["1", "2", "3"]) await runCli(["publish", "news", text, "--url", url]);
    const { code, lines } = await runCli(["subscribe", "news", "--since", "0", "--count", "2", "--url", url]);
    expect(code).toBe(0);
    expect(lines.map((line) => JSON.parse(line).data)).toEqual([1, 2]);
  });

  it("history reads a store whose server runs, and when it was killed", async () => {
    const data = createTemporaryFolder("read");
    const { run, url } = await serve("--data", data);
    for (const text of ["1", "2", "3"])
      await runCli(["publish", "news", text, "--url", url, "--user", "ann"]);
    const fromServer = await runCli(["history", "news", "--url", url]);
    const whileRunning = await runCli(["history", "news", "--data", data]);
    expect(whileRunning).toEqual(fromServer);
    run.kill("SIGKILL");
    await run.exit();
    expect(await runCli(["history", "news", "--data", data])).toEqual(fromServer);
    const newest = await runCli(["history", "news", "--data", data, "--limit", "1", "--reverse"]);
    expect(newest.lines.map((line) => JSON.parse(line).data)).toEqual([3]);
    const after = /at (\S+):3/.exec(fromServer.err)?.[1];
    const rest = await runCli(["history", "news", "--data", data, "--since", `${after}:1`]);
    expect(rest.lines.map((line) => JSON.parse(line).data)).toEqual([2, 3]);
    const other = await runCli(["history", "sport", "--data", data]);
    expect([other.code, other.err]).toEqual([2, expect.stringContaining("has no channel sport")]);
    const nowhere = await runCli(["history", "news", "--data", join(data, "nowhere")]);
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining("there is no store in")]);
  });

  it("say what to do when no server is there", async () => {
    const { code, err } = await runCli(["publish", "news", "1", "--url", "http://localhost:1"]);
    expect(code).toBe(1);
    expect(err).toMatch(
      /cannot reach http:\/\/localhost:1\. Is a server running there\? "npx holdfast serve" starts one/,
    );
  });

  it("say that a Unix socket is none of their addresses", async () => {
    const { code, err } = await runCli(["publish", "news", "1", "--url", "unix:/run/holdfast.sock"]);
    expect([code, err]).toEqual([2, expect.stringContaining("a Unix socket is for proxies")]);
  });

  it("publish says what was wrong with the channel or the message", async () => {
    const { url } = await serve();
    const name = await runCli(["publish", "ä", "1", "--url", url]);
    expect([name.code, name.err]).toEqual([
      1,
      expect.stringMatching(/printable ASCII characters \(code 107\)/),
    ]);
    const large = await runCli(["publish", "news", "x".repeat(70_000), "--url", url]);
    expect([large.code, large.err]).toEqual([1, expect.stringMatching(/larger than the server accepts/)]);
  });

  it("publish names a line over the limit, goes on with the rest, and ends with 1", async () => {
    const { url } = await serve();
    const input = `\uFEFF{"first":1}\r\n\n${"x".repeat(70_000)}\nthird\n${"y".repeat(70_000)}\n"last"`;
    const { code, err } = await runCli(["publish", "news", "--url", url], {}, undefined, input);
    expect(code).toBe(1);
    expect(err).toContain("line 3 not published: 70000 bytes, more than the server accepts");
    expect(err).toContain("line 5 not published");
    expect(err).toContain("published 3 lines to news");
    expect(err).toContain("2 lines not published: too long");
    const { lines } = await runCli(["history", "news", "--url", url]);
    expect(lines.map((line) => JSON.parse(line).data)).toEqual([{ first: 1 }, "third", "last"]);
  });
});

describe("a server below a path", () => {
  it("is reached by its address with a slash at its end", async () => {
    const { port } = await serve("--base-path", "/rt");
    const at = (path: string) => runCli(["publish", "news", "1", "--url", `http://localhost:${port}${path}`]);
    for (const path of ["/rt/", "/", "", "/rt/connection/websocket"]) expect((await at(path)).code).toBe(0);
    const { code, err } = await at("/rt");
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/\/rt answered 404 instead of opening a WebSocket\. .*with a slash/),
    ]);
  });

  it("or behind a proxy that opens no WebSockets is told apart from none", async () => {
    const proxy = createHttp((_request, response) => response.writeHead(426).end());
    proxy.on("upgrade", (_request, socket) =>
      socket.end("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"),
    );
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    onTestFinished(() => void proxy.close());
    const { port } = proxy.address() as AddressInfo;
    const { err } = await runCli(["publish", "news", "1", "--url", `http://127.0.0.1:${port}`]);
    expect(err).toMatch(/answered 426 .*Upgrade and Connection/);
  });
});
