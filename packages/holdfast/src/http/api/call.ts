/** Calls of the server's HTTP interface: one, or several of a batch, from their parameters to their answers. */
import { z } from "zod";
import { type ReplyError, replyError } from "../../wire/codes.js";
import { elementTexts, type JsonText, textAt } from "../../wire/payload.js";
import { isWithin, type KnownKey } from "./keys.js";
import { type ApiTools, apiMethods, toError } from "./methods.js";
import { ContentFault, jsonFields } from "./schemas.js";

export interface CallContext {
  readonly tools: ApiTools;
  /** The request's. */
  readonly key: KnownKey;
  /** Told of each call of a method for admins, before it is done, and of whom or what it is about. */
  readonly onAdminCall: (
    method: string,
    subject: { readonly user?: string; readonly channel?: string },
  ) => void;
  /** What a caller is told of a failure that was foreseen; undefined for others. */
  readonly expectedFailure: (error: unknown) => ReplyError | undefined;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Parameters as a request has them. */
export interface CallParams {
  readonly value: unknown;
  /** What the value was parsed from. */
  readonly text: JsonText;
}

export type CallOutcome = { readonly error: ReplyError } | { readonly result: object };

const mostCommands = 1000;

export const batchParams = z.object({
  commands: z
    .array(z.record(z.string(), z.unknown()))
    .min(1)
    .max(mostCommands)
    .describe('each an object of one method and its parameters, such as {"publish": {…}}'),
  parallel: z.boolean().optional().describe("start all at once, instead of one after the other"),
});

/** Never rejects. */
export async function callMethod(
  name: string,
  params: CallParams,
  context: CallContext,
): Promise<CallOutcome> {
  const method = apiMethods.get(name);
  if (method === undefined)
    return { error: replyError("methodNotFound", `there is ${[...apiMethods.keys()].join(", ")}`) };
  if (!isWithin(context.key.scope, method.scope))
    return {
      error: replyError(
        "permissionDenied",
        `${name} needs a key for ${method.scope}, this one is for ${context.key.scope}`,
      ),
    };
  const checked = method.params.safeParse(withTexts(params));
  if (!checked.success) return { error: replyError("badRequest", faultOf(checked.error)) };
  try {
    if (method.scope === "admin") context.onAdminCall(name, subjectOf(params.value));
    const outcome = await method.run(checked.data, context.tools, context.key);
    return "error" in outcome ? { error: outcome.error as ReplyError } : { result: outcome };
  } catch (error) {
    if (error instanceof ContentFault) return { error: replyError("badRequest", error.message) };
    const expected = context.expectedFailure(error);
    if (expected === undefined) context.onError(error, { stage: `answering /api/${name}` });
    return { error: expected ?? replyError("internal") };
  }
}

function subjectOf(params: unknown): { readonly user?: string; readonly channel?: string } {
  const { user, channel } = (params ?? {}) as Readonly<Record<string, unknown>>;
  return {
    ...(typeof user === "string" && { user }),
    ...(typeof channel === "string" && { channel }),
  };
}

/** @returns the value, with the text of each field that may hold any JSON in its place */
function withTexts({ value, text }: CallParams): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const texts = jsonFields
    .filter((name) => Object.hasOwn(value, name))
    .map((name) => [name, textAt(text, [name])] as const);
  return texts.length === 0 ? value : { ...value, ...Object.fromEntries(texts) };
}

/** @returns `{ replies }`, one for each command, in their order */
export async function callBatch(params: CallParams, context: CallContext): Promise<object> {
  const checked = batchParams.safeParse(params.value);
  if (!checked.success) return { error: toError(replyError("badRequest", faultOf(checked.error))) };
  const { commands, parallel = false } = checked.data;
  const texts = elementTexts(textAt(params.text, ["commands"]) ?? "[]");
  const call = (command: Readonly<Record<string, unknown>>, i: number) =>
    callOne(command, texts[i] as JsonText, context);
  const replies: object[] = [];
  if (parallel) replies.push(...(await Promise.all(commands.map(call))));
  else for (const [i, command] of commands.entries()) replies.push(await call(command, i));
  return { replies };
}

async function callOne(
  command: Readonly<Record<string, unknown>>,
  text: JsonText,
  context: CallContext,
): Promise<object> {
  const [name, ...others] = Object.keys(command);
  if (name === undefined || others.length > 0)
    return { error: toError(replyError("badRequest", "a command must have one method and its parameters")) };
  const params = { value: command[name], text: textAt(text, [name]) as JsonText };
  const outcome = await callMethod(name, params, context);
  return "error" in outcome ? { error: toError(outcome.error) } : { [name]: outcome.result };
}

export function faultOf(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.length > 0 ? path.join(".") : "the body"}: ${message}`)
    .join("; ");
}
