// `npm run docs`: writes what follows from the descriptions of options: their types, and the tables of the reference.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { metricSections } from "../packages/holdfast/src/observe/metrics.js";
import {
  type Entry,
  entriesOf,
  flagOf,
  type Schema,
  showDefault,
  withoutLinks,
} from "../packages/holdfast/src/options/option.js";
import { sections, serverOptions } from "../packages/holdfast/src/options/schema.js";
import {
  compressionEntries,
  connectionEntries,
  socketEntries,
  webSocketClientEntries,
  webSocketServerEntries,
} from "../packages/holdfast/src/options/websocket.js";

const root = join(import.meta.dirname, "..");

export interface Generated {
  readonly file: string;
  readonly text: string;
}

/** Every file that is generated, as it should be. */
export function generate(): readonly Generated[] {
  const reference = "docs/reference/options.md";
  const webSockets = "docs/reference/websocket.md";
  const metricsPage = "docs/reference/metrics.md";
  return [
    { file: "packages/holdfast/src/options/options.ts", text: typesOfOptions() },
    { file: "packages/holdfast/src/options/websocket-options.ts", text: typesOfWebSocketOptions() },
    { file: reference, text: withTables(readFileSync(join(root, reference), "utf8"), tablesOfServer) },
    { file: metricsPage, text: withTables(readFileSync(join(root, metricsPage), "utf8"), tablesOfMetrics) },
    { file: webSockets, text: withTables(readFileSync(join(root, webSockets), "utf8"), tableOfWebSockets) },
  ];
}

const [begin, end] = ["<!-- options: written by npm run docs -->", "<!-- end of options -->"];

function withTables(page: string, tables: () => string): string {
  const [before, rest = ""] = page.split(begin);
  const [, after = ""] = rest.split(end);
  return `${before}${begin}\n\n${tables()}\n${end}${after}`;
}

function tableOf(rows: readonly string[]): string {
  return `| option | default | meaning, and what changing it costs |\n|---|---|---|\n${rows.join("\n")}\n`;
}

function tablesOfServer(): string {
  return sections
    .map(({ heading, options }) => `## ${heading}\n\n${tableOf(rowsOf(options, true))}`)
    .join("\n");
}

function tablesOfMetrics(): string {
  return metricSections
    .map(({ heading, metrics }) => {
      const rows = metrics.map(({ name, type, labels = [], help, centrifugo }) => {
        const cells = [
          `\`${name}\``,
          type,
          labels.map((label) => `\`${label}\``).join(", "),
          `${help}.`,
          centrifugo === undefined || centrifugo === name ? "" : `\`${centrifugo}\``,
        ];
        return `| ${cells.join(" | ")} |`;
      });
      const head = "| metric | type | labels | meaning | in Centrifugo |\n|---|---|---|---|---|";
      return `## ${heading}\n\n${head}\n${rows.join("\n")}\n`;
    })
    .join("\n");
}

function tableOfWebSockets(): string {
  return tableOf(rowsOf({ ...webSocketServerEntries, ...connectionEntries, ...socketEntries }, false));
}

function rowsOf(options: Schema, hasFlags: boolean): readonly string[] {
  return [...entriesOf(options)].map(([path, entry]) => {
    const flags =
      path === "tls" ? ["--tls-cert", "--tls-key"] : entry.kind === "code" || !hasFlags ? [] : [flagOf(path)];
    const names = [
      `\`${path}\``,
      ...(flags.length > 0 ? [`(${flags.map((flag) => `\`${flag}\``).join(", ")})`] : []),
    ];
    const { serveDefault } = entry;
    const value = `${showDefault(path, entry)}${serveDefault === undefined ? "" : `; \`holdfast serve\`: \`${serveDefault}\``}`;
    return `| ${[names.join(" "), value, sentenceOf(entry)].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
}

function sentenceOf({ doc, more, orNull }: Entry): string {
  const parts = [
    ...(more === undefined ? [] : [more]),
    ...(orNull === undefined ? [] : [`\`null\` ${orNull}.`]),
  ];
  return parts.length === 0 ? doc : `${doc}. ${parts.join(" ")}`;
}

function typesOfOptions(): string {
  const groups = Object.values(serverOptions as Schema).flatMap((each) =>
    each.kind === "group" || each.kind === "switched"
      ? [
          `${commentOf(each.kind === "group" ? each.doc : "How messages are compressed.", "")}export interface ${each.type} {\n${fieldsOf(each.entries)}}\n`,
        ]
      : [],
  );
  return `// Written by \`npm run docs\` from schema.ts; changes belong there.
import type { Broker } from "../channels/broker.js";
import type { RulesFor } from "../channels/rules.js";
import type { ApiKey } from "../http/api/keys.js";
import type { OwnRoutes } from "../http/router.js";
import type { AuditFunction } from "../observe/audit.js";
import type { Logger } from "../observe/log.js";
import type { AllowedOrigins } from "../requests/origins.js";
import type { Authenticate } from "../sessions/identity.js";
import type { TlsOptions } from "../sockets/http-front.js";
import type { TraceSocket } from "../sockets/traced-stream.js";

${groups.join("\n")}
/** Options of a server. */
export interface ServerOptions {
${fieldsOf(serverOptions)}}
`;
}

function typesOfWebSocketOptions(): string {
  return `// Written by \`npm run docs\` from websocket.ts; changes belong there.

/** Limits of one connection in the engine, without I/O. */
export interface ConnectionOptions {
${fieldsOf(connectionEntries)}}

/** Limits of a WebSocket on a socket. */
export interface SocketOptions extends ConnectionOptions {
${fieldsOf(socketEntries)}}

/** Limits of a WebSocketServer as a whole. */
export interface WebSocketServerLimits {
${fieldsOf(webSocketServerEntries)}}

/** Limits of a WebSocket, the client. */
export interface WebSocketClientLimits {
${fieldsOf(webSocketClientEntries)}}

/** Options of permessage-deflate (RFC 7692). */
export interface DeflateOptions {
${fieldsOf(compressionEntries)}}
`;
}

function fieldsOf(options: Schema): string {
  return Object.entries(options)
    .map(([name, each]) => {
      if (each.kind === "group") return `${commentOf(each.doc, "  ")}  readonly ${name}?: ${each.type};\n`;
      const type = each.kind === "switched" ? `boolean | ${each.type}` : each.type;
      const entry = entriesOf({ [name]: each }).get(name) as Entry;
      return `${commentOf(`${sentenceOf(entry)}${/\.$/.test(sentenceOf(entry)) ? "" : "."} @default ${showDefault(name, entry)}`, "  ")}  readonly ${name}?: ${type};\n`;
    })
    .join("");
}

function commentOf(text: string, indent: string): string {
  const plain = withoutLinks(text).replaceAll("*/", "*\\/");
  if (plain.length + indent.length <= 100) return `${indent}/** ${plain} */\n`;
  const lines: string[] = [];
  for (const word of plain.replace(" @default", "\n@default").split(/(?<=\n)| /)) {
    const last = lines.at(-1);
    if (last === undefined || last.endsWith("\n") || last.length + word.length > 100) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line.trimEnd()}\n`).join("")}${indent} */\n`;
}

if (process.argv[1] === import.meta.filename) {
  for (const { file, text } of generate()) writeFileSync(join(root, file), text);
}
