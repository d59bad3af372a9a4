/**
 * Versions of the SDK for JavaScript that start on a frame before they are done with the one before, if both come in one read: busy
 * clients of a busy channel, whose connections break, still see every publication once and in order.
 */
import { fork } from "node:child_process";
import { expect, it, onTestFinished } from "vitest";
import {
  clientFrame,
  RawClient,
  startServer,
  textFrame,
  until,
} from "../../packages/holdfast/test/support/server.js";

const rounds = 20;

interface Result {
  readonly publications: number;
  readonly faults: readonly string[];
}

/** The client is a process of its own, so that what comes while it is busy piles up. */
function runClient(...args: readonly string[]): Promise<Result> {
  const client = fork(
    new URL("../../packages/holdfast/test/support/busy-client.mjs", import.meta.url),
    args,
    {
      execArgv: ["--no-warnings"],
    },
  );
  onTestFinished(() => void client.kill());
  return new Promise((resolve, reject) => {
    client.once("message", (result) => resolve(result as Result));
    client.once("exit", (code) => reject(new Error(`the client ended with ${code}`)));
  });
}

it.each([
  ["centrifuge-5.3.5", "json"],
  ["centrifuge-5.3.5", "protobuf"],
  ["centrifuge-5.7.4", "json"],
  ["centrifuge-5.7.4", "delta"],
  ["centrifuge-5.7.4", "protobuf"],
  ["centrifuge", "json"],
])("%s with %s shows publications in order", async (sdk, build) => {
  const { server, url, errors } = await startServer();
  const publish = () => {
    for (let i = 0; i < 3; i++) void server.publish("busy", { text: "wörter ".repeat(9), at: Date.now() });
  };
  const timer = setInterval(publish, 2);
  onTestFinished(() => clearInterval(timer));
  const { publications, faults } = await runClient(url, sdk, build, String(rounds));
  expect(faults.slice(0, 5)).toEqual([]);
  expect(publications).toBeGreaterThan(rounds);
  expect(errors).toEqual([]);
});

const [text, ping, pong] = [0x1, 0x9, 0xa];

it("such a client gets the next frame once it has answered a Ping frame after several messages", async () => {
  const { server, port } = await startServer();
  const client = await RawClient.upgrade(port);
  client.write(textFrame({ id: 1, connect: { name: "js" } }, { id: 2, subscribe: { channel: "busy" } }));
  const replies = await client.readFrame();
  expect(replies.payload.toString().split("\n")).toHaveLength(2);
  expect((await client.readFrame()).opcode).toBe(ping);
  for (const n of [1, 2, 3]) await server.publish("busy", n);
  await server.history("busy");
  expect(client.received).toHaveLength(0);
  client.write(clientFrame(pong, ""));
  const pushes = await client.readFrame();
  expect(pushes.opcode).toBe(text);
  expect(pushes.payload.toString().match(/"offset":\d/g)).toEqual(['"offset":1', '"offset":2', '"offset":3']);
  expect((await client.readFrame()).opcode).toBe(ping);
  await server.disconnect("", { code: 3011, reason: "force reconnect" });
  expect(await client.readClose()).toEqual({ code: 3011, reason: "force reconnect" });
});

it("a client that a single publication is for gets the next at once, and so do browsers and others", async () => {
  const { server, port } = await startServer();
  for (const name of ["js", "other"]) {
    const client = await RawClient.upgrade(port);
    client.write(textFrame({ id: 1, connect: { name } }, { id: 2, subscribe: { channel: "busy" } }));
    await client.readFrame();
    if (name === "js") {
      await client.readFrame();
      client.write(clientFrame(pong, ""));
    }
    await until(() => server.stats().unsentBytes === 0);
    for (let n = 1; n <= 3; n++) {
      await server.publish("busy", n);
      const { opcode, payload } = await client.readFrame();
      expect([opcode, payload.toString().match(/"data":\d/g)]).toEqual([text, [`"data":${n}`]]);
    }
  }
});
