/**
 * The places in which a log, a state or a list is read for somebody. Each goes by src/sessions/data-access.ts, or is the
 * server's own. A new one belongs in this table, and its way to a client in test/integration/data-access.test.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listSources } from "./imports.js";

const root = join(import.meta.dirname, "../../packages/holdfast/src");
const folders = ["app", "http", "server", "sessions", "transports"];

/** What gives something of a channel: of the broker, of the node's channels, and what is made of these. */
const reads =
  /(?:(?:\b|[bB]roker\.)log\.(history|keys|value)|[bB]roker\.(presence\.(?:list|stats))|channels\.(?:recovery\.)?(recover|recoverNewest|subscribe)|(?<!function )\b(readState|readHistory|recover))\(/g;

const known: Readonly<Record<string, string>> = {
  "sessions/commands.ts presence.list": "asks `presence` first",
  "sessions/commands.ts presence.stats": "asks `presence` first",
  "sessions/commands.ts readHistory": "asks `history` first, and of a list canReadList",
  "sessions/commands.ts subscribe": "session-channels.ts",
  "sessions/control.ts history, 2 times": "the server's own: shows offsets and a time only",
  "sessions/control.ts presence.list": "the server's own",
  "sessions/control.ts presence.stats": "the server's own",
  "sessions/control.ts readHistory": "the server's own",
  "sessions/handover.ts subscribe": "from where the client has read to in another process, which let it in",
  "sessions/maps.ts keys": "readState",
  "sessions/maps.ts readState, 2 times":
    "a subscriber's: authorizeSubscribe has let it in; and the server's own",
  "sessions/maps.ts recover, 2 times": "from where the state was read, or canReadFrom",
  "sessions/maps.ts value": "the server's own",
  "sessions/reading.ts history, 2 times": "readHistory; asks `history` first, or gives the position only",
  "sessions/reading.ts readState": "a subscriber's: authorizeSubscribe has let it in",
  "sessions/reading.ts recover": "subscribing.ts",
  "sessions/request-client.ts subscribe":
    "from where a read of reading.ts has ended; of tails.ts, the server's own",
  "sessions/session-channels.ts recover": "subscribing.ts",
  "sessions/session-channels.ts subscribe": "from the head, or from where it has recovered to",
  "sessions/subscribing.ts recover": "canReadFrom",
  "sessions/subscribing.ts recoverNewest": "canReadFrom",
  "sessions/tails.ts history": "the server's own, asked with a key",
  "server/why.ts history": "the server's own, asked with a key; shows offset and time only",
  "server/revocation-log.ts history": "no channel that anybody can name",
};

function findReads(): string[] {
  const files = listSources(root).filter((path) => folders.includes(path.split("/", 1)[0] as string));
  return files.flatMap((path) => {
    const counts = new Map<string, number>();
    for (const [, ofLog, ofPresence, ofChannels, made] of readFileSync(join(root, path), "utf8").matchAll(
      reads,
    )) {
      const name = ofLog ?? ofPresence ?? ofChannels ?? made ?? "";
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [...counts].map(([name, n]) => `${path} ${name}${n > 1 ? `, ${n} times` : ""}`);
  });
}

describe("what is read of a channel for somebody", () => {
  it("is read in the places that are known, each of which goes by a permission", () => {
    expect(findReads().sort()).toEqual(Object.keys(known).sort());
  });
});
