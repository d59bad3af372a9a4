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
import { StreamListener, type StreamListenerOptions } from "../../src/transports/stream-listener.js";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode } from "../sessions/support/session-node.js";
import { PlainStream } from "../support/plain-stream.js";
import { until } from "../support/server.js";

/** @param send of the cluster */
async function listen(route: "httpStream" | "emulation", send: StreamListenerOptions["cluster"]["send"]) {
  const { handler } = await createSessionNode();
  const admission = new Admission({
    clock: systemClock,
    peerKeyOf: (address) => address,
    addressLimits: { ...defaultsOf(connectionOptions), maxAddressConnections: null },
    maxConnections: null,
  });
  const listener = new StreamListener({
    handler,
    admission,
    times: { clock: systemClock, closeTimeoutMs: 1000 },
    node: "n",
    cluster: { send },
    pingSeconds: 25,
    maxBodyBytes: 1000,
    onError: (error) => {
      throw error;
    },
  });
  const server = createServer((request, response) => {
    const address = String(request.headers.from ?? "127.0.0.1");
    const admitted = {
      source: { address, host: undefined, isForwarded: false },
      request: { headers: {}, url: "/", address },
      cors: {},
    };
    listener.answer(route, new HttpExchange(request, response, admitted));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { handler, admission, listener, url };
}

const nobody = async () => ({ outcomes: new Map(), silent: [] });

describe("sessions that commands name", () => {
  it("are known as long as their response lasts, and count as connections", async () => {
    const { handler, admission, listener, url } = await listen("httpStream", nobody);
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

describe("commands for sessions of a node that does not answer", () => {
  it("wait for one address up to a limit, and others are not kept from theirs", async () => {
    const onAnswer: (() => void)[] = [];
    const { url } = await listen("emulation", async () => {
      await new Promise<void>((resolve) => onAnswer.push(resolve));
      return { outcomes: new Map([["other", {}]]), silent: [] };
    });
    const post = async (from: string) => {
      const body = JSON.stringify({ session: "guessed", node: "other", data: "{}" });
      const answer = await fetch(url, { method: "POST", body, headers: { from } });
      return answer.status;
    };
    const waiting = countTo(100).map(() => post("192.0.2.1"));
    await until(() => onAnswer.length === 100);
    expect(await post("192.0.2.1")).toBe(503);
    waiting.push(post("192.0.2.2"));
    await until(() => onAnswer.length === 101);
    for (const resolve of onAnswer) resolve();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([204]));
    const next = post("192.0.2.1");
    await until(() => onAnswer.length === 102);
    onAnswer.at(-1)?.();
    expect(await next).toBe(204);
  });
});
