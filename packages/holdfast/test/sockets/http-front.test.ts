/** One port for HTTP/1.1 and HTTP/2, told apart by what a client says first, or by ALPN. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { RawClient, until, upgradeRequest } from "../support/server.js";
import { testTls } from "../support/tls.js";
import { startSockets, startWitness } from "./support/servers.js";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

describe("one port", () => {
  it("answers GET over both, and refuses an upgrade without upgrade", async () => {
    const { port } = await startSockets();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":path": "/" });
    expect((await once(stream, "response"))[0][":status"]).toBe(426);
    stream.resume();
    const client = await RawClient.connect(port);
    client.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(await client.readToEnd()).toMatch(/^HTTP\/1\.1 426 /);
  });

  it("knows HTTP/2 and HTTP/1.1 byte by byte", async () => {
    const { port } = await startSockets();
    for (const [bytes, answer] of [
      // The first frame of the server has the settings, on stream 0.
      [`${preface}\0\0\0\x04\0\0\0\0\0`, /^.{6}04.{2}00000000/],
      ["PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", /^HTTP\/1\.1 426 /],
      [upgradeRequest(), /^HTTP\/1\.1 101 /],
    ] as const) {
      const client = await RawClient.connect(port);
      client.socket.setNoDelay(true);
      for (const byte of Buffer.from(bytes, "latin1")) {
        client.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => client.received.length > 8 || client.hasClosed);
      const isHttp2 = bytes.startsWith("PRI");
      expect(client.received.toString(isHttp2 ? "hex" : "latin1")).toMatch(answer);
      client.socket.destroy();
    }
  });

  it.each(["", "P", "PR", preface.slice(0, 3)])(
    "ends a connection that sends %j and waits",
    async (bytes) => {
      const { port, server } = await startSockets({ handshakeTimeoutMs: 1000 });
      const client = await RawClient.connect(port);
      client.write(bytes);
      if (bytes.length < 3) expect(await client.readToEnd()).toMatch(/^HTTP\/1\.1 408 /);
      await server.close();
      await until(() => client.hasClosed);
    },
  );

  it("lets go of connections that vanish before they say what they speak", async () => {
    const { port, url } = await startSockets();
    const witness = await startWitness(url);
    for (const bytes of ["", "P", "PRI * HTTP/2.0\r\n"]) {
      const client = await RawClient.connect(port);
      client.write(bytes);
      await new Promise((resolve) => setTimeout(resolve, 10));
      client.socket.resetAndDestroy();
      await witness.check();
    }
  });

  it("with TLS speaks HTTP/1.1 to clients without ALPN", async () => {
    const { port, url } = await startSockets({}, { tls: testTls });
    const socket = connectTls({ port, host: "127.0.0.1", ca: testTls.cert });
    onTestFinished(() => void socket.destroy());
    await once(socket, "secureConnect");
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 426 /);
    const witness = await startWitness(url);
    const plain = await RawClient.connect(port);
    plain.write(upgradeRequest());
    await until(() => plain.hasClosed);
    await witness.check();
  });
});
