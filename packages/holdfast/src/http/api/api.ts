/**
 * The API for the application's own servers: `POST /api/METHOD`, with a key. Answers like the protocol's reference server:
 * status 200 with a result or an error; other statuses for requests that are malformed, or for all errors if the field
 * X-Centrifugo-Error-Mode is `transport`.
 */
import type { z } from "zod";
import type { Audit, AuditFacts } from "../../observe/audit.js";
import type { Meters } from "../../observe/meters.js";
import { type HttpExchange, parseJsonObject } from "../../requests/exchange.js";
import { refuse } from "../../requests/refusals.js";
import { shareBytes } from "../../sockets/request-bounds.js";
import type { Clock } from "../../time/clock.js";
import { type ReplyError, replyError } from "../../wire/codes.js";
import { elementTexts, encodeJson, findDepthFault, type JsonText, textAt } from "../../wire/payload.js";
import { apiPath } from "../router.js";
import type { ApiMethod, ApiTools } from "./api-method.js";
import { ContentFault } from "./content.js";
import { type ApiKeys, isWithin, type KnownKey } from "./keys.js";
import { apiMethods, toError } from "./methods.js";
import { createOpenApi } from "./open-api.js";
import { batchParams, jsonFields } from "./schemas.js";

export interface ApiOptions {
  readonly keys: ApiKeys;
  readonly audit: Audit;
  readonly clock: Pick<Clock, "elapsed">;
  readonly meters: Meters;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  readonly maxBodyBytes: number;
  readonly tools: ApiTools;
  readonly version: string;
  /** The error to answer an expected failure with; undefined for others. */
  readonly expectedFailure: (error: unknown) => ReplyError | undefined;
}

/** HTTP statuses of errors in error mode `transport`, as the reference server has them. */
const transportStatuses: Readonly<Record<number, number>> = {
  100: 500,
  102: 404,
  103: 403,
  104: 404,
  106: 413,
  107: 400,
  108: 400,
  111: 429,
  112: 416,
  113: 409,
};

/** @returns a handler of requests to `/api` and below */
export function createApi(options: ApiOptions) {
  const { keys } = options;
  let openApi: Buffer | undefined;
  return (path: string, exchange: HttpExchange): void => {
    const name = path.slice(apiPath.length + 1);
    if (name === "openapi.json") {
      exchange.request.resume();
      openApi ??= Buffer.from(JSON.stringify(createOpenApi(options.version, apiMethods)));
      shareBytes(exchange.response);
      exchange.sendJson(200, openApi);
      return;
    }
    const isKnown = name === "" || name === "batch" || apiMethods.has(name);
    if (!isKnown) {
      exchange.refuse(refuse(404, `There is nothing at ${path}. Paths: ${allPaths().join(", ")}.`));
      return;
    }
    const key = keys.identify(exchange.admitted);
    if ("status" in key) exchange.refuse(key);
    else void answer(name, exchange, new ApiCall(options, key, callerOf(exchange)));
  };
}

function allPaths(): string[] {
  return [...apiMethods.keys(), "batch", "openapi.json"].map((name) => `${apiPath}/${name}`);
}

async function answer(name: string, exchange: HttpExchange, call: ApiCall): Promise<void> {
  const { maxBodyBytes, onError } = call.options;
  try {
    const text = await exchange.readText(maxBodyBytes);
    if (text === undefined) return;
    if (typeof text !== "string") exchange.refuse(text);
    else if (name === "") await answerLines(text, exchange, call);
    else await answerMethod(name, text, exchange, call);
  } catch (error) {
    onError(error, { stage: `answering ${exchange.request.url}` });
    exchange.refuse(refuse(500, "internal server error"));
  }
}

async function answerMethod(
  name: string,
  text: string,
  exchange: HttpExchange,
  call: ApiCall,
): Promise<void> {
  const value = parseJsonObject(text);
  if (value === undefined) {
    exchange.refuse(refuse(400, "The body must be a JSON object."));
    return;
  }
  const fault = findDepthFault(text, value);
  if (fault === undefined && name === "batch") {
    exchange.sendJson(200, await call.runBatch({ value, text }));
    return;
  }
  const outcome =
    fault === undefined ? await call.run(name, { value, text }) : { error: replyError("badRequest", fault) };
  const wantsStatus = exchange.request.headers["x-centrifugo-error-mode"] === "transport";
  if ("error" in outcome && wantsStatus)
    exchange.sendJson(transportStatuses[outcome.error.code] ?? 400, toError(outcome.error));
  else exchange.sendJson(200, toAnswer(outcome));
}

/** The older form: `{"method": …, "params": …}` on each line, and an answer for each. */
async function answerLines(text: string, exchange: HttpExchange, call: ApiCall): Promise<void> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const commands = lines.map(parseLine);
  if (commands.length === 0 || !commands.every((command) => command !== undefined)) {
    exchange.refuse(refuse(400, 'Each line must be a JSON object such as {"method":"publish","params":{}}.'));
    return;
  }
  const answers: string[] = [];
  for (const { method, params } of commands)
    answers.push(encodeJson(toAnswer(await call.run(method, params))));
  exchange.sendJson(200, answers.join("\n"));
}

function parseLine(line: string): { readonly method: string; readonly params: ApiParams } | undefined {
  const command = parseJsonObject(line);
  if (command === undefined || findDepthFault(line, command)) return undefined;
  const { method, params = {} } = command;
  if (typeof method !== "string") return undefined;
  return { method, params: { value: params, text: textAt(line, ["params"]) ?? "{}" } };
}

/** Parameters as received. */
interface ApiParams {
  readonly value: unknown;
  /** The text that the value was parsed from. */
  readonly text: JsonText;
}

