import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { attachSocket, detachSocket, isDetachable } from "../../src/sockets/passed-socket.js";
import { until } from "../support/server.js";

async function createPair(): Promise<{
  readonly client: Socket;
  readonly accepted: Socket;
  readonly isClosed: () => boolean;
}> {
  const server = createServer();
  let hasClosed = false;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connect(port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  onTestFinished(() => void client.destroy());
  server.close(() => {
    hasClosed = true;
  });
  return { client, accepted, isClosed: () => hasClosed };
}

describe("a socket that is passed on", () => {
  it("stays open for its peer, and is gone for its server", async () => {
    const { client, accepted, isClosed } = await createPair();
    const closed = once(accepted, "close");
    const detached = detachSocket(accepted);
    await closed;
    await until(isClosed);
    expect(client.destroyed).toBe(false);
    const next = attachSocket(detached as NonNullable<typeof detached>);
    onTestFinished(() => void next.destroy());
    client.write("question");
    next.on("data", (bytes) => next.write(`answer to ${bytes}`));
    next.resume();
    const [answer] = (await once(client, "data")) as [Buffer];
    expect(answer.toString()).toBe("answer to question");
  });

  it("takes along what was read and not handled", async () => {
    const { client, accepted } = await createPair();
    accepted.pause();
    accepted.on("data", () => expect.unreachable());
    accepted.read(0);
    client.write("early");
    await until(() => accepted.readableLength === 5);
    const detached = detachSocket(accepted) as NonNullable<ReturnType<typeof detachSocket>>;
    expect(detached.head.toString()).toBe("early");
    const next = attachSocket(detached);
    onTestFinished(() => void next.destroy());
    client.write(" and late");
    let text = "";
    next.on("data", (bytes) => {
      text += bytes;
    });
    next.resume();
    await until(() => text === "early and late");
  });

  it("must be one", () => {
    expect(isDetachable(new PassThrough())).toBe(false);
    expect(detachSocket(new PassThrough())).toBeUndefined();
  });
});
