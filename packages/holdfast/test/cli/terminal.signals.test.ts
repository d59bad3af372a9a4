/** What signals do to a command that runs, as daemons and terminals send them. */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { Centrifuge } from "centrifuge";
import { describe, expect, it, onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { withoutLocalStorage } from "../../src/without-local-storage.js";
import { makeFolder } from "../config/config-folder.js";
import { next } from "../support/app-server.js";
import { certFile, keyFile } from "../support/tls.js";
import { CliRun, runCli, serve } from "./run-cli.js";

const second = (part: "cert" | "key") => join(import.meta.dirname, `../support/tls/second.${part}.pem`);

function connectTls(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  onTestFinished(() => void socket.destroy());
  return new Promise((resolve, reject) =>
    socket.once("secureConnect", () => resolve(socket)).once("error", reject),
  );
}

async function nameServedAt(port: number): Promise<unknown> {
  return (await connectTls(port)).getPeerCertificate().subject.CN;
}

async function serveTls() {
  const folder = makeFolder({});
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")] as const;
  copyFileSync(certFile, cert);
  copyFileSync(keyFile, key);
  const run = new CliRun(["serve", "--port", "0", "--tls-cert", cert, "--tls-key", key]);
  await run.untilSaid(/https:\/\/localhost:\d+/);
  return { run, cert, key, port: Number(/https:\/\/localhost:(\d+)/.exec(run.out)?.[1]) };
}

describe.skipIf(process.platform === "win32")("SIGHUP", () => {
  it("has a server without TLS reloaded, which its clients do not notice, and SIGTERM ends the successor", async () => {
    const { run, url } = await serve();
    const client = withoutLocalStorage(
      () => new Centrifuge(`${url.replace("http", "ws")}/connection/websocket`, { websocket: WsWebSocket }),
    );
    onTestFinished(() => client.disconnect());
    client.connect();
    await client.ready();
    const left = next<{ code: number }>(client, "connecting");
    run.kill("SIGHUP");
    await run.untilSaid(/the new version runs/);
    await client.publish("news", 1);
    run.kill("SIGTERM");
    expect((await left).code).toBe(3001);
    expect(await run.exit()).toBe(0);
  });

  it("ends a subscription quietly", async () => {
    const { url } = await serve();
    await runCli(["publish", "news", "1", "--url", url]);
    const run = new CliRun(["subscribe", "news", "--since", "0", "--url", url]);
    await run.untilSaid(/"offset":1/);
    run.kill("SIGHUP");
    expect(await run.exit()).toBe(0);
  });

  it("has a server with TLS reload certificate and key, while its connections go on", async () => {
    const { run, cert, key, port } = await serveTls();
    const before = await connectTls(port);
    expect(before.getPeerCertificate().subject.CN).toBe("localhost");
    copyFileSync(second("cert"), cert);
    copyFileSync(second("key"), key);
    run.kill("SIGHUP");
    await run.untilSaid(/were reloaded/);
    expect(await nameServedAt(port)).toBe("second");
    before.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(String(await next<Buffer>(before, "data"))).toContain("200 OK");
    run.kill("SIGTERM");
    expect(await run.exit()).toBe(0);
  });

  it("leaves a server with the certificate it had where the new one is not accepted, and says so", async () => {
    const { run, cert, key, port } = await serveTls();
    copyFileSync(second("cert"), cert);
    run.kill("SIGHUP");
    await run.untilSaid(/were not reloaded: tls must be a matching certificate and key/);
    expect(await nameServedAt(port)).toBe("localhost");
    writeFileSync(key, "");
    run.kill("SIGHUP");
    await run.untilSaid(/were not reloaded.*\s+.*were not reloaded/);
    expect(await nameServedAt(port)).toBe("localhost");
    copyFileSync(second("key"), key);
    run.kill("SIGHUP");
    await run.untilSaid(/were reloaded/);
    expect(await nameServedAt(port)).toBe("second");
  });
});
