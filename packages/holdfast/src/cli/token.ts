/** `holdfast token`. */
import { text } from "node:stream/consumers";
import { type Command, Option } from "commander";
import { readTextFile } from "../config/config-file.js";
import { loadApp } from "../config/load-config.js";
import { parseList } from "../config/settings.js";
import {
  type ClaimChoices,
  checkToken,
  findTokenKeys,
  makeToken,
  type SigningChoices,
  type TokenKeys,
  type TokenReport,
  toClaims,
} from "../config/tokens.js";
import { HoldfastError } from "../errors.js";
import { sourcesOf, withConfigFlag } from "./server-flags.js";
import { writeNote, writeText } from "./terminal.js";

/** @param end is told the exit code */
export function addToken(program: Command, end: (code: number) => void): void {
  const command = program.command("token").description("make a token for a client, or check one");
  withConfigFlag(command)
    .option("--user <id>", "the user it is for")
    .addOption(
      new Option("--channels <list>", "channels to be subscribed to at once, comma-separated").argParser(
        parseList,
      ),
    )
    .option("--channel <name>", "make a token for one subscription to this channel")
    .addOption(new Option("--roles <list>", "roles of the user, comma-separated").argParser(parseList))
    .option("--expires <time>", "how long it is valid: 30s, 12h, 7d, never", "1h")
    .option("--info <json>", "what other clients see of the user")
    .option("--meta <json>", "what only hooks of the application see")
    .option("--id <text>", "id to revoke it by (jti)")
    .addOption(new Option("--secret <text>", "instead of the configuration's").env("HOLDFAST_SECRET"))
    .option("--key <file>", "private key in PEM to sign it with; a public one with --check")
    .option("--algorithm <name>", "such as HS512 or RS256 (default: HS256, or by the key)")
    .option("--key-id <text>", "id of the key, written to the token (kid)")
    .option("--check <token>", "print a token, and whether it is accepted; - reads standard input")
    .option("--json", "with --check: as JSON")
    .addHelpText(
      "after",
      `
Takes secret, audience and issuer from the configuration (authenticate.jwt).
Others on this machine can see command lines, so keep secrets in the
configuration or in HOLDFAST_SECRET.

Examples:
  $ holdfast token --user ann
  $ holdfast token --user ann --channel chat:lobby --expires 10m
  $ holdfast token --user ann --roles admin --info '{"name":"Ann"}'
  $ holdfast token --check eyJhbGciOi…
  $ pbpaste | holdfast token --check -
`,
    )
    .action(async (choices) => end(await runToken(choices)));
}

interface TokenChoices extends Omit<ClaimChoices, "user">, SigningChoices {
  readonly config?: string;
  readonly user?: string;
  readonly secret?: string;
  /** A PEM file. */
  readonly key?: string;
  readonly check?: string;
  readonly json?: boolean;
}

/** @returns the exit code: 1 where a token is refused */
async function runToken(choices: TokenChoices): Promise<number> {
  const { config, secret, key, check } = choices;
  const app = await loadApp(sourcesOf(config));
  const keys = findTokenKeys(app, { secret, pem: key === undefined ? undefined : readKey(key) });
  if (check !== undefined) {
    const token = check === "-" ? (await text(process.stdin)).trim() : check;
    const report = await checkToken(token, keys, Date.now());
    writeText(choices.json ? JSON.stringify(report, undefined, 2) : describe(report));
    return report.isAccepted ? 0 : 1;
  }
  await make(choices, keys);
  return 0;
}

async function make(choices: TokenChoices, keys: TokenKeys): Promise<void> {
  const { user } = choices;
  if (user === undefined)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      "--user must name the user of the token, or --check a token to check",
    );
  const now = Date.now();
  const claims = toClaims({ ...choices, user }, keys.options, now);
  const token = await makeToken(keys, claims, choices);
  const { isAccepted, faults } = await checkToken(token, keys, now);
  if (!isAccepted)
    throw new HoldfastError("HF_CLI_USAGE", `the server would refuse this token: ${faults.join("; ")}`);
  writeText(token);
  const use = choices.channel === undefined ? "connect" : `subscribe to ${choices.channel}`;
  const time = choices.expires === "never" ? "for ever" : `for ${choices.expires}`;
  writeNote(`holdfast: ${user} can ${use} with it ${time}`);
}

function describe({ isAccepted, kind, header, claims, faults, expiresInSeconds }: TokenReport): string {
  const said = [
    ...(header ? [`header ${JSON.stringify(header)}`] : []),
    ...(claims ? [`claims ${JSON.stringify(claims, undefined, 2)}`] : []),
  ];
  const time = expiresInSeconds === undefined ? "for ever" : `for another ${formatSeconds(expiresInSeconds)}`;
  const verdict = isAccepted
    ? `accepted: the token of a ${kind}, valid ${time}`
    : `refused: ${faults.join("; ")}`;
  return [...said, verdict].join("\n");
}

function formatSeconds(seconds: number): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  const parts = [days && `${days} d`, hours && `${hours} h`, minutes && `${minutes} min`].filter(Boolean);
  return parts.length === 0 ? `${seconds} s` : parts.slice(0, 2).join(" ");
}

function readKey(file: string): string {
  try {
    return readTextFile(file);
  } catch (cause) {
    throw new HoldfastError("HF_CLI_USAGE", `--key ${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}
