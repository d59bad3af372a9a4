/** `holdfast token`. */
import { text } from "node:stream/consumers";
import { checkToken, type TokenReport } from "../config/check-token.js";
import { loadApp } from "../config/load-config.js";
import { readTextFile } from "../config/text-file.js";
import { type ClaimChoices, toClaims } from "../config/token-claims.js";
import { findTokenKeys, makeToken, type SigningChoices, type TokenKeys } from "../config/token-keys.js";
import { HoldfastError } from "../index.js";
import { writeNote, writeText } from "./output.js";
import { sourcesOf } from "./server-flags.js";

interface TokenChoices extends Omit<ClaimChoices, "user">, SigningChoices {
  readonly config?: string;
  readonly user?: string;
  readonly secret?: string;
  /** A file in PEM. */
  readonly key?: string;
  readonly check?: string;
  readonly json?: boolean;
}

/** @returns the exit code: 1 where a token is refused */
export async function runToken(choices: TokenChoices): Promise<number> {
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
      "--user must say whom the token is for, or --check which one to check",
    );
  const now = Date.now();
  const claims = toClaims({ ...choices, user }, keys.options, now);
  const token = await makeToken(keys, claims, choices);
  const { isAccepted, faults } = await checkToken(token, keys, now);
  if (!isAccepted)
    throw new HoldfastError("HF_CLI_USAGE", `such a token would be refused: ${faults.join("; ")}`);
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
    ? `accepted: the token of a ${kind}, good ${time}`
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
