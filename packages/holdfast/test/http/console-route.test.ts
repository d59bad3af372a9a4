import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type ConsoleRouteOptions, createConsoleRoute } from "../../src/http/console-route.js";
import { HttpExchange } from "../../src/requests/exchange.js";
import { startServer } from "../support/server.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

const apiKey = "a key of the console's tests";

/** The route on its own, with a page in a folder. */
async function startRoute(options: Partial<ConsoleRouteOptions> = {}) {
  const folder = createTemporaryFolder("console");
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), "<title>Console</title>");
  writeFileSync(join(folder, "assets", "main.js"), "1;");
  const route = createConsoleRoute({ folder, hasKeys: true, isOn: true, ...options });
  const server = createServer((request, response) => {
    const admitted = { cors: {}, source: { address: "" }, request: { headers: {}, url: "/" } };
    route(request.url ?? "", new HttpExchange(request, response, admitted as never));
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return (path: string) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: "manual" });
}

describe("console", () => {
  it("is a page that may load and run nothing but its own files", async () => {
    const get = await startRoute();
    const page = await get("/console/");
    expect([page.status, await page.text()]).toEqual([200, "<title>Console</title>"]);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await get("/console/assets/main.js")).status).toBe(200);
  });

  it("leads to its address with a slash, and knows no other paths", async () => {
    const get = await startRoute();
    const bare = await get("/console");
    expect([bare.status, bare.headers.get("location")]).toEqual([308, "./console/"]);
    const other = await get("/console/../package.json");
    expect(other.status).toBe(404);
    expect(await (await get("/console/nothing")).text()).toBe("There is nothing at /console/nothing.\n");
  });

  it.each([
    [{ hasKeys: false }, /needs a key: set apiKeys/],
    [{ isOn: false }, /is off: the option console is false/],
    [{ folder: "/nowhere" }, /not part of this build/],
  ])("says why there is none with %j", async (options, why) => {
    const get = await startRoute(options);
    const response = await get("/console/");
    expect([response.status, await response.text()]).toEqual([404, expect.stringMatching(why)]);
  });
});

describe("console of a server", () => {
  const html = { Accept: "text/html" };

  async function start(options: Parameters<typeof startServer>[0]) {
    const { port } = await startServer({ pages: null, ...options });
    return async (path: string, headers = {}) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
      return `${response.status} ${await response.text()}`;
    };
  }

  it("is off without keys, with a sentence, and so says the landing page", async () => {
    const get = await start({});
    expect(await get("/console/")).toMatch(/^404 The console needs a key/);
    expect(await get("/", html)).toContain("set <code>apiKeys</code>");
  });

  it("is linked from the landing page where there is a key", async () => {
    const get = await start({ apiKeys: [apiKey] });
    expect(await get("/", html)).toContain('<a href="console/">Open the console</a>');
    expect(await get("/console/", { Origin: "https://evil.example" })).not.toContain("needs a key");
  });

  it("leaves its path to the application's own pages and paths where it cannot be used", async () => {
    const folder = createTemporaryFolder("pages");
    mkdirSync(join(folder, "console"));
    writeFileSync(join(folder, "console", "index.html"), "own console");
    const get = await start({ pages: folder, console: false, apiKeys: [apiKey] });
    expect(await get("/console/")).toBe("200 own console");
    const routes = (_request: object, response: { end(text: string): void }, path: string) => {
      if (path === "/console/") response.end("own path");
      return path === "/console/";
    };
    expect(await (await start({ routes: routes as never }))("/console/")).toBe("200 own path");
  });
});
