/** Requests that come while a server's process is stopped for longer than they may take: they are answered, not refused. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { serve } from "../../packages/holdfast/test/cli/run-cli.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { certFile, keyFile } from "../../packages/holdfast/test/support/tls.js";

const times = ["--handshake-timeout-ms", "2000", "--requests-body-timeout-ms", "2000"];
const stoppedMs = 4500;
const body = '{"text":"hello"}';
const head = `POST /channels/news HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;

/** What is sent before the stop, and what while it lasts. */
const rows = [
  { name: "all of the request", before: "", while: head + body },
  { name: "the rest of the head", before: head.slice(0, 40), while: head.slice(40) + body },
  { name: "the body", before: head, while: body },
  { name: "the rest of the body", before: head + body.slice(0, 5), while: body.slice(5) },
];

function listen(socket: Socket): { answer: string; hasClosed: boolean } {
  const heard = { answer: "", hasClosed: false };
  socket.on("data", (bytes) => {
    heard.answer += bytes;
  });
  socket.on("close", () => {
    heard.hasClosed = true;
  });
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  return heard;
}

describe.each([false, true])("suspended server (TLS %s)", (isSecure) => {
  it("answers requests that arrived meanwhile", { timeout: 60_000 }, async () => {
    const { run, port } = await serve(
      ...times,
      ...(isSecure ? ["--tls-cert", certFile, "--tls-key", keyFile] : []),
    );
    const open = () =>
      isSecure
        ? connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false })
        : connect(port, "127.0.0.1");
    const clients = await Promise.all(
      rows.flatMap((row) =>
        Array.from({ length: 20 }, async () => {
          const socket = open();
          const heard = listen(socket);
          await new Promise((resolve) => socket.once(isSecure ? "secureConnect" : "connect", resolve));
          socket.write(row.before);
          return { row, socket, heard };
        }),
      ),
    );
    await sleep(300);
    run.kill("SIGSTOP");
    const late = Array.from({ length: 20 }, () => {
      const socket = open();
      const heard = listen(socket);
      socket.write(head + body);
      return { heard };
    });
    for (const { row, socket } of clients) socket.write(row.while);
    await sleep(stoppedMs);
    run.kill("SIGCONT");
    const all = [...clients, ...late].map(({ heard }) => heard);
    await until(() => all.every(({ hasClosed }) => hasClosed));
    const firstLines = all.map(({ answer }) => answer.split("\r\n", 1)[0]);
    expect(firstLines.filter((line) => line !== "HTTP/1.1 201 Created")).toEqual([]);
  });
});
