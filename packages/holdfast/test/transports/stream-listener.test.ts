/** The table of sessions that commands name: nothing stays in it. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { connectionOptions } from "../../src/options/limits.js";
import { defaultsOf } from "../../src/options/option.js";
import { HttpExchange } from "../../src/requests/exchange.js";
import { systemClock } from "../../src/sockets/system-clock.js";
import { Admission } from "../../src/transports/admission.js";
import { StreamListener } from "../../src/transports/stream-listener.js";
import { createSessionNode } from "../sessions/support/session-node.js";
import { PlainStream } from "../support/plain-stream.js";
import { until } from "../support/server.js";

describe("sessions that commands name", () => {
  it("are known as long as their response lasts, and count as connections", async () => {
    const { handler } = await createSessionNode();
    const admission = new Admission({
      clock: systemClock,
      peerKeyOf: () => "",
      addressLimits: defaultsOf(connectionOptions),
      maxConnections: null,
    });
    const listener = new StreamListener({
      handler,
      admission,
      times: { clock: systemClock, closeTimeoutMs: 1000 },
      node: "n",
      cluster: { send: async () => ({ outcomes: new Map(), silent: [] }) },
      pingSeconds: 25,
      maxBodyBytes: 1000,
      onError: (error) => {
        throw error;
      },
    });
    const admitted = {
      source: { address: "127.0.0.1", host: undefined, isForwarded: false },
      request: { headers: {}, url: "/", address: "127.0.0.1" },
      cors: {},
    };
    const server = createServer((request, response) =>
      listener.answer("httpStream", new HttpExchange(request, response, admitted)),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const open = () => PlainStream.open(url, {}, "POST", '{"id":1,"connect":{}}');
    const [first, second] = [await open(), await open()];
    expect([listener.sessions, admission.count, handler.connections]).toEqual([2, 2, 2]);
    first.cut();
    await until(() => listener.sessions === 1);
    handler.shutdown();
    await second.ended();
    await until(() => admission.count === 0);
    expect([listener.sessions, handler.connections]).toEqual([0, 0]);
  });
});
