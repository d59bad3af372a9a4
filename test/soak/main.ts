/**
 * Soak: random peers of all kinds, most of them hostile, come and go at one server, while witnesses check that nothing
 * happens to them. In the end the server must hold no connection and no more memory than in the beginning. Then peers that
 * ask for what costs most, and what a client waits for beside them.
 */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createRandom } from "../conformance/websocket/support/seed.js";
import { runCostlyPeers } from "./costly-peers.js";
import { hostilePeers, type PeerKind } from "./hostile-peers.js";
import { http2Peers } from "./http2-peers.js";
import { Witness } from "./witness.js";

interface Report {
  readonly connections: number;
  /** Bytes that JavaScript holds, after a collection of garbage. */
  readonly held: number;
  readonly rss: number;
  readonly errors: readonly string[];
}

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "2" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 0x7fffffff)) },
    peers: { type: "string", default: "40" },
    witnesses: { type: "string", default: "6" },
  },
});
const minutes = positive("minutes", values.minutes);
const peersAtATime = positive("peers", values.peers);
const witnessCount = positive("witnesses", values.witnesses);
const random = createRandom(Number(values.seed));
/** No peer may be left alone for longer: all of the server's limits are a few seconds. */
const patienceMs = 30_000;
/** What caches and pools may come to. */
const toleratedBytes = 4 * 1024 * 1024;
const mebibytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  process.stderr.write(`--${name} accepts a number above 0, not ${text}.\n`);
  process.exit(2);
}

const kinds = [...hostilePeers, ...http2Peers];
const outcomes = new Map<string, Map<string, number>>();
const faults: string[] = [];

function fault(text: string): void {
  faults.push(text);
  process.stderr.write(`\n${text}\n`);
}

async function startServer(flags: readonly string[]): Promise<{ server: ChildProcess; port: number }> {
  const server = fork(join(import.meta.dirname, "server.mjs"), flags, { execArgv: ["--expose-gc"] });
  server.once("exit", (code) => {
    if (!isOver) fault(`the server has ended with ${code}`);
  });
  const { port } = await new Promise<{ port: number }>((resolve) => server.once("message", resolve as never));
  return { server, port };
}

let isOver = false;

function ask(server: ChildProcess): Promise<Report> {
  const answer = new Promise<Report>((resolve) => server.once("message", resolve as never));
  server.send({});
  return answer;
}

async function runPeer(kind: PeerKind, port: number): Promise<void> {
  const timeout = sleep(patienceMs, "stuck", { ref: false });
  const ending = await Promise.race([
    kind.run(port, random).catch((error: Error) => `failed: ${error.message}`),
    timeout,
  ]);
  const ofKind = outcomes.get(kind.name) ?? new Map<string, number>();
  outcomes.set(kind.name, ofKind.set(ending, (ofKind.get(ending) ?? 0) + 1));
  if (!kind.endings.includes(ending))
    fault(`${kind.name}: ended with ${ending}, where ${kind.endings.join(" or ")} is right`);
}

/** Keeps peers coming until the time is over; each kind gets its turn in random order. */
async function keepPeersComing(port: number, until: number): Promise<void> {
  await Promise.all(
    Array.from({ length: peersAtATime }, async () => {
      while (Date.now() < until && faults.length < 20)
        await runPeer(kinds[Math.floor(random() * kinds.length)] as PeerKind, port);
    }),
  );
}

async function settled(server: ChildProcess, connections: number): Promise<Report> {
  for (let i = 0; ; i++) {
    const report = await ask(server);
    if (report.connections === connections || i === 40) return report;
    await sleep(250);
  }
}

async function soak(flags: readonly string[], soakMinutes: number): Promise<void> {
  const { server, port } = await startServer(flags);
  const title = flags.length === 0 ? "no context takeover" : flags.join(" ");
  const witnesses = Array.from({ length: witnessCount }, (_, i) => new Witness(port, random, i % 2 === 0));
  const witnessed = Promise.all(
    witnesses.map((witness) => witness.run().catch((error: Error) => fault(error.message))),
  );
  // What is loaded and allocated once does not count: each kind has been there before the first measurement.
  await Promise.all(kinds.map((kind) => runPeer(kind, port)));
  await keepPeersComing(port, Date.now() + Math.min(10_000, soakMinutes * 15_000));
  const first = await settled(server, witnessCount);
  const start = Date.now();
  const end = start + soakMinutes * 60_000;
  const coming = keepPeersComing(port, end);
  const samples: number[] = [];
  while (Date.now() < end && faults.length < 20) {
    await sleep(Math.min(5000, Math.max(100, end - Date.now())));
    const report = await ask(server);
    for (const error of report.errors) fault(`the server reported: ${error}`);
    samples.push(report.held);
    const echoes = witnesses.reduce((sum, witness) => sum + witness.echoes, 0);
    say(
      `soak, ${title}: ${Math.round((Date.now() - start) / 1000)} of ${Math.round(soakMinutes * 60)} s, ` +
        `${report.connections} connections, ${mebibytes(report.held)} held, ${echoes} echoes`,
    );
  }
  await coming;
  const last = await settled(server, witnessCount);
  for (const witness of witnesses) witness.end();
  await witnessed;
  const empty = await settled(server, 0);
  process.stdout.write(
    `\n${title}: held ${mebibytes(first.held)} before, ${mebibytes(last.held)} after, at most ` +
      `${mebibytes(Math.max(...samples, last.held))} in between; RSS ${mebibytes(first.rss)} before, ${mebibytes(last.rss)} after; ` +
      `${witnesses.reduce((sum, witness) => sum + witness.echoes, 0)} echoes\n`,
  );
  if (last.held > first.held + toleratedBytes)
    fault(`memory grew from ${mebibytes(first.held)} to ${mebibytes(last.held)}`);
  if (last.connections !== witnessCount)
    fault(`${last.connections - witnessCount} connections are left of peers that have gone`);
  if (empty.connections !== 0) fault(`${empty.connections} connections are left after all have gone`);
  isOver = true;
  const exited = new Promise((resolve) => server.once("exit", resolve));
  server.disconnect();
  await exited;
  isOver = false;
}

function say(text: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}`);
  else process.stdout.write(`${text}\n`);
}

say(`soak: seed ${values.seed}, ${minutes} min, ${peersAtATime} peers of ${kinds.length} kinds at a time\n`);
await soak([], minutes / 2);
await soak(["takeover"], minutes / 2);
const costlySeconds = Math.min(20, minutes * 5);
for (const text of await runCostlyPeers(costlySeconds, (line) => void process.stdout.write(`${line}\n`)))
  fault(text);
const width = Math.max(...kinds.map(({ name }) => name.length));
for (const { name } of kinds) {
  const endings = [...(outcomes.get(name) ?? [])].map(([ending, count]) => `${ending} ×${count}`);
  process.stdout.write(`  ${name.padEnd(width)}  ${endings.join(", ")}\n`);
}
process.stdout.write(
  faults.length === 0
    ? "Memory is flat, and nobody noticed anything.\n"
    : `${faults.length} faults, see above; seed ${values.seed}\n`,
);
process.exit(faults.length === 0 ? 0 : 1);
