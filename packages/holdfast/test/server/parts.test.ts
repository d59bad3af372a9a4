/** What browsers are told of a server that ends TLS, and who can reach one. */
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { createServer as createHttps, request as sendRequest } from "node:https";
import { describe, expect, it, onTestFinished } from "vitest";
import { isLocalOnly } from "../../src/server/parts.js";
import { startServer } from "../support/server.js";
import { testTls } from "../support/tls.js";

async function hstsOf(port: number, host: string): Promise<string | undefined> {
  const request = sendRequest({
    port,
    host: "127.0.0.1",
    path: "/health",
    headers: { host },
    rejectUnauthorized: false,
    agent: false,
  });
  request.end();
  const [response] = await once(request, "response");
  response.resume();
  return response.headers["strict-transport-security"];
}

describe("Strict-Transport-Security", () => {
  it("is said with TLS, to those who come by a name that others have", async () => {
    const { port } = await startServer({ tls: testTls });
    expect(await hstsOf(port, "app.example")).toBe("max-age=15552000");
    for (const host of ["localhost", `127.0.0.1:${port}`, "[::1]"])
      expect(await hstsOf(port, host)).toBeUndefined();
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":path": "/health", ":authority": "app.example" });
    const [headers] = await once(stream, "response");
    expect(headers["strict-transport-security"]).toBe("max-age=15552000");
  });

  it("is as long as the option says, or not there", async () => {
    const short = await startServer({ tls: testTls, hstsSeconds: 60 });
    expect(await hstsOf(short.port, "app.example")).toBe("max-age=60");
    const none = await startServer({ tls: testTls, hstsSeconds: null });
    expect(await hstsOf(none.port, "app.example")).toBeUndefined();
    const { port } = await startServer();
    const response = await fetch(`http://127.0.0.1:${port}/health`, { headers: { host: "app.example" } });
    expect(response.headers.get("strict-transport-security")).toBeNull();
  });
});

describe("who can reach a server that this one is attached to", () => {
  const place = { host: "127.0.0.1", unixSocket: null };
  const at = async (server: ReturnType<typeof createHttp>, host: string) => {
    server.listen(0, host);
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return isLocalOnly(server, undefined, place);
  };

  it("is this machine alone where that listens on a loopback address, by whatever name a page comes", async () => {
    expect(await at(createHttp(), "127.0.0.1")).toBe(true);
    expect(await at(createHttp(), "0.0.0.0")).toBe(false);
  });

  it("is nobody by a name that its certificate is not for", async () => {
    expect(await at(createHttps(testTls), "127.0.0.1")).toBe(false);
  });

  it("is not known of what does not listen", () => {
    expect(isLocalOnly(createHttp(), undefined, place)).toBe(false);
    expect(isLocalOnly(undefined, undefined, place)).toBe(false);
  });
});
