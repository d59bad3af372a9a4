/** `holdfast nodes`. */
import { type Command, Option } from "commander";
import { HoldfastError, messageOf } from "../errors.js";
import { findProgramKey, parseServerUrl } from "./connection.js";
import { writeResult, writeText } from "./terminal.js";

interface NodesOptions {
  readonly url: string;
  readonly apiKey?: string;
  readonly json?: boolean;
}

/** As `/api/info` describes a node; numbers are missing of a node that did not answer. */
interface NodeInfo {
  readonly uid: string;
  readonly name: string;
  readonly version: string;
  readonly num_clients?: number;
  readonly num_subs?: number;
  readonly num_channels?: number;
  readonly uptime?: number;
}

const timeoutMs = 10_000;

export function addNodes(program: Command): void {
  program
    .command("nodes")
    .description("list the nodes of a server, and what each of them holds")
    .addOption(
      new Option("--url <url>", "any of the nodes").env("HOLDFAST_URL").default("http://localhost:8000"),
    )
    .addOption(new Option("--api-key <key>", "a key of the server's API").env("HOLDFAST_API_KEY"))
    .option("--json", "one JSON line per node")
    .addHelpText(
      "after",
      "\nExamples:\n  $ holdfast nodes\n  $ holdfast nodes --url https://live.example.com --json\n",
    )
    .action(runNodes);
}

async function runNodes({ url, apiKey, json }: NodesOptions): Promise<void> {
  const { nodes, silent = [] } = await fetchNodes(url, apiKey ?? findProgramKey(url));
  if (json) for (const node of nodes) writeResult({ ...node, stats: undefined });
  else writeText(tableOf([...nodes, ...silent]));
  if (silent.length === 0) return;
  const names = silent.map(({ name }) => name).join(", ");
  throw new HoldfastError("HF_CLI_CONNECTION", `no answer from ${names}: stopped, or cut off from its store`);
}

async function fetchNodes(
  url: string,
  key: string | undefined,
): Promise<{ readonly nodes: readonly NodeInfo[]; readonly silent?: readonly NodeInfo[] }> {
  const address = new URL("api/info", `${parseServerUrl(url).href.replace(/\/$/, "")}/`);
  const response = await fetch(address, {
    method: "POST",
    body: "{}",
    headers: { "Content-Type": "application/json", ...(key !== undefined && { "X-API-Key": key }) },
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: unknown) => {
    throw new HoldfastError("HF_CLI_CONNECTION", `cannot reach ${url}: ${reasonOf(cause)}`, { cause });
  });
  if (response.status === 401 || response.status === 403)
    throw new HoldfastError(
      "HF_CLI_CONNECTION",
      "the server refused: name a key of its API (option apiKeys) with --api-key or HOLDFAST_API_KEY",
    );
  const body = (await response.json().catch(() => undefined)) as
    | { readonly result?: { readonly nodes: readonly NodeInfo[] } }
    | undefined;
  if (!response.ok || body?.result === undefined)
    throw new HoldfastError(
      "HF_CLI_CONNECTION",
      `${address.href} answered ${response.status}: is it a Holdfast server with its API on?`,
    );
  return body.result;
}

function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
}

const columns = ["node", "version", "up", "clients", "subscriptions", "channels"];

function tableOf(nodes: readonly NodeInfo[]): string {
  const rows = nodes.map(({ name, version, uptime, num_clients, num_subs, num_channels }) =>
    [
      name,
      version,
      uptime === undefined ? "no answer" : durationOf(uptime),
      num_clients,
      num_subs,
      num_channels,
    ].map((cell) => String(cell ?? "–")),
  );
  const lines = [columns, ...rows];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? "").length)));
  return lines
    .map((line) =>
      line.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
}

function durationOf(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
