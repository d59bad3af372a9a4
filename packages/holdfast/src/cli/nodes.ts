/** `holdfast nodes`. */
import type { Command } from "commander";
import { HoldfastError } from "../errors.js";
import { type ApiOptions, callApi, withApiFlags } from "./api-client.js";
import { durationOf, tableOf } from "./table.js";
import { writeResult, writeText } from "./terminal.js";

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

export function addNodes(program: Command): void {
  withApiFlags(
    program.command("nodes").description("list the nodes of a server, and what each of them holds"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  $ holdfast nodes\n  $ holdfast nodes --url https://live.example.com --json\n",
    )
    .action(runNodes);
}

async function runNodes(options: ApiOptions & { readonly json?: boolean }): Promise<void> {
  const { nodes, silent = [] } = await callApi<{
    readonly nodes: readonly NodeInfo[];
    readonly silent?: readonly NodeInfo[];
  }>(options, "info");
  if (options.json) for (const node of nodes) writeResult({ ...node, stats: undefined });
  else writeText(tableOf(columns, [...nodes, ...silent].map(toRow)));
  if (silent.length === 0) return;
  const names = silent.map(({ name }) => name).join(", ");
  throw new HoldfastError("HF_CLI_CONNECTION", `no answer from ${names}: stopped, or cut off from its store`);
}

const columns = [
  { name: "node" },
  { name: "version" },
  ...["up", "clients", "subscriptions", "channels"].map((name) => ({ name, isNumber: true })),
];

function toRow({ name, version, uptime, num_clients, num_subs, num_channels }: NodeInfo) {
  const up = uptime === undefined ? "no answer" : durationOf(uptime);
  return [name, version, up, num_clients, num_subs, num_channels];
}
