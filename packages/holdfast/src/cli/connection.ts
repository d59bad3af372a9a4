/**
 * A connection of the command line to a server, through the SDK that browsers use, with payloads kept as text; and the file with the
 * key by which it connects to a showcase of this machine.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Centrifuge, type Options } from "centrifuge";
import { type Command, Option } from "commander";
import { HoldfastError } from "../errors.js";
import { isLoopback } from "../requests/origins.js";
import { type ErrorEvent, WebSocket } from "../websocket.js";
import { elementTexts, encodeJson, memberTexts, RawJson, textAt } from "../wire/payload.js";
import { withoutLocalStorage } from "../without-local-storage.js";
import { ownName, writeNote } from "./terminal.js";

export interface ConnectionOptions {
  readonly url: string;
  readonly user?: string;
  readonly token?: string;
  readonly apiKey?: string;
}

/** What the API is called with, if the command comes with a key, and not as a client. */
export function apiOptionsOf({
  url,
  user,
  token,
  apiKey,
}: ConnectionOptions): { readonly url: string; readonly apiKey: string } | undefined {
  return apiKey === undefined || user !== undefined || token !== undefined ? undefined : { url, apiKey };
}

/** The flags of commands that connect. */
export function withConnectionFlags(command: Command): Command {
  return command
    .addOption(new Option("--url <url>", "the server").env("HOLDFAST_URL").default("http://localhost:8000"))
    .addOption(new Option("--user <name>", "user name, if authentication is disabled").env("HOLDFAST_USER"))
    .addOption(new Option("--token <token>", "token, if the server requires one").env("HOLDFAST_TOKEN"))
    .addOption(
      new Option("--api-key <key>", "a key of the server's API, to which no rules apply").env(
        "HOLDFAST_API_KEY",
      ),
    );
}

const webSocketPath = "/connection/websocket";
const firstConnectTimeoutMs = 5000;

/** @throws HF_CLI_USAGE when the address is no URL of a server */
export function createClient({ url, user, token }: ConnectionOptions): Centrifuge {
  let fault = "";
  class WatchedWebSocket extends WebSocket {
    constructor(...parameters: ConstructorParameters<typeof WebSocket>) {
      super(...parameters);
      this.addEventListener("error", (event) => {
        fault = (event as ErrorEvent).message;
      });
    }
  }
  const options: Partial<Options> = { websocket: WatchedWebSocket, name: "holdfast-cli" };
  const programKey = user === undefined && token === undefined ? findProgramKey(url) : undefined;
  // Other servers ignore it.
  if (programKey !== undefined) options.headers = { "x-api-key": programKey };
  if (user !== undefined) options.data = { user, info: { name: user } };
  if (token !== undefined) options.token = token;
  const client = withoutLocalStorage(() => new TextClient(toWebSocketUrl(url), options));
  faults.set(client, () => fault);
  return client;
}

/** How the last attempt of a client to connect ended. */
const faults = new WeakMap<Centrifuge, () => string>();

/** The key of a showcase that this user runs on this machine. */
export function findProgramKey(url: string): string | undefined {
  const { hostname, port } = parseServerUrl(url);
  return isLoopback(hostname) ? readProgramKey(runFileOf(Number(port || 80))) : undefined;
}

/** @throws HF_CLI_USAGE when it is not the URL of a server */
export function parseServerUrl(text: string): URL {
  if (text.startsWith("unix:"))
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--url ${text}: a Unix socket is for proxies; name the address of the proxy in front, or serve on a port`,
    );
  try {
    return new URL(text.includes("://") ? text : `http://${text}`);
  } catch (cause) {
    throw new HoldfastError("HF_CLI_USAGE", `--url ${text} is not a URL such as http://localhost:8000`, {
      cause,
    });
  }
}

function toWebSocketUrl(text: string): string {
  const url = parseServerUrl(text);
  const scheme = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" }[url.protocol];
  if (scheme === undefined)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--url must begin with http, https, ws or wss, not ${url.protocol}`,
    );
  // A trailing slash means that the server is mounted at that path.
  const path = url.pathname.endsWith("/") ? url.pathname.slice(0, -1) + webSocketPath : url.pathname;
  return `${scheme}//${url.host}${path}${url.search}`;
}

/**
 * Connects, for commands that need a connection.
 * @throws HF_CLI_CONNECTION when the server does not answer in time, or refuses
 */
export async function connectOnce(client: Centrifuge, url: string): Promise<void> {
  const refused = whenRefused(client);
  const failed = new Promise<never>((_resolve, reject) => {
    client.once("error", ({ error }) => reject(error));
  });
  failed.catch(() => {});
  client.connect();
  try {
    await Promise.race([client.ready(firstConnectTimeoutMs), refused, failed]);
  } catch (error) {
    client.disconnect();
    if (error instanceof HoldfastError) throw error;
    throw new HoldfastError("HF_CLI_CONNECTION", unreachable(client, url), { cause: error });
  }
}

