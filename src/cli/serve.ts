/** `holdfast serve`. */
import { readFileSync } from "node:fs";
import {
  createServer,
  type Durability,
  HoldfastError,
  type HoldfastServer,
  type ListeningAddress,
  openRules,
  type ServerOptions,
  version,
} from "../index.js";
import { writeNote, writeText } from "./output.js";

interface ServeOptions {
  readonly port: number;
  readonly host: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly compression?: boolean;
  readonly data: string;
  readonly durability: Durability;
  readonly repairData?: boolean;
  readonly apiKey?: readonly string[];
  readonly allowedOrigins?: readonly string[];
  readonly maxConnections?: number;
  readonly maxMessageBytes?: number;
  readonly pingIntervalMs?: number;
  readonly pongTimeoutMs?: number;
}

/** What `--data` takes for no folder. */
const inMemory = "memory";

export async function runServe(options: ServeOptions): Promise<void> {
  const server = createServer(toServerOptions(options));
  const address = await listen(server);
  // Who reads that the server is there may end it at once.
  const ended = untilSignal(server);
  writeText(banner(address, options));
  await ended;
}

/** What was opened before the port is closed again when there is none. */
async function listen(server: HoldfastServer): Promise<ListeningAddress> {
  try {
    return await server.listen();
  } catch (error) {
    await server.close();
    throw error;
  }
}

function toServerOptions(options: ServeOptions): ServerOptions {
  const { pingIntervalMs, pongTimeoutMs, allowedOrigins, tlsCert, tlsKey, apiKey, ...others } = options;
  const { data, durability, ...same } = others;
  const rules = { ...openRules, durability };
  const tls = readTls(tlsCert, tlsKey);
  const origins = allowedOrigins?.includes("*") ? "*" : allowedOrigins;
  return {
    ...same,
    data: data === inMemory ? null : data,
    rulesFor: () => rules,
    ...(apiKey && { apiKeys: apiKey }),
    ...(tls && { tls }),
    ...(origins && { allowedOrigins: origins }),
    times: { ...(pingIntervalMs && { pingIntervalMs }), ...(pongTimeoutMs && { pongTimeoutMs }) },
  };
}

function readTls(certFile: string | undefined, keyFile: string | undefined) {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--tls-cert and --tls-key go together; --tls-${certFile === undefined ? "cert" : "key"} is missing`,
    );
  return { cert: readPem("--tls-cert", certFile), key: readPem("--tls-key", keyFile) };
}

function readPem(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new HoldfastError("HF_CLI_USAGE", `${flag} ${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function banner({ url, host, port }: ListeningAddress, { data }: ServeOptions): string {
  const isLocal = host === "localhost" || host === "::1" || host.startsWith("127.");
  const at = port === 8000 ? "" : ` --url ${url}`;
  return `Holdfast ${version} keeps the line open at ${url}

  Open           ${url} in two windows, and chat
  WebSocket      ${url.replace(/^http/, "ws")}/connection/websocket

Try next, in another terminal:
  npx holdfast subscribe news${at}
  npx holdfast publish news '{"hello":"world"}'${at}
  vmstat 1 | npx holdfast publish stats${at}

${
  isLocal
    ? `Only this machine can connect (${host}). `
    : `Warning: whoever can reach ${host} can connect. To keep others out, use --host 127.0.0.1. `
}Any visitor may use any channel and nobody is
asked who they are; history is kept ${data === inMemory ? "in memory until the server ends" : `in ${data}`}. Ctrl+C ends it.`;
}

function untilSignal(server: HoldfastServer): Promise<void> {
  return new Promise((resolve, reject) => {
    let isEnding = false;
    const end = () => {
      // Whoever asks twice does not want to wait.
      if (isEnding) process.exit(1);
      isEnding = true;
      writeNote("Closing connections …");
      server.close().then(resolve, reject);
    };
    process.on("SIGINT", end);
    process.on("SIGTERM", end);
  });
}
