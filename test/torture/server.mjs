// The server under torture: the built package, on the port and data folder that its parent names, with rules by the
// prefixes of channels. Ends with its parent.
import { createServer, openRules } from "../../packages/holdfast/dist/index.js";

const { port, data, broker, traits, apiKey } = JSON.parse(process.argv[2]);
const dayMs = 24 * 60 * 60 * 1000;
const mebibyte = 1024 * 1024;

/** @param {string} channel */
function rulesFor(channel) {
  const { kind, durability, maxEntries = 1_000_000, hasPresence = false } = traits[channel.split(":", 1)[0]];
  const keys = kind === "map" && { keys: { maxKeys: 10_000, maxBytes: 64 * mebibyte } };
  const retention = { maxEntries, maxBytes: 1024 * mebibyte, ttlMs: dayMs, ...keys };
  return { ...openRules, kind, durability, retention, hasPresence, hasJoinLeave: hasPresence };
}

const server = createServer({
  port,
  host: "127.0.0.1",
  pages: null,
  rulesFor,
  ...(broker === undefined ? { data } : { broker }),
  apiKeys: [apiKey],
  // Short, so that readers leave what is at hand and read the log.
  ring: { maxEntries: 64, maxBytes: 256 * 1024 },
  commandsPerSecond: null,
  publishesPerSecond: null,
  userPublishesPerSecond: null,
  bytesPerSecond: null,
  // Dead lines are noticed within a run.
  pingIntervalMs: 3000,
  pongTimeoutMs: 2000,
  stallTimeoutMs: 4000,
  onError: (error, { stage }) =>
    process.send?.({ error: `${stage}: ${error?.stack ?? error}`, code: error?.code }),
});
process.on("message", async ({ isClosing }) => {
  if (!isClosing) return;
  await server.close();
  process.exit();
});
// A server that is done does not stay for its parent's words.
process.channel?.unref();
process.on("disconnect", () => process.exit());
await server.listen();
process.send?.({ isListening: true });
