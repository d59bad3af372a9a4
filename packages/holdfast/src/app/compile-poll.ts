/**
 * Compiles the `poll` option of a channel: who is asked for values, the application's function or another server over HTTP, and which
 * keys a client may track.
 */
import { verifyTrackSignature } from "../auth/track-signatures.js";
import { invalidOption, refuseUnknownOptions } from "../errors.js";
import type { PolledItem, PollPolicy } from "../sessions/application.js";
import { type Clock, durationAdvice, parseDuration } from "../time/clock.js";
import { replyError } from "../wire/codes.js";
import type { PolledKey } from "../wire/messages.js";
import { findKeyFault } from "../wire/names.js";
import { bytesOfBase64, nullPayload, type Payload, toJsonPayload } from "../wire/payload.js";
import type { ChannelOptions, PollContext, PollFunction, PollItem, PollOptions } from "./channel.js";
import { type TimeLimit, toJsonText } from "./hooks.js";
import type { Params } from "./pattern.js";

/** The policy of one of a pattern's channels. */
export type CompiledPoll = (channel: string, params: Params) => PollPolicy;

interface CompilePollContext {
  readonly limit: TimeLimit;
  readonly clock: Pick<Clock, "now">;
  readonly requestTimeoutMs: number;
}

const optionNames: readonly (keyof PollOptions)[] = [
  "fetch",
  "url",
  "headers",
  "interval",
  "secret",
  "versions",
  "maxKeys",
  "maxClientKeys",
  "maxBytes",
];
const defaults = { intervalMs: 1000, maxKeys: 10_000, maxClientKeys: 1000, maxBytes: 8 * 1024 * 1024 };
const minIntervalMs = 10;
const minSecretBytes = 16;

/** @throws HF_OPTION_INVALID naming the option and what is accepted */
export function compilePoll(
  name: string,
  { poll, payload = "json" }: ChannelOptions,
  { limit, clock, requestTimeoutMs }: CompilePollContext,
): CompiledPoll {
  const options: PollOptions = typeof poll === "function" ? { fetch: poll } : (poll ?? {});
  if (typeof options !== "object") throw invalidOption(name, "a function, or an object with fetch or url");
  refuseUnknownOptions(options, optionNames, name);
  const { versions: hasVersions = true } = options;
  if (typeof hasVersions !== "boolean") throw invalidOption(`${name}.versions`, "true or false");
  const intervalMs = options.interval === undefined ? defaults.intervalMs : parseDuration(options.interval);
  if (intervalMs === undefined) throw invalidOption(`${name}.interval`, durationAdvice);
  if (intervalMs < minIntervalMs) throw invalidOption(`${name}.interval`, `at least ${minIntervalMs} ms`);
  const bound = (option: "maxKeys" | "maxClientKeys" | "maxBytes") => {
    const value = options[option] ?? defaults[option];
    if (!Number.isSafeInteger(value) || value < 1)
      throw invalidOption(`${name}.${option}`, "an integer of at least 1", String(value));
    return value;
  };
  const secrets = readSecrets(`${name}.secret`, options.secret);
  const ask = readSource(name, options, requestTimeoutMs);
  const bounds = {
    maxKeys: bound("maxKeys"),
    maxClientKeys: bound("maxClientKeys"),
    maxBytes: bound("maxBytes"),
  };
  return (channel, params) => ({
    intervalMs,
    hasVersions,
    ...bounds,
    async ask(keys) {
      const what = `the poll of ${channel}`;
      const items = await limit(what, () => ask(keys, { channel, params }));
      return toItems(items, payload, what);
    },
    verify({ signature, items }, { user }) {
      if (secrets === undefined) return {};
      const keys = items.map(({ key }) => key);
      const verdict = verifyTrackSignature({ signature, keys, user, channel }, secrets, clock.now());
      if (verdict === "expired") return replyError("tokenExpired", "the signature of the keys");
      return verdict === "wrong"
        ? replyError("permissionDenied", "the signature is not of these keys, this user and this channel")
        : verdict;
    },
  });
}