type ApiOutcome = { readonly error: ReplyError } | { readonly result: object };

function toAnswer(outcome: ApiOutcome): object {
  return "error" in outcome ? { error: toError(outcome.error) } : outcome;
}

/** Where a request comes from. */
interface Caller {
  readonly address: string;
  /** Whether a page sends it, such as the console, where a person acts; else a program. */
  readonly isPage: boolean;
  readonly traceparent: string | undefined;
}

/** Browsers add these fields, and pages cannot leave them out. */
function callerOf({ address, request: { headers } }: HttpExchange): Caller {
  return {
    address,
    isPage: headers.origin !== undefined || headers["sec-fetch-site"] !== undefined,
    traceparent: headers.traceparent as string | undefined,
  };
}

/** Runs the methods of one request, from their parameters to their outcomes, with the request's key. */
class ApiCall {
  readonly options: ApiOptions;
  readonly #key: KnownKey;
  readonly #caller: Caller;

  constructor(options: ApiOptions, key: KnownKey, caller: Caller) {
    this.options = options;
    this.#key = key;
    this.#caller = caller;
  }

  /** Never rejects. */
  async run(name: string, params: ApiParams): Promise<ApiOutcome> {
    const { clock, meters } = this.options;
    const method = apiMethods.get(name);
    if (method === undefined)
      return { error: replyError("methodNotFound", `methods are ${[...apiMethods.keys()].join(", ")}`) };
    const startedAt = clock.elapsed();
    const trace = meters.traces.begin("api", () => ({ method: name }), this.#caller.traceparent);
    const run = () => this.#run(name, method, params);
    const outcome = await (trace ? trace.within(run) : run());
    if ("error" in outcome) trace?.end({ code: outcome.error.code }, outcome.error.message);
    else trace?.end();
    meters
      .ofApiCall(name)
      .done(clock.elapsed() - startedAt, "error" in outcome ? outcome.error.code : undefined);
    return outcome;
  }

  async #run(name: string, method: ApiMethod, params: ApiParams): Promise<ApiOutcome> {
    const { expectedFailure, onError, tools } = this.options;
    const { scope } = this.#key;
    if (!isWithin(scope, method.scope))
      return {
        error: replyError(
          "permissionDenied",
          `${name} needs a key with scope ${method.scope}; this key has scope ${scope}`,
        ),
      };
    const checked = method.params.safeParse(withTexts(params));
    if (!checked.success) return { error: replyError("badRequest", describeFaults(checked.error)) };
    try {
      this.#audit(name, method, params.value);
      const outcome = await method.run(checked.data, tools, this.#key);
      return "error" in outcome ? { error: outcome.error as ReplyError } : { result: outcome };
    } catch (error) {
      if (error instanceof ContentFault) return { error: replyError("badRequest", error.message) };
      const expected = expectedFailure(error);
      if (expected === undefined) onError(error, { stage: `answering /api/${name}` });
      return { error: expected ?? replyError("internal") };
    }
  }

  /**
   * Everything that changes something, before it is done. A back end publishes thousands of times a second: its calls are counted
   * for each method, without their targets.
   */
  #audit(name: string, { scope }: ApiMethod, params: unknown): void {
    if (scope === "read") return;
    const { address, isPage } = this.#caller;
    const facts = { method: name, key: this.#key.name, address };
    const { audit } = this.options;
    if (scope === "admin") audit("adminCall", { ...facts, ...subjectOf(params) });
    else audit("publishCall", isPage ? { ...facts, ...subjectOf(params) } : facts);
  }

  /** @returns `{ replies }`, one for each command, in their order */
  async runBatch(params: ApiParams): Promise<object> {
    const checked = batchParams.safeParse(params.value);
    if (!checked.success) return { error: toError(replyError("badRequest", describeFaults(checked.error))) };
    const { commands, parallel = false } = checked.data;
    const texts = elementTexts(textAt(params.text, ["commands"]) ?? "[]");
    const run = (command: Readonly<Record<string, unknown>>, i: number) =>
      this.#runCommand(command, texts[i] as JsonText);
    if (parallel) return { replies: await Promise.all(commands.map(run)) };
    const replies: object[] = [];
    for (const [i, command] of commands.entries()) replies.push(await run(command, i));
    return { replies };
  }

  async #runCommand(command: Readonly<Record<string, unknown>>, text: JsonText): Promise<object> {
    const [name, ...others] = Object.keys(command);
    if (name === undefined || others.length > 0)
      return {
        error: toError(
          replyError("badRequest", "a command must be an object of one method and its parameters"),
        ),
      };
    const outcome = await this.run(name, {
      value: command[name],
      text: textAt(text, [name]) as JsonText,
    });
    return "error" in outcome ? toAnswer(outcome) : { [name]: outcome.result };
  }
}

/** Whom or what a call is about. */
function subjectOf(params: unknown): Pick<AuditFacts, "user" | "client" | "channel"> {
  const { user, client, channel } = (params ?? {}) as Readonly<Record<string, unknown>>;
  return {
    ...(typeof user === "string" && { user }),
    ...(typeof client === "string" && { client }),
    ...(typeof channel === "string" && { channel }),
  };
}

/** @returns the value, where each field that may hold any JSON is replaced by its text */
function withTexts({ value, text }: ApiParams): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const texts = jsonFields
    .filter((name) => Object.hasOwn(value, name))
    .map((name) => [name, textAt(text, [name])] as const);
  return texts.length === 0 ? value : { ...value, ...Object.fromEntries(texts) };
}

function describeFaults(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.length > 0 ? path.join(".") : "the body"}: ${message}`)
    .join("; ");
}
