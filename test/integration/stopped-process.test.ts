/** A server's process that is stopped for longer than its time limits, as a debugger, a snapshot or a full machine does. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { countTo } from "../../packages/holdfast/test/channels/support/entries.js";
import { CliRun, serve } from "../../packages/holdfast/test/cli/run-cli.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";
import { certFile, keyFile } from "../../packages/holdfast/test/support/tls.js";

const clients = 200;
const rounds = 2;
const times = ["--ping-interval-ms", "1500", "--pong-timeout-ms", "1000"];

interface Row {
  readonly name: string;
  readonly flags: readonly string[];
  readonly scheme: "ws" | "wss";
  readonly query: string;
}

const rows: readonly Row[] = [
  { name: "TCP", flags: [], scheme: "ws", query: "" },
  { name: "TCP, with Ping frames", flags: [], scheme: "ws", query: "?cf_ws_frame_ping_pong=true" },
  { name: "TLS", flags: ["--tls-cert", certFile, "--tls-key", keyFile], scheme: "wss", query: "" },
];

/** Clients that answer pings a little later, so that the answers come while the server is stopped. */
async function connectAll(url: string) {
  const closes: string[] = [];
  let pings = 0;
  const answer = (reply: () => void) => {
    pings++;
    setTimeout(reply, 50);
  };
  await Promise.all(
    countTo(clients).map(async () => {
      const socket = new WebSocket(url, { rejectUnauthorized: false, autoPong: false });
      onTestFinished(() => socket.terminate());
      socket.on("ping", (data) => answer(() => socket.pong(data)));
      socket.on("message", (text) => {
        if (String(text) === "{}") answer(() => socket.send("{}"));
      });
      socket.on("close", (code, reason) => closes.push(`${code} ${reason}`));
      await new Promise((resolve) => socket.once("open", resolve));
      socket.send('{"id":1,"connect":{}}');
    }),
  );
  return { closes, pings: () => pings };
}

describe("server suspended for longer than the pong timeout", () => {
  it.each(rows)("keeps clients that have answered ($name)", { timeout: 60_000 }, async (row) => {
    const { run, port } = await serve(...times, ...row.flags);
    const url = `${row.scheme}://localhost:${port}/connection/websocket${row.query}`;
    const { closes, pings } = await connectAll(url);
    for (let round = 0; round < rounds; round++) {
      const before = pings();
      await until(() => pings() > before);
      run.kill("SIGSTOP");
      await sleep(2500);
      run.kill("SIGCONT");
      // Long enough for those that are held not to have answered.
      await sleep(1500);
    }
    expect(closes).toEqual([]);
  });
});

describe("store of a suspended server", () => {
  it("is refused to a second one, which ends at once", async () => {
    const data = createTemporaryFolder("stopped");
    const first = await serve("--data", data);
    first.run.kill("SIGSTOP");
    for (const isMarked of [true, false]) {
      const second = new CliRun(["serve", "--port", "0", "--data", data]);
      expect(await second.exit()).not.toBe(0);
      expect(second.err).toContain("is in use by");
      if (isMarked)
        for (const name of readdirSync(data)) if (name.startsWith("owner")) rmSync(join(data, name));
    }
    first.run.kill("SIGCONT");
    expect((await fetch(`http://localhost:${first.port}/health`)).status).toBe(200);
  });
});
