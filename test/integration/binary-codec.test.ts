/** A codec of bytes, of which the server knows nothing but its entry among the codecs: payloads pass as they are. */
import { expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import { startServer, until } from "../../packages/holdfast/test/support/server.js";

/** `mark` begins a publication, in both directions; other messages are JSON as bytes. */
const { subprotocol, contentType, mark } = vi.hoisted(() => ({
  subprotocol: "centrifuge-test-bytes",
  contentType: "application/octet-stream",
  mark: 1,
}));

vi.mock("../../packages/holdfast/src/wire/codecs.js", async (load) => {
  type Codecs = typeof import("../../packages/holdfast/src/wire/codecs.js");
  type Codec = Codecs["defaultCodec"];
  const original = await load<Codecs>();
  const json = original.defaultCodec;
  const toBytes = (message: string | Uint8Array) => Buffer.from(message as string);
  const encodePush: Codec["encodePush"] = (push) =>
    push.kind === "pub"
      ? Buffer.concat([Buffer.of(mark), push.publication.data as Uint8Array])
      : toBytes(json.encodePush(push));
  const join: Codec["join"] = (messages) => Buffer.concat(messages as readonly Uint8Array[]);
  const encodePing = () => toBytes(json.encodePing());
  const codec: Codec = {
    ...json,
    name: "bytes",
    subprotocol,
    contentType,
    isBinary: true,
    decode(frame) {
      if (typeof frame === "string") throw new TypeError("text came to a codec of bytes");
      if (frame[0] !== mark) return json.decode(frame);
      const data = new Uint8Array(frame.subarray(1));
      return { commands: [{ id: 9, method: "publish", params: { channel: "news", data } }] };
    },
    decodeEnvelope(body) {
      const bytes = body as Uint8Array;
      const [first, second] = [bytes.indexOf(0), bytes.indexOf(0, bytes.indexOf(0) + 1)];
      const text = Buffer.from(bytes).toString("latin1");
      return {
        session: text.slice(0, first),
        node: text.slice(first + 1, second),
        data: bytes.subarray(second + 1),
      };
    },
    encodeReply: (reply) => toBytes(json.encodeReply(reply)),
    encodePush,
    encodePing,
    join,
    oneWay: { name: "bytes one-way", encodePush, encodePing, join },
  };
  return {
    ...original,
    codecs: [...original.codecs, codec],
    chooseCodec: (choice: Parameters<Codecs["chooseCodec"]>[0]) =>
      choice.subprotocols?.includes(subprotocol) ? codec : original.chooseCodec(choice),
    codecForContentType: (type: string | undefined) =>
      type === contentType ? codec : original.codecForContentType(type),
  };
});

const connect = '{"id":1,"connect":{}}';
const subscribe = '{"id":2,"subscribe":{"channel":"news"}}';
const published = Buffer.concat([Buffer.of(mark), Buffer.from(Array.from({ length: 256 }, (_, i) => i))]);

/** Publications may share a message with replies. */
function countIn(messages: readonly Uint8Array[]): number {
  return Buffer.concat(messages).toString("latin1").split(published.toString("latin1")).length - 1;
}

async function open(url: string, protocol?: string) {
  const socket = new WebSocket(url, protocol);
  onTestFinished(() => socket.terminate());
  const messages: Buffer[] = [];
  socket.on("message", (message) => messages.push(message as Buffer));
  await new Promise((resolve) => socket.once("open", resolve));
  const send = (frame: string) => socket.send(protocol === undefined ? frame : Buffer.from(frame));
  send(connect);
  await until(() => messages.length === 1);
  send(subscribe);
  await until(() => messages.length === 2);
  messages.length = 0;
  return { socket, messages };
}

it("carries payloads over WebSockets and emulated connections, and JSON has them in base64", async () => {
  const { port, url, errors } = await startServer();
  const http = `http://127.0.0.1:${port}`;
  const [reader, jsonReader] = [await open(url, subprotocol), await open(url)];
  const headers = { "Content-Type": contentType };

  reader.socket.send(published);
  await until(() => countIn(reader.messages) === 1);

  const stream = await PlainStream.open(`${http}/connection/http_stream`, headers, "POST", connect);
  await stream.until(() => stream.text.endsWith("}"));
  const { session, node } = JSON.parse(stream.text).connect;
  const body = Buffer.concat([Buffer.from(`${session}\0${node}\0`), published]);
  const answer = await fetch(`${http}/emulation`, { method: "POST", headers, body });
  expect(answer.status).toBe(204);
  await until(() => countIn(reader.messages) === 2);

  await until(() => jsonReader.messages.join("\n").split("\n").length === 2);
  const pushes = jsonReader.messages.join("\n").split("\n");
  const data = published.subarray(1).toString("base64");
  expect(pushes.map((push) => JSON.parse(push).push.pub.data)).toEqual([data, data]);

  const empty = await fetch(`${http}/emulation`, { method: "POST", headers, body: new Uint8Array() });
  expect(empty.status).toBe(400);
  const history = await fetch(`${http}/channels/news`);
  const { publications } = (await history.json()) as { readonly publications: readonly { data: unknown }[] };
  expect(publications.map((each) => each.data)).toEqual([data, data]);
  expect(errors).toEqual([]);
});
