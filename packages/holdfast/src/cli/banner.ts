/** What `holdfast serve` prints once it listens: addresses, who may connect, and what to try next. */
import type { Configuration } from "../config/load-config.js";
import { tokenOptionsOf } from "../config/tokens.js";
import { type App, type ListeningAddress, version } from "../index.js";
import { bareAddress } from "../options/secrets.js";
import { ownName } from "./terminal.js";

/** @param workers processes that serve */
export function banner(address: ListeningAddress, configuration: Configuration, workers = 1): string {
  const { url } = address;
  const { app, config } = configuration;
  const places = [
    `  WebSocket      ${webSocketOf(address)}`,
    ...consoleOf(address, configuration),
    ...(workers > 1 ? [`  Workers        ${workers} processes`] : []),
    ...(config ? [`  Configuration  ${config.name}`] : []),
  ];
  return `Holdfast ${version} is listening on ${url}

${places.join("\n")}

${tryNext(suggestions(address, configuration))}${describeReach(address, app)}
${app ? describeApp(app) : openToAll}
History is kept ${describeData(configuration)}. Press Ctrl+C to stop.`;
}

const openToAll = "Authentication is disabled, and every client may use every channel.";

export function tryNext(lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `Try next, in another terminal:\n${lines.map((line) => `  ${line}`).join("\n")}\n\n`;
}

export function openSuggestions(address: ListeningAddress): readonly string[] {
  // The commands connect to TCP ports only.
  if (address.port === 0) return [];
  const at = urlFlag(address);
  return [
    `${ownName} subscribe news${at}`,
    `${ownName} publish news '{"hello":"world"}'${at}`,
    `vmstat 1 | ${ownName} publish stats${at}`,
  ];
}

export function webSocketOf({ url, port }: ListeningAddress): string {
  return port === 0
    ? `/connection/websocket at ${url}`
    : `${url.replace(/^http/, "ws")}/connection/websocket`;
}

/** A line for browsers, which reach TCP ports only. */
function consoleOf({ url, port }: ListeningAddress, { settings }: Configuration): readonly string[] {
  const [keys, isOn, basePath] = ["apiKeys", "console", "basePath"].map((path) => settings.get(path)?.value);
  const hasKeys = Array.isArray(keys) && keys.length > 0;
  return hasKeys && isOn && port !== 0 ? [`  Console        ${url}${basePath}/console/`] : [];
}

function urlFlag({ url, port }: ListeningAddress): string {
  return port === 8000 && url.startsWith("http:") ? "" : ` --url ${url}`;
}

function suggestions(address: ListeningAddress, { app, config }: Configuration): readonly string[] {
  if (!app) return openSuggestions(address);
  const at = urlFlag(address);
  const from = config ? ` --config ${config.name}` : "";
  const channel = exampleOf(Object.keys(app.options.channels ?? {}));
  const hasSecret = tokenOptionsOf(app)?.secret !== undefined;
  const who = hasSecret ? ` --token "$(${ownName} token --user ann${from})"` : "";
  // As in openSuggestions.
  const isReached = channel !== undefined && address.port !== 0;
  return [`${ownName} doctor${from}`, ...(isReached ? [`${ownName} subscribe ${channel}${who}${at}`] : [])];
}

/** A channel of the first pattern. */
function exampleOf(patterns: readonly string[]): string | undefined {
  return patterns[0]?.replace(/\{([A-Za-z_]\w*)\*?\}/g, "1");
}

export function isLocal(host: string): boolean {
  return host === "localhost" || host.startsWith("/") || host === "::1" || host.startsWith("127.");
}

function describeReach({ host }: ListeningAddress, app: App | undefined): string {
  if (isLocal(host)) return `Only this machine can connect (${host}).`;
  if (app?.options.authenticate !== undefined) return `Other machines can connect at ${host}.`;
  return `Warning: anyone who can reach ${host} can connect. For this machine only, use --host 127.0.0.1.`;
}

function describeApp(app: App): string {
  const { authenticate, anonymous, channels = {} } = app.options;
  const others = anonymous === true ? "; clients without a token are anonymous" : "";
  const who = tokenOptionsOf(app)
    ? `Clients authenticate with a token${Array.isArray(authenticate) ? " or by the application" : ""}${others}`
    : authenticate === undefined
      ? "Authentication is disabled"
      : `The application authenticates clients${anonymous === true ? "; others are anonymous" : ""}`;
  const names = Object.keys(channels);
  const shown = names.slice(0, 5).join(", ") + (names.length > 5 ? " …" : "");
  return `${who}. Channels: ${names.length === 0 ? "none" : shown}.`;
}

export function describeData({ settings, options }: Configuration): string {
  const { broker } = options;
  if (typeof broker === "string") return `by the broker ${bareAddress(broker)}`;
  if (broker) return "by the configured broker";
  const data = settings.get("data")?.value;
  return data === null ? "in memory until the server stops" : `in ${String(data)}`;
}
