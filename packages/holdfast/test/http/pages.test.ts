import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { RawClient, startServer, until } from "../support/server.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

function createFolder(): string {
  const folder = createTemporaryFolder("pages");
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), "<title>start</title>");
  writeFileSync(join(folder, "assets", "app-1a2b.js"), "export {};");
  mkdirSync(join(folder, "chat"));
  writeFileSync(join(folder, "chat", "index.html"), "<title>chat</title>");
  return folder;
}

async function startWithPages() {
  const folder = createFolder();
  const { port } = await startServer({ pages: folder });
  return {
    folder,
    get: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init),
  };
}

describe("pages", () => {
  it("are served with type, length, policy and ETag", async () => {
    const { get } = await startWithPages();
    const response = await get("/");
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("<title>start</title>");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toBe(
      "default-src 'self'; connect-src 'self'; form-action 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(response.headers.get("referrer-policy")).toBe("same-origin");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    const again = await get("/", { headers: { "If-None-Match": response.headers.get("etag") as string } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  it("of folders are served with a trailing slash, and redirect there without one", async () => {
    const { get } = await startWithPages();
    expect(await (await get("/chat/")).text()).toBe("<title>chat</title>");
    const response = await get("/chat?as=Ann", { redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([308, "./chat/?as=Ann"]);
    expect((await get("//chat", { redirect: "manual" })).status).toBe(404);
  });

  it("that are styles or fonts have no policy, which would not change what they can do", async () => {
    const folder = createFolder();
    for (const name of ["a.css", "a.woff2", "a.js", "a.svg"]) writeFileSync(join(folder, name), "/**/");
    const { port } = await startServer({ pages: folder });
    const hasPolicy = async (name: string) =>
      (await fetch(`http://127.0.0.1:${port}/${name}`)).headers.has("content-security-policy");
    expect(await Promise.all(["a.css", "a.woff2"].map(hasPolicy))).toEqual([false, false]);
    expect(await Promise.all(["a.js", "a.svg"].map(hasPolicy))).toEqual([true, true]);
  });

  it("with hashed names are cacheable forever", async () => {
    const { get } = await startWithPages();
    const response = await get("/assets/app-1a2b.js?x=1");
    expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(response.headers.get("cache-control")).toContain("immutable");
  });

  it("are compressed once, for clients that accept it, when it pays", async () => {
    const folder = createFolder();
    const text = "<p>so much of the same</p>".repeat(100);
    writeFileSync(join(folder, "long.html"), text);
    writeFileSync(join(folder, "long.png"), Buffer.alloc(5000));
    const { port } = await startServer({ pages: folder });
    const ask = async (path: string, accepted: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { "Accept-Encoding": accepted },
      });
      const { headers } = response;
      const said = ["content-encoding", "content-length", "vary"].map((name) => headers.get(name));
      return { said, length: (await response.text()).length, etag: headers.get("etag") };
    };
    const plain = await ask("/long.html", "identity");
    const packed = await ask("/long.html", "br, gzip");
    expect(plain).toMatchObject({
      said: [null, String(text.length), "Accept-Encoding"],
      length: text.length,
    });
    expect(packed).toMatchObject({
      said: ["gzip", expect.any(String), "Accept-Encoding"],
      length: text.length,
    });
    expect(Number(packed.said[1])).toBeLessThan(200);
    expect(packed.etag).toBe(plain.etag);
    expect(packed.etag).toMatch(/^W\/"/);
    expect((await ask("/", "gzip")).said).toEqual([null, "20", null]);
    expect((await ask("/long.png", "gzip")).said).toEqual([null, "5000", null]);
  });

  it("are sent in Brotli where there is such a file, to clients that like it as well as gzip", async () => {
    const folder = createFolder();
    const text = "<p>so much of the same</p>".repeat(100);
    writeFileSync(join(folder, "long.html"), text);
    writeFileSync(join(folder, "long.html.br"), brotliCompressSync(text));
    writeFileSync(join(folder, "alone.br"), "not of another file");
    const { port } = await startServer({ pages: folder });
    const ask = async (path: string, accepted: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { "Accept-Encoding": accepted },
      });
      const said = ["content-encoding", "vary"].map((name) => response.headers.get(name));
      return [response.status, ...said, (await response.text()).length];
    };
    const vary = "Accept-Encoding";
    expect(await ask("/long.html", "gzip, deflate, br, zstd")).toEqual([200, "br", vary, text.length]);
    expect(await ask("/long.html", "gzip;q=1, br;q=0.5")).toEqual([200, "gzip", vary, text.length]);
    expect(await ask("/long.html", "br;q=0")).toEqual([200, null, vary, text.length]);
    expect((await ask("/long.html.br", "br"))[0]).toBe(404);
    expect((await ask("/alone.br", "br"))[0]).toBe(200);
  });

  it("are unchanged after their files are deleted, for any range", async () => {
    const { folder, get } = await startWithPages();
    rmSync(folder, { recursive: true });
    const response = await get("/index.html", { headers: { Range: "bytes=9-3" } });
    expect([response.status, await response.text()]).toEqual([200, "<title>start</title>"]);
  });

  it.each([
    "/nothing",
    "/../package.json",
    "/%2e%2e/package.json",
    "/assets",
    "/constructor",
    "/assets/../index.html%00",
  ])("%s is not there", async (path) => {
    const { get } = await startWithPages();
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(await response.text()).toMatch(/^There is nothing at /);
  });

  it("may allow further connect sources, and nothing else", async () => {
    const folder = createFolder();
    const meta = (content: string) => `<meta name="holdfast-connect-src" content="${content}" />`;
    writeFileSync(join(folder, "lab.html"), meta("http://127.0.0.1:* wss://api.example"));
    writeFileSync(join(folder, "quiet.html"), `<!-- ${meta("https://evil.example")} -->`);
    writeFileSync(join(folder, "script.js"), meta("https://evil.example"));
    const { port } = await startServer({ pages: folder });
    const connectSources = async (path: string) => {
      const { headers } = await fetch(`http://127.0.0.1:${port}${path}`);
      const policy = headers.get("content-security-policy")?.split("; ") ?? [];
      expect(policy).toHaveLength(8);
      return policy.find((directive) => directive.startsWith("connect-src"));
    };
    expect(await connectSources("/lab.html")).toBe("connect-src 'self' http://127.0.0.1:* wss://api.example");
    for (const path of ["/", "/quiet.html", "/script.js"])
      expect(await connectSources(path)).toBe("connect-src 'self'");
  });

  it.each(["*", "https:", "data:", "https://a;script-src *", "'unsafe-inline'", "https://a/path", "//a"])(
    "that want to connect to %s are refused at the start",
    async (source) => {
      const folder = createFolder();
      writeFileSync(join(folder, "a.html"), `<meta name="holdfast-connect-src" content="${source}">`);
      await expect(startServer({ pages: folder })).rejects.toMatchObject({
        code: "HF_OPTION_INVALID",
        message: expect.stringContaining("holdfast-connect-src of a.html must list origins"),
      });
    },
  );

  it("are answered with 304 for any matching ETag", async () => {
    const { get } = await startWithPages();
    const etag = (await get("/")).headers.get("etag") as string;
    for (const tags of [etag, `W/"x", ${etag}`, "*"]) {
      const { status, headers } = await get("/", { headers: { "If-None-Match": tags } });
      expect([status, headers.get("etag"), headers.get("cache-control")]).toEqual([304, etag, "no-cache"]);
    }
    expect((await get("/", { headers: { "If-None-Match": 'W/"x"' } })).status).toBe(200);
  });

  it("refuse methods other than GET, HEAD and OPTIONS", async () => {
    const { get } = await startWithPages();
    const response = await get("/", { method: "DELETE" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });
});

describe("request to upgrade to another protocol", () => {
  it("is answered as plain HTTP, and its connection stays open", async () => {
    const { port } = await startServer();
    const client = await RawClient.connect(port);
    client.write(
      "GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
    );
    for (let i = 0; i < 2; i++) {
      expect(await client.readHead()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      await until(() => client.received.toString() === "{}");
      client.received = Buffer.alloc(0);
      client.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    }
  });
});

describe("health", () => {
  it("is an empty object", async () => {
    const { get } = await startWithPages();
    const response = await get("/health");
    expect([response.status, await response.json()]).toEqual([200, {}]);
  });
});
