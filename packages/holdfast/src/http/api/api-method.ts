/** What a method of the API is: its shapes, the scope that a key needs, and what it is given to work with. */
import type { z } from "zod";
import type { WhyAnswer, WhyQuestion } from "../../observe/why-causes.js";
import type { Control } from "../../sessions/control.js";
import type { ReplyError } from "../../wire/codes.js";
import type { Position } from "../../wire/messages.js";
import type { JsonText, Payload } from "../../wire/payload.js";
import type { KnownKey } from "./keys.js";
import type { DescribedMethod } from "./open-api.js";
import type * as schemas from "./schemas.js";

/** What a key may be used for; each includes those before it. */
export type Scope = "read" | "publish" | "admin";

export interface ApiTools {
  readonly control: Control;
  /** @throws HF_BROKER_UNAVAILABLE if the log cannot be read */
  readonly why: (question: WhyQuestion) => Promise<WhyAnswer>;
  /** Statistics of all nodes. */
  readonly info: () => Promise<object | ReplyError>;
  /** What the nodes did lately. @param after Unix milliseconds */
  readonly load: (after: number) => Promise<object>;
  /** The options in force, without secrets, and the application's channels. */
  readonly configuration: () => object;
  /** Waits for what is published. @throws HF_BROKER_UNAVAILABLE if the log cannot be read */
  readonly tail: (
    channel: string,
    since: Position | undefined,
    waitMs: number,
  ) => Promise<object | ReplyError>;
  readonly call:
    | ((method: string, params: JsonText | undefined) => Promise<ReplyError | { readonly data: Payload }>)
    | undefined;
  readonly revoke:
    | ((revocation: z.output<typeof schemas.revoke>) => Promise<ReplyError | undefined>)
    | undefined;
}

export interface ApiMethod extends DescribedMethod {
  readonly scope: Scope;
  run(params: unknown, tools: ApiTools, caller: KnownKey): Promise<object | { readonly error: ReplyError }>;
}

export function method<P extends z.ZodType>(definition: {
  readonly summary: string;
  readonly scope: Scope;
  readonly params: P;
  readonly result: z.ZodType;
  readonly run: (params: z.output<P>, tools: ApiTools, caller: KnownKey) => Promise<object>;
}): ApiMethod {
  return definition as unknown as ApiMethod;
}
