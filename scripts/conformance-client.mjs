// `npm run conformance:client -- ws://127.0.0.1:9001`: lets a fuzzing server test the engine's client role, as the public
// Autobahn suite's server expects it: asks for the number of cases, echoes through each, and has the report written.
import { parseArgs } from "node:util";
import { fail, prepare } from "./prepare.mjs";

const usage =
  "Usage: npm run conformance:client -- [ws://127.0.0.1:9001] [--agent holdfast] [--cases 1-517] [--no-deflate]";

let parsed;
try {
  parsed = parseArgs({
    allowPositionals: true,
    options: {
      agent: { type: "string", default: "holdfast" },
      cases: { type: "string" },
      "no-deflate": { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
} catch (error) {
  fail(`${error.message}\n${usage}`);
}
const { values, positionals } = parsed;
if (values.help) fail(usage);
const address = positionals[0] ?? "ws://127.0.0.1:9001";
if (!URL.canParse(address)) fail(`${address} is not a URL\n${usage}`);
const range = /^(\d+)(?:-(\d+))?$/.exec(values.cases ?? "");
if (values.cases !== undefined && range === null)
  fail(`--cases accepts 7 or 1-20, not ${values.cases}\n${usage}`);
prepare();
const { WebSocket } = await import("../packages/holdfast/dist/websocket.js");
const options = {
  maxMessageBytes: 16 * 1024 * 1024,
  maxUnsentBytes: 64 * 1024 * 1024,
  compression: !values["no-deflate"] && { contextTakeover: true, thresholdBytes: 0 },
};

/** Opens an address, hands messages on, and resolves with the last one when the connection is over. */
function run(path, onMessage = () => {}) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(new URL(path, address), [], options);
    socket.binaryType = "arraybuffer";
    let last;
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
    };
    socket.onmessage = ({ data }) => {
      last = data;
      onMessage(socket, data);
    };
    // A case may break the rules on purpose; only a connection that never opened is a failure here.
    let fault = "";
    socket.onerror = ({ message }) => {
      fault = message;
    };
    socket.onclose = () => {
      if (wasOpen) resolve(last);
      else reject(new Error(`cannot open ${new URL(path, address)}: ${fault}`));
    };
  });
}

async function ask(path) {
  try {
    return JSON.parse(await run(path));
  } catch {
    return undefined;
  }
}

const count = await run("/getCaseCount").then(Number, (error) =>
  fail(`${error.message}. Is a fuzzing server running there?`),
);
if (!Number.isInteger(count)) fail(`${address}/getCaseCount did not answer with a number`);
const first = Number(range?.[1] ?? 1);
const last = Math.min(count, Number(range?.[2] ?? range?.[1] ?? count));
const outcomes = new Map();
for (let number = first; number <= last; number++) {
  const query = `case=${number}&agent=${encodeURIComponent(values.agent)}`;
  await run(`/runCase?${query}`, (socket, data) => socket.send(data)).catch((error) => fail(error.message));
  const behavior = (await ask(`/getCaseStatus?${query}`))?.behavior ?? "not told";
  outcomes.set(behavior, (outcomes.get(behavior) ?? 0) + 1);
  const note = `case ${number} of ${count}: ${behavior}`;
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${note}`);
  else if (!["OK", "INFORMATIONAL"].includes(behavior) || number % 50 === 0)
    process.stdout.write(`${note}\n`);
}
await run(`/updateReports?agent=${encodeURIComponent(values.agent)}`);
const summary = [...outcomes].map(([behavior, times]) => `${times} ${behavior}`).join(", ");
process.stdout.write(`${process.stdout.isTTY ? "\n" : ""}${last - first + 1} cases: ${summary}\n`);
process.exit(outcomes.has("FAILED") ? 1 : 0);
