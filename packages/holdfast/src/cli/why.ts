/** `holdfast why`. */
import { type Command, Option } from "commander";
import { HoldfastError } from "../errors.js";
import type { WhyAnswer, WhyCause } from "../index.js";
import { type ApiOptions, callApi, withApiFlags } from "./api-client.js";
import { toInteger } from "./server-flags.js";
import { paint, type Style } from "./table.js";
import { writeResult, writeText } from "./terminal.js";

interface WhyOptions extends ApiOptions {
  readonly channel: string;
  readonly user: string;
  readonly offset?: number;
  readonly epoch?: string;
  readonly id?: string;
  readonly client?: string;
  readonly json?: boolean;
}

export function addWhy(program: Command): void {
  withApiFlags(program.command("why").description("say why a user did or did not get a publication"))
    .requiredOption("--channel <name>", "name of the channel")
    .requiredOption("--user <id>", "id of the user; empty for anonymous clients")
    .addOption(new Option("--offset <number>", "of the publication; else the newest").argParser(toInteger))
    .option("--epoch <text>", "of the publication, if it is not the current one")
    .option("--id <key>", "idempotency key of the publication, instead of its offset")
    .option("--client <id>", "one of the user's connections")
    .addHelpText(
      "after",
      `
Prints a sentence, and then what was recorded: when, on which node, of which
connection. The records are kept in memory (--max-recorder-bytes).

Examples:
  $ holdfast why --channel chat:lobby --user ann
  $ holdfast why --channel chat:lobby --user ann --offset 17
  $ holdfast why --channel orders --user bo --id order-4711 --json
`,
    )
    .action(runWhy);
}

async function runWhy(options: WhyOptions): Promise<void> {
  const { channel, user, offset, epoch, id, client, json } = options;
  if (offset !== undefined && id !== undefined)
    throw new HoldfastError("HF_CLI_USAGE", "--offset and --id both name a publication; use one of them");
  if (offset === 0)
    throw new HoldfastError("HF_CLI_USAGE", "--offset must be at least 1: offsets count from 1");
  const answer = await callApi<WhyAnswer>(options, "why", {
    channel,
    user,
    ...(offset !== undefined && { offset }),
    ...(epoch !== undefined && { epoch }),
    ...(id !== undefined && { idempotency_key: id }),
    ...(client !== undefined && { client }),
  });
  if (json) {
    writeResult(answer);
    return;
  }
  const { cause, sentence, evidence } = answer;
  writeText(`${paint(styleOf(cause), plain(sentence))} ${paint("dim", `[${cause}]`)}`);
  for (const { at, node, client: of, text } of evidence) {
    const when = at === undefined ? "now" : new Date(at).toISOString();
    const where = [node, of].filter((each) => each !== undefined).join(" ");
    writeText(
      `  ${paint("dim", when.padEnd(24))}  ${plain(text)}${where === "" ? "" : paint("dim", `  (${plain(where)})`)}`,
    );
  }
}

const good: ReadonlySet<WhyCause> = new Set(["delivered", "recovered", "late", "duplicate"]);

function styleOf(cause: WhyCause): Style {
  return good.has(cause) ? "green" : "yellow";
}

/** What peers chose must not move the cursor. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
