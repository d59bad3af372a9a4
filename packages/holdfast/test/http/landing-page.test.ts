import { connect } from "node:http2";
import { describe, expect, it, onTestFinished } from "vitest";
import { createServer } from "../../src/index.js";
import { version } from "../../src/server/version.js";
import { startServer } from "../support/server.js";

const html = { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

async function startWithoutPages(options: Parameters<typeof startServer>[0] = {}) {
  const { port } = await startServer({ pages: null, ...options });
  return (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
}

describe("landing page of a server without pages", () => {
  it("names the version and the addresses, and links to health and the API", async () => {
    const get = await startWithoutPages();
    const response = await get("/", { headers: html });
    const text = await response.text();
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      "text/html; charset=utf-8",
    ]);
    for (const part of [
      version,
      "/connection/websocket",
      "/connection/sse",
      "/connection/http_stream",
      "/channels/{channel}",
      "/api/{method}",
    ])
      expect(text).toContain(part);
    const links = [...text.matchAll(/<a [^>]*href="([^"]+)"/g)].map(([, href]) => href as string);
    expect(links.sort()).toEqual(["api/openapi.json", "health"]);
    for (const link of links) expect((await get(`/${link}`)).status).toBe(200);
  });

  it("loads no scripts or resources, and allows its style by hash", async () => {
    const get = await startWithoutPages();
    const { headers } = await get("/", { headers: html });
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; img-src data:; style-src 'sha256-[\w+/]+='; form-action 'none'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("same-origin");
    expect(headers.get("vary")).toBe("Accept");
  });

  it("answers HEAD, and 304 if unchanged", async () => {
    const get = await startWithoutPages();
    const head = await get("/", { method: "HEAD", headers: html });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const etag = head.headers.get("etag") as string;
    expect((await get("/", { headers: { ...html, "If-None-Match": etag } })).status).toBe(304);
  });

  it.each([
    ["/", { Accept: "*/*" }],
    ["/", { Accept: "application/json" }],
    ["/nowhere", html],
    ["/index.html", html],
  ])("is not at %s for %j", async (path, headers) => {
    const get = await startWithoutPages();
    const response = await get(path, { headers: headers as Record<string, string> });
    expect([response.status, await response.text()]).toEqual([
      404,
      `There is nothing at ${path}. The WebSocket is at /connection/websocket.\n`,
    ]);
  });

  it("refuses other methods", async () => {
    const get = await startWithoutPages();
    const response = await get("/", { method: "POST", headers: html });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });

  it("yields to the application's own paths", async () => {
    const get = await startWithoutPages({
      routes: (_request, response, path) => {
        if (path === "/") response.end("own");
        return path === "/";
      },
    });
    expect(await (await get("/", { headers: html })).text()).toBe("own");
  });

  it("respects the base path, with working links", async () => {
    const get = await startWithoutPages({ basePath: "/rt" });
    const text = await (await get("/rt/", { headers: html })).text();
    expect(text).toContain("<code>/rt/connection/websocket</code>");
    expect(text).toContain('href="health"');
  });

  it("is served over HTTP/2, too", async () => {
    const { port } = await startServer({ pages: null });
    const session = connect(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":path": "/", accept: "text/html" });
    const status = await new Promise((resolve) =>
      stream.on("response", (headers) => resolve(headers[":status"])),
    );
    expect(status).toBe(200);
  });

  it("is not added to an embedding server's pages", () => {
    const server = createServer({ pages: null });
    onTestFinished(() => server.close());
    let passed = 0;
    server.handler({ url: "/", method: "GET", headers: html } as never, {} as never, () => passed++);
    expect(passed).toBe(1);
  });
});
