/** Calls of the command line to a server's API, with a key: the flags, the request, and what went wrong as a sentence. */
import { type Command, Option } from "commander";
import { HoldfastError, messageOf } from "../errors.js";
import { encodeJson } from "../wire/payload.js";
import { findProgramKey, parseServerUrl } from "./connection.js";

export interface ApiOptions {
  readonly url: string;
  readonly apiKey?: string;
}

const timeoutMs = 10_000;

/** Of commands that only the API can answer. */
export function withApiFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--url <url>", "any of the nodes").env("HOLDFAST_URL").default("http://localhost:8000"),
    )
    .addOption(apiKeyFlag())
    .option("--json", "JSON for programs");
}

export function apiKeyFlag(): Option {
  return new Option("--api-key <key>", "a key of the server's API").env("HOLDFAST_API_KEY");
}

/** The server cannot be reached, or answered something else than its API would. */
export class ApiUnreachable extends HoldfastError {}

/**
 * @returns the text of the answer, which has `result`
 * @throws HF_CLI_CONNECTION when the server cannot be reached, or refuses
 */
export async function callApiForText(
  { url, apiKey }: ApiOptions,
  method: string,
  params: object,
): Promise<string> {
  const { protocol, host, pathname } = parseServerUrl(url);
  const scheme = protocol.replace(/^ws/, "http");
  const address = new URL(`${scheme}//${host}${pathname.replace(/\/$/, "")}/api/${method}`);
  const key = apiKey ?? findProgramKey(url);
  const response = await fetch(address, {
    method: "POST",
    body: encodeJson(params),
    headers: { "Content-Type": "application/json", ...(key !== undefined && { "X-API-Key": key }) },
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: unknown) => {
    throw new ApiUnreachable("HF_CLI_CONNECTION", `cannot reach ${url}: ${reasonOf(cause)}`, { cause });
  });
  if (response.status === 401 || response.status === 403)
    throw new HoldfastError(
      "HF_CLI_CONNECTION",
      "the server refused: name a key of its API (option apiKeys) with --api-key or HOLDFAST_API_KEY",
    );
  const text = await response.text();
  const answer = parse(text);
  if (answer?.error)
    throw new HoldfastError(
      "HF_CLI_CONNECTION",
      `the server refused: ${answer.error.message} (code ${answer.error.code})`,
      { details: { code: answer.error.code, isTemporary: answer.error.temporary === true } },
    );
  if (response.ok && answer?.result !== undefined) return text;
  const advice =
    response.status === 404
      ? `it may be older than this command, and have no method ${method}`
      : "is it a Holdfast server with its API on?";
  throw new ApiUnreachable("HF_CLI_CONNECTION", `${address.href} answered ${response.status}: ${advice}`);
}

/** @throws HF_CLI_CONNECTION when the server cannot be reached, or refuses */
export async function callApi<R>(options: ApiOptions, method: string, params: object = {}): Promise<R> {
  return JSON.parse(await callApiForText(options, method, params)).result;
}

/** All items of a list that the server gives page by page, up to a number. */
export async function* callPages<P extends { readonly next?: string }>(
  options: ApiOptions,
  method: string,
  params: object,
  maxItems: number,
): AsyncGenerator<P> {
  let after: string | undefined;
  for (let left = maxItems; left > 0; left -= pageSize) {
    const limit = Math.min(left, pageSize);
    const page: P = await callApi(options, method, {
      ...params,
      limit,
      ...(after !== undefined && { after }),
    });
    yield page;
    after = page.next;
    if (after === undefined) return;
  }
}

const pageSize = 500;

interface ApiAnswer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly temporary?: boolean };
}

function parse(text: string): ApiAnswer | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
}