function unreachable(client: Centrifuge, url: string): string {
  const [, status] = /answered (\d{3})/.exec(faults.get(client)?.() ?? "") ?? [];
  if (status !== undefined)
    return `${url} answered ${status} instead of opening a WebSocket. ${adviceFor(status)}`;
  return `cannot reach ${url}. Is a server running there? "${ownName} serve" starts one; --url names another.`;
}

function adviceFor(status: string): string {
  if (status === "404")
    return "For a server below a path, end the URL with a slash, such as http://example.com/rt/.";
  if (status === "426" || status === "400")
    return "A proxy in between must forward the Upgrade and Connection headers.";
  if (status === "403") return "The server does not accept this host name, or a proxy denies access.";
  return "A proxy in between may have answered instead of the server.";
}

/** Rejects when the server ends the connection terminally. @throws HF_CLI_CONNECTION */
export function whenRefused(client: Centrifuge): Promise<never> {
  const refusal = new Promise<never>((_resolve, reject) => {
    client.on("disconnected", ({ code, reason }) => {
      // Code 0 is this side's own disconnect.
      if (code !== 0)
        reject(new HoldfastError("HF_CLI_CONNECTION", `the server refused: ${reason} (code ${code})`));
    });
  });
  refusal.catch(() => {});
  return refusal;
}

/** Reports on standard error when the connection is lost and restored. */
export function reportConnection(client: Centrifuge, url: string): void {
  let isLost = false;
  client.on("connecting", ({ code }) => {
    // Code 0 is the first connect; the others follow a loss.
    if (code === 0 || isLost) return;
    isLost = true;
    writeNote(`holdfast: lost the connection to ${url}, reconnecting …`);
  });
  client.on("error", () => {
    if (isLost) return;
    isLost = true;
    writeNote(`holdfast: ${unreachable(client, url)} Trying again …`);
  });
  client.on("connected", () => {
    if (isLost) writeNote(`holdfast: connected to ${url}`);
    isLost = false;
  });
}

type JsonObject = Readonly<Record<string, unknown>>;

/** The methods that the SDK calls of its codec. */
const textCodec = {
  encodeCommands: (commands: readonly JsonObject[]) => commands.map(encodeJson).join("\n"),
  decodeReplies: (data: string) =>
    data
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map(decodeReply),
};

/** The SDK's client with payloads as texts, so that what is sent and printed is exactly what was given and received. */
class TextClient extends Centrifuge {
  constructor(url: string, options: Partial<Options>) {
    super(url, options);
    this._codec = Object.assign(Object.create(this._codec), textCodec);
  }
}

/** Replaces payloads in replies that have publications. */
function decodeReply(line: string): JsonObject {
  const reply = JSON.parse(line);
  const pushed = reply.push?.pub && textAt(line, ["push", "pub"]);
  if (pushed !== undefined)
    return { ...reply, push: { ...reply.push, pub: withTexts(reply.push.pub, pushed) } };
  for (const method of ["subscribe", "history"]) {
    const list: unknown = reply[method]?.publications;
    if (!Array.isArray(list)) continue;
    const texts = elementTexts(textAt(line, [method, "publications"]) ?? "[]");
    const publications = list.map((each: JsonObject, i) => withTexts(each, texts[i] ?? "{}"));
    return { ...reply, [method]: { ...reply[method], publications } };
  }
  return reply;
}

function withTexts(publication: JsonObject, text: string): JsonObject {
  const data = memberTexts(text).get("data");
  const info = textAt(text, ["info", "conn_info"]);
  return {
    ...publication,
    ...(data !== undefined && { data: new RawJson(data) }),
    ...(info !== undefined && {
      info: { ...(publication.info as JsonObject), conn_info: new RawJson(info) },
    }),
  };
}

/**
 * The key with which programs of this machine, such as `holdfast publish`, connect to a showcase. It is new at each start and, while
 * the server runs, in a file that only its user can read. Source addresses would prove nothing, since a proxy on this machine
 * forwards everybody.
 */
export interface RunKeys {
  readonly programKey: string;
  /** Only where the showcase has no folder for it. */
  readonly moderatorKey?: string;
}

/** The file of the showcase on a port of this machine. */
export function runFileOf(port: number, env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_RUNTIME_DIR || homedir(), ".holdfast", `showcase-${port}.json`);
}

/** @throws what the file system throws */
export function writeRunFile(file: string, keys: RunKeys): void {
  mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
  // One that was left behind could be readable by others.
  rmSync(file, { force: true });
  writeFileSync(file, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flag: "wx" });
}

export function removeRunFile(file: string): void {
  rmSync(file, { force: true });
}

/** @returns undefined where no showcase of this user listens there */
export function readProgramKey(file: string): string | undefined {
  try {
    const { programKey } = JSON.parse(readFileSync(file, "utf8")) as Partial<RunKeys>;
    return typeof programKey === "string" ? programKey : undefined;
  } catch {
    return undefined;
  }
}
