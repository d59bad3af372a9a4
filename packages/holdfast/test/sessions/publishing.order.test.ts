/** Publications of one client stand in the log in the order of its commands, whatever else waits in between. */
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { startServer, until } from "../support/server.js";

/** Sends commands in one frame, and gives the data of the channel's log when all are answered. */
async function sendAtOnce(commands: (publish: (n: number, way: "command" | "rpc") => object) => object[]) {
  const server = await startServer();
  const socket = new WebSocket(server.url);
  onTestFinished(() => socket.terminate());
  const replies: { id?: number; error?: object }[] = [];
  socket.on("message", (frame) => {
    for (const line of String(frame).split("\n")) {
      const message = JSON.parse(line);
      if (message.id) replies.push(message);
    }
  });
  await new Promise((resolve) => socket.once("open", resolve));
  const publish = (data: number, way: "command" | "rpc") =>
    way === "command"
      ? { publish: { channel: "news", data } }
      : { rpc: { method: "holdfast.publish", data: { channel: "news", data } } };
  const all = [{ connect: {} }, ...commands(publish)];
  socket.send(all.map((command, index) => JSON.stringify({ id: index + 1, ...command })).join("\n"));
  await until(() => replies.length === all.length);
  expect(replies.filter(({ error }) => error)).toEqual([]);
  const { publications } = await server.server.history("news", { limit: 100 });
  return publications.map(({ data }) => data);
}

const numbers = Array.from({ length: 40 }, (_, n) => n);

describe("publications of one client in one frame", () => {
  it("follow a subscribe in order, beyond the concurrency limit", async () => {
    const data = await sendAtOnce((publish) => [
      { subscribe: { channel: "news" } },
      ...numbers.map((n) => publish(n, "command")),
    ]);
    expect(data).toEqual(numbers);
  });

  it("keep their order, by command or by method", async () => {
    const data = await sendAtOnce((publish) =>
      numbers.map((n) => publish(n, n % 3 === 0 ? "rpc" : "command")),
    );
    expect(data).toEqual(numbers);
  });

  it("keep their order when the client leaves in between", async () => {
    const data = await sendAtOnce((publish) => [
      { subscribe: { channel: "news" } },
      ...numbers.slice(0, 20).map((n) => publish(n, "command")),
      { unsubscribe: { channel: "news" } },
      ...numbers.slice(20).map((n) => publish(n, "rpc")),
    ]);
    expect(data).toEqual(numbers);
  });
});
