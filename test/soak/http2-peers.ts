/** Peers over HTTP/2 that break off in the middle. */
import { type ClientHttp2Session, connect, constants } from "node:http2";
import { buildFrame, opcodes } from "../conformance/websocket/support/frame-builder.js";
import type { PeerKind, Random } from "./hostile-peers.js";

const key = [1, 2, 3, 4] as const;
/** A frame that announces more than comes. */
const half = buildFrame({ opcode: opcodes.binary, key, payload: "half", announcedBytes: 60_000n });

async function withSession<T>(port: number, use: (session: ClientHttp2Session) => Promise<T>): Promise<T> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  try {
    await new Promise<void>((resolve, reject) => {
      session.once("remoteSettings", () => resolve());
      session.once("close", () => reject(new Error("the server ended the HTTP/2 connection")));
    });
    return await use(session);
  } finally {
    session.destroy();
  }
}

async function open(session: ClientHttp2Session) {
  const stream = session.request(
    {
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":path": "/",
      ":authority": "soak",
      "sec-websocket-version": "13",
    },
    { endStream: false },
  );
  stream.on("error", () => {});
  stream.resume();
  const status = await new Promise<number>((resolve) => {
    stream.once("response", (headers) => resolve(Number(headers[":status"])));
    stream.once("close", () => resolve(0));
  });
  if (status !== 200) throw new Error(`an extended CONNECT was answered with ${status}`);
  return stream;
}

const codes = [constants.NGHTTP2_CANCEL, constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_NO_ERROR];

export const http2Peers: readonly PeerKind[] = [
  {
    name: "HTTP/2: stream reset in mid-frame",
    endings: ["reset"],
    run: (port, random: Random) =>
      withSession(port, async (session) => {
        for (let i = 0; i < 5; i++) {
          const stream = await open(session);
          stream.write(half);
          const closed = new Promise((resolve) => stream.once("close", resolve));
          stream.close(codes[Math.floor(random() * codes.length)]);
          await closed;
        }
        return "reset";
      }),
  },
  {
    name: "HTTP/2: connection gone under its streams",
    endings: ["gone"],
    run: (port) =>
      withSession(port, async (session) => {
        const streams = await Promise.all(Array.from({ length: 5 }, () => open(session)));
        for (const stream of streams) stream.write(half);
        await new Promise((resolve) => setImmediate(resolve));
        return "gone";
      }),
  },
];
