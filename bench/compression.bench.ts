/**
 * When does compression pay? What it saves and costs for messages of several kinds and sizes, with every message by itself
 * and with context takeover, in one process without a network.
 */

import { randomBytes } from "node:crypto";
import { formatCount } from "@holdfast/lab/report";
import { type Deflate, resolveDeflate, WebSocketConnection } from "../packages/holdfast/src/websocket.js";
import { jsonOption, readOptions, runBench, writeResults } from "./support/command.js";
import { describe, describeMachine, percent, table } from "./support/report.js";

const description = {
  name: "compression",
  about: "Bytes saved and time spent by permessage-deflate, by kind and size of message.",
  options: {
    level: { value: "N,N", default: "1,3,6", about: "how hard zlib tries" },
    milliseconds: { value: "N", default: "200", about: "length of each measurement" },
    json: jsonOption("compression"),
  },
};

interface Row {
  readonly message: string;
  readonly level: number;
  readonly contextTakeover: boolean;
  readonly bytes: number;
  /** As sent, with its header. */
  readonly sentBytes: number;
  readonly sendMicros: number;
  readonly receiveMicros: number;
}

/** Messages as applications send them; each is different from the one before. */
const messages: Readonly<Record<string, (i: number) => string | Uint8Array>> = {
  "chat line, JSON": (i) =>
    JSON.stringify({
      push: {
        channel: "chat:lobby",
        pub: { data: { id: `m${i}`, text: `Hello ${i}, how are you?`, from: "ann" }, offset: i },
      },
    }),
  "8 quotes, JSON": (i) => quotes(i, 8),
  "100 quotes, JSON": (i) => quotes(i, 100),
  "history of 300, JSON": (i) =>
    JSON.stringify(
      Array.from({ length: 300 }, (_, n) => ({
        offset: i + n,
        data: { text: `message number ${i * n}`, from: `user${n % 7}` },
      })),
    ),
  "4 KiB that do not shrink": () => randomBytes(4096),
};

function quotes(i: number, count: number): string {
  return JSON.stringify(
    Array.from({ length: count }, (_, n) => ({
      symbol: `SYM${n}`,
      price: 100 + ((i * 37 + n * 101) % 977) / 100,
      at: 1_700_000_000_000 + i,
    })),
  );
}

await runBench(async () => {
  const options = readOptions(description);
  const levels = options.integers("level", { min: 1, max: 9 });
  const milliseconds = options.integer("milliseconds", { min: 10, max: 60_000 });
  const machine = describeMachine();
  const rows: Row[] = [];
  for (const [name, create] of Object.entries(messages))
    for (const contextTakeover of [false, true])
      for (const level of levels) rows.push(measure(name, create, level, contextTakeover, milliseconds));
  console.log(`\n${describe(machine)}\n`);
  const head = ["", "level", "context", "bytes", "sent", "saved", "µs to send", "µs to receive"];
  console.log(table(head, rows.map(cellsOf)));
  console.log(
    "Sent: bytes of the frame. µs: processor time of one message, framing and checks included; a broadcast without context\n" +
      "takeover pays for sending once, however many get it. Context: whether messages may refer to the ones before.",
  );
  writeResults(options, "compression", { machine, rows });
});

function measure(
  message: string,
  create: (i: number) => string | Uint8Array,
  level: number,
  contextTakeover: boolean,
  milliseconds: number,
): Row {
  const settings = resolveDeflate({ level, contextTakeover, thresholdBytes: 0 });
  const deflate: Deflate = {
    settings,
    agreement: {
      serverNoContextTakeover: !contextTakeover,
      clientNoContextTakeover: !contextTakeover,
      serverMaxWindowBits: 15,
      clientMaxWindowBits: 15,
    },
  };
  const server = new WebSocketConnection("server", {}, deflate);
  const client = new WebSocketConnection("client", {}, deflate);
  const samples = Array.from({ length: 64 }, (_, i) => create(i));
  let [count, bytes, sentBytes, sendMs, receiveMs] = [0, 0, 0, 0, 0];
  const warmUp = 200;
  for (let i = 0; sendMs + receiveMs < milliseconds; i++) {
    const data = samples[i % samples.length] as string | Uint8Array;
    const start = performance.now();
    const frame = server.encode(data);
    const sent = performance.now();
    const events = client.receive(Buffer.from(frame));
    const end = performance.now();
    if (events.length !== 1) throw new Error(`${message} did not arrive`);
    if (i < warmUp) continue;
    count++;
    bytes += Buffer.byteLength(data);
    sentBytes += frame.length;
    sendMs += sent - start;
    receiveMs += end - sent;
  }
  return {
    message,
    level,
    contextTakeover,
    bytes: bytes / count,
    sentBytes: sentBytes / count,
    sendMicros: (sendMs / count) * 1000,
    receiveMicros: (receiveMs / count) * 1000,
  };
}

function cellsOf({
  message,
  level,
  contextTakeover,
  bytes,
  sentBytes,
  sendMicros,
  receiveMicros,
}: Row): string[] {
  return [
    message,
    String(level),
    contextTakeover ? "kept" : "none",
    formatCount(bytes),
    formatCount(sentBytes),
    percent(1 - sentBytes / bytes),
    sendMicros.toFixed(1),
    receiveMicros.toFixed(1),
  ];
}
