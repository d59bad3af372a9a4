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

/** @param end receives the exit code */
export function addToken(program: Command, end: (code: number) => void): void {
  const command = program.command("token").description("make a token for a client, or check one");
  withConfigFlag(command)
    .option("--user <id>", "id of the user")
    .addOption(
      new Option("--channels <list>", "channels to subscribe to on connect, comma-separated").argParser(
        parseList,
      ),
    )
    .option("--channel <name>", "make a subscription token for this channel")
    .addOption(new Option("--roles <list>", "roles of the user, comma-separated").argParser(parseList))
    .option("--expires <time>", "lifetime: 30s, 12h, 7d, never", "1h")
    .option("--info <json>", "info that other clients see")
    .option("--meta <json>", "data that only the application's hooks see")
    .option("--id <text>", "token id, for revocation (jti)")
    .addOption(
      new Option("--secret <text>", "secret to use instead of the configuration's").env("HOLDFAST_SECRET"),
    )
    .option("--key <file>", "PEM file of the private key to sign with; of a public key with --check")
    .option("--algorithm <name>", "such as HS512 or RS256 (default: HS256, or the key's)")
    .option("--key-id <text>", "key id to write to the token (kid)")
    .option("--check <token>", "print a token and whether it is valid; - reads standard input")
    .option("--json", "with --check: as JSON")
    .addHelpText(
      "after",
      `
Takes secret, audience and issuer from the configuration (authenticate.jwt).
Other users of this machine can see command lines, so keep secrets in the
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
    throw new HoldfastError("HF_CLI_USAGE", "use --user to make a token for a user, or --check to check one");
  const now = Date.now();
  const claims = toClaims({ ...choices, user }, keys.options, now);
  const token = await makeToken(keys, claims, choices);
  const { isAccepted, faults } = await checkToken(token, keys, now);
  if (!isAccepted)
    throw new HoldfastError("HF_CLI_USAGE", `the server would refuse this token: ${faults.join("; ")}`);
  writeText(token);
  const use = choices.channel === undefined ? "connect" : `subscribe to ${choices.channel}`;
  const time = choices.expires === "never" ? "forever" : `for ${choices.expires}`;
  writeNote(`holdfast: ${user} can ${use} with it ${time}`);
}

function describe({ isAccepted, kind, header, claims, faults, expiresInSeconds }: TokenReport): string {
  const said = [
    ...(header ? [`header ${JSON.stringify(header)}`] : []),
    ...(claims ? [`claims ${JSON.stringify(claims, undefined, 2)}`] : []),
  ];
  const time = expiresInSeconds === undefined ? "forever" : `for another ${formatSeconds(expiresInSeconds)}`;
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
