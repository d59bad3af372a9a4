/** Writes past the stream: a request that is in use must never be used again, for which Node.js ends the process. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { type DirectHandle, directHandleOf, writeDirectly, writeFirst } from "../../src/sockets/output.js";

type Request = Parameters<DirectHandle["writeBuffer"]>[0];

const bytes = Buffer.from("x");

/** A handle whose writes end as told: at once, or at once but with the request in use until the next turn. */
function fakeHandle(isStillInUse: boolean) {
  const requests: Request[] = [];
  const handle: DirectHandle = {
    writeQueueSize: 0,
    writeBuffer(request) {
      requests.push(request);
      if (request === null) return isStillInUse ? { writeStatus: null } : 0;
      if (isStillInUse) Object.assign(request, { getAsyncId: () => 7 });
      return 0;
    },
  };
  return { handle, requests };
}

describe("direct writes", () => {
  let socket: Socket;

  beforeAll(async () => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    socket = connect((server.address() as { port: number }).port, "127.0.0.1");
    await once(socket, "connect");
    writeFirst(socket, bytes);
    return () => {
      socket.destroy();
      server.close();
    };
  });

  it("are possible on a plain TCP socket of this Node.js", () => {
    expect(directHandleOf(socket)).toBeDefined();
  });

  it("use one request over and over while the kernel takes everything", () => {
    const { handle, requests } = fakeHandle(false);
    const writer = { directWritten: () => expect.unreachable() };
    for (let i = 0; i < 3; i++) expect(writeDirectly(handle, bytes, writer)).toBe(0);
    expect(new Set(requests).size).toBe(1);
  });

  it("wait for a request that is in use, though the queue is empty, and take another one next", () => {
    const first = fakeHandle(true);
    const heard: number[] = [];
    expect(writeDirectly(first.handle, bytes, { directWritten: (status) => heard.push(status) })).toBe(1);
    const second = fakeHandle(false);
    expect(writeDirectly(second.handle, bytes, { directWritten: () => expect.unreachable() })).toBe(0);
    const [used] = first.requests;
    // Node.js 26 makes its requests itself.
    if (used === null || used === undefined) return;
    expect(second.requests[0]).not.toBe(used);
    used.oncomplete?.(0);
    expect(heard).toEqual([0]);
  });
});