function readSecrets(name: string, given: unknown): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const secrets: readonly unknown[] = Array.isArray(given) ? given : [given];
  const isLong = (each: unknown): each is string =>
    typeof each === "string" && new TextEncoder().encode(each).length >= minSecretBytes;
  if (secrets.length === 0 || !secrets.every(isLong))
    throw invalidOption(name, `a string of at least ${minSecretBytes} bytes, or a list of these`);
  return secrets;
}

type Asked = (
  keys: readonly PolledKey[],
  about: Pick<PollContext, "channel" | "params">,
) => ReturnType<PollFunction>;

function readSource(name: string, { fetch: own, url, headers = {} }: PollOptions, timeoutMs: number): Asked {
  if ((own === undefined) === (url === undefined))
    throw invalidOption(name, "a function, or an object with either fetch or url");
  if (url !== undefined) return askOver(readUrl(`${name}.url`, url), headers, timeoutMs);
  if (typeof own !== "function") throw invalidOption(`${name}.fetch`, "a function");
  return (keys, about) => {
    const versions = new Map(
      keys.filter(({ version }) => version > 0).map((each) => [each.key, each.version]),
    );
    return own(
      keys.map(({ key }) => key),
      { ...about, versions },
    );
  };
}

function readUrl(name: string, given: unknown): string {
  const url = typeof given === "string" && URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw invalidOption(name, "an http or https URL");
  if (url.username !== "" || url.password !== "")
    throw invalidOption(name, "a URL without user and password, which belong to headers");
  return url.href;
}

/** Of one answer. */
const maxAnswerBytes = 16 * 1024 * 1024;

function askOver(url: string, headers: Readonly<Record<string, string>>, timeoutMs: number): Asked {
  return async (keys, { channel }) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", ...headers },
      body: JSON.stringify({ channel, items: keys }),
      // A redirect leads to an address that the operator has not chosen.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`the answer has status ${response.status}`);
    }
    const answer = JSON.parse(await readText(response)) as {
      readonly error?: { readonly message?: unknown };
      readonly result?: { readonly items?: unknown };
    } | null;
    if (answer?.error) throw new Error(`the answer is an error: ${String(answer.error.message)}`);
    const items = answer?.result?.items;
    if (!Array.isArray(items)) throw new TypeError("the answer has no result.items, which must be a list");
    return items.map(withBytes);
  };
}

function withBytes(item: PollItem & { readonly b64data?: unknown }): PollItem {
  if (typeof item?.b64data !== "string") return item;
  const data = bytesOfBase64(JSON.stringify(item.b64data));
  if (data === undefined) throw new TypeError("the answer has an item whose b64data is not base64");
  return { ...item, data };
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  // Leaving the loop cancels the stream.
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > maxAnswerBytes) throw new Error(`the answer has more than ${maxAnswerBytes} bytes`);
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

/** @throws TypeError for what is no list of items */
function toItems(items: Iterable<PollItem>, payload: "json" | "binary", what: string): PolledItem[] {
  if (typeof (items as Partial<Iterable<unknown>> | undefined)?.[Symbol.iterator] !== "function")
    throw new TypeError(`${what} returned ${typeof items}, not a list of { key, data, version }`);
  return Array.from(items, (item) => {
    const fault = typeof item?.key === "string" ? findKeyFault("key", item.key) : "key must be a string";
    if (fault !== undefined) throw new TypeError(`${what} returned an item without a valid key: ${fault}`);
    const { key, version, removed, data } = item;
    const common = { key, ...(version !== undefined && { version }) };
    if (removed) return { ...common, data: nullPayload, isRemoved: true };
    return { ...common, data: toData(data, payload, what) };
  });
}

function toData(data: unknown, payload: "json" | "binary", what: string): Payload {
  if (payload === "binary") {
    if (data instanceof Uint8Array) return new Uint8Array(data);
    throw new TypeError(`${what} returned ${typeof data}, but this channel carries bytes`);
  }
  if (!(data instanceof Uint8Array)) return toJsonText(data, what);
  const json = toJsonPayload(data);
  if ("fault" in json) throw new TypeError(`${what} returned bytes that are no JSON`);
  return json.text;
}
