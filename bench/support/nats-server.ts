/**
 * nats-server with its WebSocket listener, so that clients of all contenders come over the same kind of connection. Its
 * text protocol goes in messages of that. https://docs.nats.io/reference/reference-protocols/nats-protocol
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AcknowledgedProtocol, idDigits } from "./acknowledged-protocol.js";
import type { SharedStore } from "./contenders.js";
import type { NativeServer } from "./native-process.js";
import type { Protocol } from "./protocols.js";
import type { RawClient } from "./raw-client.js";

const lineEnd = "\r\n";
const natsPong = `PONG${lineEnd}`;
const connectOptions = '{"verbose":false,"pedantic":false,"headers":false,"lang":"bench","version":"1"}';

function natsServer(isKeeping: boolean): NativeServer {
  return {
    files: ["/usr/sbin/nats-server"],
    ports: 2,
    configure(folder, [webSocketPort, port]) {
      const file = join(folder, "nats.conf");
      const lines = [
        `listen: "127.0.0.1:${port}"`,
        `websocket { listen: "127.0.0.1:${webSocketPort}", no_tls: true }`,
        ...(isKeeping ? [`jetstream { store_dir: "${folder}" }`] : []),
      ];
      writeFileSync(file, lines.join("\n"));
      return ["--config", file];
    },
  };
}

/** Nothing kept: what is published reaches who is there. */
export const natsCore: NativeServer = natsServer(false);
/** With JetStream, its log. */
export const natsJetStream: NativeServer = natsServer(true);

/** JetStream alone, for servers that keep their logs there. */
export const natsStore: SharedStore = {
  files: ["/usr/sbin/nats-server"],
  ports: 1,
  configure(folder, [port]) {
    const file = join(folder, "nats.conf");
    writeFileSync(file, `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${folder}" }`);
    return ["--config", file];
  },
  url: (port) => `nats://127.0.0.1:${port}`,
};

export const natsProtocol: Protocol = {
  path: "/",
  pong: natsPong,
  hasAcknowledgements: false,
  isPing: (message) => message === `PING${lineEnd}`,
  signOn,

  async subscribe(client, channel) {
    await signOn(client);
    await sendUntilPong(client, `SUB ${channel} 1${lineEnd}`);
  },

  publish: (channel, data) => publishText(channel, "", data),
  acknowledgementsIn: refuseErrors,
  offsetsIn: () => undefined,
};

const inbox = "_INBOX";
const stream = "bench";
/** As Holdfast's retention where nothing else is said. */
const keptPerSubject = 1000;
const confirmation = new RegExp(`MSG ${inbox}\\.\\d+\\.(\\d{${idDigits}}) `, "g");

/** JetStream confirms a publication to the inbox that it names, once the log has it. */
export const jetStreamAcknowledged: AcknowledgedProtocol = {
  protocol: natsProtocol,

  async prepare(client) {
    await signOn(client);
    const config = {
      name: stream,
      subjects: [`${stream}.>`],
      storage: "file",
      retention: "limits",
      discard: "old",
      max_msgs_per_subject: keptPerSubject,
      num_replicas: 1,
    };
    await ask(client, `STREAM.CREATE.${stream}`, JSON.stringify(config));
  },

  async signOn(client, connection) {
    await signOn(client);
    await sendUntilPong(client, `SUB ${inbox}.${connection}.* 1${lineEnd}`);
  },

  publish: (channel, data, id, connection) =>
    publishText(`${stream}.${channel}`, ` ${inbox}.${connection}.${id}`, data),

  readIds(message, onId) {
    refuseErrors(message);
    for (const [, id] of message.matchAll(confirmation)) onId(Number(id));
  },

  async countKept(client) {
    const { state } = (await ask(client, `STREAM.INFO.${stream}`, "")) as { state: { last_seq: number } };
    return state.last_seq;
  },
};

async function signOn(client: RawClient): Promise<void> {
  await client.waitFor("the server's INFO", (message) => message.startsWith("INFO ") || undefined);
  await sendUntilPong(client, `CONNECT ${connectOptions}${lineEnd}`);
}

/** What was sent before a PING has been done when its PONG comes. */
async function sendUntilPong(client: RawClient, text: string): Promise<void> {
  const answered = client.waitFor("PONG", (message) => {
    refuseErrors(message);
    return message.includes(natsPong) || undefined;
  });
  client.send(`${text}PING${lineEnd}`);
  await answered;
}

/** Calls a method of JetStream's interface. @throws Error with its answer when that is a refusal */
async function ask(client: RawClient, method: string, body: string): Promise<unknown> {
  await sendUntilPong(client, `SUB ${inbox}.answers 2${lineEnd}`);
  const answered = client.waitFor(`the answer to ${method}`, (message) => {
    refuseErrors(message);
    const json = /MSG \S+ 2 \d+\r\n(\{.*\})/.exec(message)?.[1];
    return json === undefined ? undefined : (JSON.parse(json) as unknown);
  });
  client.send(publishText(`$JS.API.${method}`, ` ${inbox}.answers`, body));
  return answered;
}

function publishText(subject: string, replyTo: string, data: string): string {
  return `PUB ${subject}${replyTo} ${data.length}${lineEnd}${data}${lineEnd}`;
}

function refuseErrors(message: string): number {
  if (message.startsWith("-ERR") || message.includes('"error":{'))
    throw new Error(`nats-server refused something: ${message.slice(0, 300)}`);
  return 0;
}
