/** The reference of `holdfast/websocket` names what there is, with its defaults, and nothing else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { socketOptionNames } from "../../packages/holdfast/src/options/websocket.js";
import { clientOptionNames } from "../../packages/holdfast/src/sockets/web-socket.js";
import { serverOptionNames } from "../../packages/holdfast/src/sockets/websocket-server.js";
import * as entry from "../../packages/holdfast/src/websocket.js";
import { defaultDeflateSettings } from "../../packages/holdfast/src/websocket.js";

const text = readFileSync(join(import.meta.dirname, "../../docs/reference/websocket.md"), "utf8");

/** First and second cells of the tables below a heading, up to the next heading of any level. */
function rowsBelow(heading: string): Map<string, string> {
  const start = text.indexOf(`\n${heading}\n`);
  expect(start, heading).toBeGreaterThan(0);
  const section = text.slice(start + heading.length + 2).split(/\n#+ /, 1)[0] as string;
  return new Map(
    [...section.matchAll(/^\| `(\w+)` \| ([^|]*) \|/gm)].map((match) => [
      match[1] as string,
      match[2] as string,
    ]),
  );
}

/** A default as the tables write it. */
function inWords(name: string, value: number | null | boolean): RegExp {
  if (typeof value !== "number") return new RegExp(`^\`${value}\`$`);
  const grouped = value.toLocaleString("en-US");
  const isSize = /Bytes?(?:$|[A-Z])/.test(name) && value >= 64 * 1024;
  const size = value >= 1024 * 1024 ? `${value / 1024 / 1024} MiB` : `${value / 1024} KiB`;
  return new RegExp(`^${isSize ? size : grouped}(?:;|$)`);
}

describe("reference of holdfast/websocket", () => {
  const server = rowsBelow("### Options");
  const client = rowsBelow("## A client");
  const compression = rowsBelow("## Compression");

  it("lists every option of a server, and no other", () => {
    expect([...server.keys()].sort()).toEqual([...serverOptionNames, ...socketOptionNames].sort());
  });

  it("lists every option that only clients have", () => {
    expect([...client.keys()].sort()).toEqual([...clientOptionNames].sort());
  });

  it("lists every option of compression", () => {
    expect([...compression.keys()].sort()).toEqual(Object.keys(defaultDeflateSettings).sort());
  });

  it("says the defaults of compression", () => {
    for (const [name, value] of Object.entries(defaultDeflateSettings))
      expect(compression.get(name), name).toMatch(inWords(name, value));
  });

  it("mentions what the entry exports for servers and clients", () => {
    for (const name of [
      "WebSocketServer",
      "WebSocket",
      "broadcast",
      "PreparedMessage",
      "WebSocketConnection",
    ]) {
      expect(entry).toHaveProperty(name);
      expect(text).toContain(name);
    }
  });
});
