/** Methods of an application that its clients may call. */
import type { Access } from "./access.js";
import type { Schema } from "./schema.js";
import type { User } from "./user.js";

export interface RpcContext<Data> {
  readonly user: User;
  /** Checked with the schema, where there is one. */
  readonly data: Data;
}

export interface RpcOptions<Input = unknown, Data = Input, Result = unknown> {
  /** What the argument has to look like. @default any JSON */
  readonly input?: Schema<Input, Data>;
  /** @default "users"; where the application has no `authenticate`, "all" */
  readonly allow?: Access;
  /** Returns what the client gets, as JSON; `reject` refuses. */
  readonly handler: (context: RpcContext<Data>) => Result | Promise<Result>;
}

declare const types: unique symbol;

/** A method of an application; made by `rpc`. */
export interface RpcDefinition<Input = unknown, Result = unknown> {
  readonly options: RpcOptions;
  readonly [types]?: { readonly input: Input; readonly result: Result };
}

export type RpcInputOf<R> = R extends RpcDefinition ? NonNullable<R[typeof types]>["input"] : never;
export type RpcResultOf<R> = R extends RpcDefinition ? NonNullable<R[typeof types]>["result"] : never;

export function rpc<Input = unknown, Data = Input, Result = unknown>(
  options: RpcOptions<Input, Data, Result>,
): RpcDefinition<NoInfer<Input>, NoInfer<Result>> {
  return Object.freeze({ options: Object.freeze(options) as unknown as RpcOptions });
}
