/** Calls of the server's HTTP interface: one, or several of a batch, from their parameters to their answers. */
import { z } from "zod";
import { type ReplyError, replyError } from "../../wire/codes.js";
import { isWithin } from "./keys.js";
import { type ApiTools, apiMethods, type Scope, toError } from "./methods.js";
import { ContentFault } from "./schemas.js";

export interface CallContext {
  readonly tools: ApiTools;
  /** Of the request's key. */
  readonly scope: Scope;
  /** Told of each call of a method for admins, before it is done, and of whom or what it is about. */
  readonly onAdminCall: (
    method: string,
    subject: { readonly user?: string; readonly channel?: string },
  ) => void;
  /** What a caller is told of a failure that was foreseen; undefined for others. */
  readonly expectedFailure: (error: unknown) => ReplyError | undefined;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
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
export async function callMethod(name: string, params: unknown, context: CallContext): Promise<CallOutcome> {
  const method = apiMethods.get(name);
  if (method === undefined)
    return { error: replyError("methodNotFound", `there is ${[...apiMethods.keys()].join(", ")}`) };
  if (!isWithin(context.scope, method.scope))
    return {
      error: replyError(
        "permissionDenied",
        `${name} needs a key for ${method.scope}, this one is for ${context.scope}`,
      ),
    };
  const checked = method.params.safeParse(params);
  if (!checked.success) return { error: replyError("badRequest", faultOf(checked.error)) };
  try {
    if (method.scope === "admin") context.onAdminCall(name, subjectOf(params));
    const outcome = await method.run(checked.data, context.tools);
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

/** @returns `{ replies }`, one for each command, in their order */
export async function callBatch(value: unknown, context: CallContext): Promise<object> {
  const checked = batchParams.safeParse(value);
  if (!checked.success) return { error: toError(replyError("badRequest", faultOf(checked.error))) };
  const { commands, parallel = false } = checked.data;
  const replies: object[] = [];
  if (parallel) replies.push(...(await Promise.all(commands.map((command) => callOne(command, context)))));
  else for (const command of commands) replies.push(await callOne(command, context));
  return { replies };
}

async function callOne(command: Readonly<Record<string, unknown>>, context: CallContext): Promise<object> {
  const [name, ...others] = Object.keys(command);
  if (name === undefined || others.length > 0)
    return { error: toError(replyError("badRequest", "a command must have one method and its parameters")) };
  const outcome = await callMethod(name, command[name], context);
  return "error" in outcome ? { error: toError(outcome.error) } : { [name]: outcome.result };
}

export function faultOf(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.length > 0 ? path.join(".") : "the body"}: ${message}`)
    .join("; ");
}
