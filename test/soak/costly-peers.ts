/**
 * Peers that keep to every rate and ask for what costs most, one kind after the other, beside a witness that publishes to
 * itself: what it waits for is printed for each of them, and for none.
 */
import { type ChildProcess, fork } from "node:child_process";
import { createSign, generateKeyPairSync, type KeyObject, randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "../../packages/holdfast/src/websocket.js";

interface Target {
  readonly port: number;
  readonly apiKey: string;
  /** A token of a user. */
  readonly tokenOf: (user: string) => string;
}

/** Goes on until the signal says that it is enough. @returns how often it was answered */
type Attack = (target: Target, signal: AbortSignal) => Promise<number>;

interface Figures {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly failures: number;
}

function signToken(user: string, key: KeyObject): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const text = `${encode({ alg: "RS256", typ: "JWT" })}.${encode({ sub: user, exp })}`;
  return `${text}.${createSign("RSA-SHA256").update(text).sign(key, "base64url")}`;
}

async function connect({ port, tokenOf }: Target, user: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/websocket`);
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  socket.send(JSON.stringify({ id: 1, connect: { token: tokenOf(user) } }));
  return socket;
}

const histories: Attack = async (target, signal) => {
  const socket = await connect(target, "mal");
  let answers = 0;
  socket.onmessage = ({ data }) => {
    if (data === "{}") socket.send("{}");
    else answers += String(data).split('"history"').length - 1;
  };
  const command = { history: { channel: "room:large", limit: 300 } };
  for (let id = 2; !signal.aborted && socket.readyState === WebSocket.OPEN; id++) {
    if (socket.bufferedAmount < 65_536) socket.send(JSON.stringify({ id, ...command }));
    if (id % 20 === 0) await sleep(20);
  }
  socket.terminate();
  return answers;
};

/** Sixteen connections that ask again as soon as they are answered. */
function requests(headersOf: (target: Target) => Record<string, string>): Attack {
  return async (target, signal) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const headers = headersOf(target);
    let answers = 0;
    const ask = () =>
      new Promise<void>((resolve) => {
        const path = "/channels/room:large?limit=300";
        const asked = request({ host: "127.0.0.1", port: target.port, path, agent, headers }, (response) => {
          response.resume();
          response.on("close", () => resolve());
          if (response.statusCode === 200) answers++;
        });
        asked.on("error", () => resolve());
        asked.end();
      });
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (!signal.aborted) await ask();
      }),
    );
    agent.destroy();
    return answers;
  };
}

const filters: Attack = async (target, signal) => {
  const sockets = await Promise.all(Array.from({ length: 100 }, () => connect(target, "mal")));
  for (const [reader, socket] of sockets.entries()) {
    const vals = (node: number) =>
      Array.from({ length: 10 }, (_, n) => `${"v".repeat(20)}${reader}-${node}-${n}`);
    const nodes = Array.from({ length: 60 }, (_, node) => ({
      key: `k${node % 50}`,
      cmp: "in",
      vals: vals(node),
    }));
    socket.onmessage = ({ data }) => {
      if (data === "{}") socket.send("{}");
    };
    socket.send(JSON.stringify({ id: 2, subscribe: { channel: "room:filters", tf: { op: "or", nodes } } }));
  }
  const tags = Object.fromEntries(Array.from({ length: 50 }, (_, k) => [`k${k}`, `${"v".repeat(20)}none`]));
  let answers = 0;
  while (!signal.aborted) {
    const response = await fetch(`http://127.0.0.1:${target.port}/api/publish`, {
      method: "POST",
      headers: { "X-API-Key": target.apiKey, "Content-Type": "application/json" },
      body: JSON.stringify({ channel: "room:filters", data: 1, tags }),
    });
    await response.arrayBuffer();
    if (response.ok) answers++;
  }
  for (const socket of sockets) socket.terminate();
  return answers;
};

const pings: Attack = async (target, signal) => {
  const socket = await connect(target, "mal");
  while (!signal.aborted && socket.readyState === WebSocket.OPEN) {
    for (let i = 0; i < 500 && socket.bufferedAmount < 65_536; i++) socket.ping();
    await sleep(1);
  }
  socket.terminate();
  return 0;
};

const nobody: Attack = async (_target, signal) => {
  await once(signal);
  return 0;
};

const attacks: readonly (readonly [name: string, Attack])[] = [
  ["nobody", nobody],
  ["300 publications of history, one connection", histories],
  ["GET ?limit=300, 16 connections", requests(({ tokenOf }) => bearer(tokenOf("mal")))],
  [
    "the same, compressed",
    requests(({ tokenOf }) => ({ ...bearer(tokenOf("mal")), "Accept-Encoding": "gzip" })),
  ],
  [
    "tokens that are none, 16 connections",
    requests(({ tokenOf }) => bearer(`${tokenOf("mal").slice(0, -8)}AAAAAAAA`)),
  ],
  ["100 readers with filters of their own", filters],
  ["Ping frames without end", pings],
];

function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

async function once(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => child.once("message", resolve as never));
}

function ask<T>(child: ChildProcess): Promise<T> {
  const answer = nextMessage<T>(child);
  child.send({});
  return answer;
}

/** @returns what was wrong: a witness that was refused something, or cut off */
export async function runCostlyPeers(seconds: number, say: (line: string) => void): Promise<string[]> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const apiKey = randomUUID();
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const server = fork(join(import.meta.dirname, "costly-server.mjs"), [pem, apiKey]);
  const { port } = await nextMessage<{ port: number }>(server);
  const target = { port, apiKey, tokenOf: (user: string) => signToken(user, privateKey) };
  const url = `ws://127.0.0.1:${port}/connection/websocket`;
  const witness = fork(join(import.meta.dirname, "witness-main.ts"), [url, target.tokenOf("witness")], {
    execArgv: ["--import", "tsx"],
  });
  await nextMessage(witness);
  const faults: string[] = [];
  say("What a witness waits for, from publishing to receiving, beside:");
  for (const [name, attack] of attacks) {
    await ask(witness);
    const { cpu: before } = await ask<{ cpu: NodeJS.CpuUsage }>(server);
    const startedAt = performance.now();
    const answers = await attack(target, AbortSignal.timeout(seconds * 1000));
    const elapsedMs = performance.now() - startedAt;
    const { cpu } = await ask<{ cpu: NodeJS.CpuUsage }>(server);
    const { count, p50, p99, max, failures } = await ask<Figures>(witness);
    const busy = (cpu.user + cpu.system - before.user - before.system) / 10 / elapsedMs;
    const ms = (value: number) => value.toFixed(1).padStart(6);
    say(
      `  ${name.padEnd(44)} p50 ${ms(p50)}, p99 ${ms(p99)}, at most ${ms(max)} ms; ` +
        `${Math.round((answers * 1000) / elapsedMs)} answers a second, server at ${Math.round(busy)} %`,
    );
    if (failures > 0) faults.push(`the witness beside "${name}" failed ${failures} times`);
    if (count === 0) faults.push(`the witness beside "${name}" got nothing`);
    // What is owed is paid off, so that the next has its burst.
    await sleep(3000);
  }
  witness.disconnect();
  server.disconnect();
  return faults;
}
