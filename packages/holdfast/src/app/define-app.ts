/**
 * What an application is written with: `defineApp`, `rpc`, `jwt` and `reject`. Only describes it; compile-app.ts checks it and
 * makes it run. Runs in browsers, too, so that pages and servers can share a module.
 */
import type { TokenOptions } from "../auth/jwt-options.js";
import type { PayloadKind } from "../channels/rules.js";
import { HoldfastError } from "../errors.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import type { Access } from "./access.js";
import type { ChannelDefinition } from "./channel.js";
import type { Schema, User } from "./hooks.js";

/** The request that opened the connection, and what the client sent with the connect command. */
export interface AuthenticateContext extends ConnectionRequest {
  readonly token: string | undefined;
  /** The `data` of the client: any JSON. */
  readonly data: unknown;
}

/** The user behind a connection. */
export interface AuthenticatedUser {
  /** User id, of up to 255 characters; empty for an anonymous user. */
  readonly id: string;
  /** JSON that other clients see in presence, joins, leaves and publications. */
  readonly info?: unknown;
  /** For access rules such as `role:admin`. */
  readonly roles?: readonly string[];
  /** For hooks, on this server only; clients never see it. */
  readonly meta?: unknown;
  /** Unix milliseconds; the connection ends then. @default never */
  readonly expiresAt?: number;
  /** Channels to subscribe the client to when it connects. */
  readonly channels?: readonly string[];
}

/** Identifies a client. Returns nothing if it cannot; `reject` refuses the client. */
export type AuthenticateFunction = (
  context: AuthenticateContext,
) => AuthenticatedUser | null | undefined | Promise<AuthenticatedUser | null | undefined>;

/** Authentication by JSON Web Token; made by `jwt`. */
export interface TokenAuthentication {
  readonly tokens: Omit<TokenOptions, "now">;
}

/** One way to authenticate clients. */
export type Authentication = TokenAuthentication | AuthenticateFunction;

export interface ConnectContext {
  readonly user: User;
  /** The `data` that the client sent with the connect command: any JSON. */
  readonly data: unknown;
}

export interface ConnectResult {
  /** JSON for the client; it sees it in its status. */
  readonly data?: unknown;
  /** Channels to subscribe the client to. */
  readonly channels?: readonly string[];
}

export interface RpcContext<Data> {
  readonly user: User;
  /** The argument, as the `input` schema returned it. */
  readonly data: Data;
}

export interface RpcOptions<Input = unknown, Data = Input, Result = unknown> {
  /** Schema of the argument: any Standard Schema (zod, valibot, arktype). @default any JSON */
  readonly input?: Schema<Input, Data>;
  /**
   * What its argument is: `"json"`, or `"binary"` for bytes, which it gets as a Uint8Array; clients that speak JSON send them as a string
   * in base64. It may return a Uint8Array either way.
   * @default "json"
   */
  readonly payload?: PayloadKind;
  /** Who may call it. @default "users", or "all" if the application has no `authenticate` */
  readonly allow?: Access;
  /** Returns JSON for the client; `reject` refuses the call. */
  readonly handler: (context: RpcContext<Data>) => Result | Promise<Result>;
}

/** A method of an application; made by `rpc`. */
export interface RpcDefinition<Input = unknown, Result = unknown> {
  readonly options: RpcOptions;
  /** For the compiler only. */
  readonly "~types"?: { readonly input: Input; readonly result: Result };
}

export type Channels = Readonly<Record<string, ChannelDefinition>>;
export type Methods = Readonly<Record<string, RpcDefinition>>;

export interface AppOptions<C extends Channels, M extends Methods> {
  /**
   * How clients are authenticated: `jwt`, a function, or a list that is tried in order until one identifies the client.
   * @default no authentication: clients state their own identity
   */
  readonly authenticate?: Authentication | readonly Authentication[];
  /** Whether clients without a user may connect. @default false with `authenticate`, true without */
  readonly anonymous?: boolean;
  /** By pattern, such as `chat:{room}`. If several match a name, the most specific wins. */
  readonly channels?: C;
  /** Methods that clients may call, by name. */
  readonly rpc?: M;
  /**
   * Subscribes each user to a channel of its own when it connects: one of the patterns of `channels`, with `user` as its only
   * parameter, such as `user:{user}`.
   * @default none
   */
  readonly personalChannel?: string;
  /** Called when a client has been authenticated. Its result is for the client; `reject` refuses the connection. */
  readonly onConnect?: (
    context: ConnectContext,
  ) => ConnectResult | undefined | Promise<ConnectResult | undefined>;
  /** Called when a connection has ended. */
  readonly onDisconnect?: (context: { readonly user: User }) => unknown;
  /** Called with each one-way message of a client: JSON, or a Uint8Array of what is not JSON. @default such messages are refused */
  readonly onMessage?: (context: { readonly user: User; readonly data: unknown }) => unknown;
}

/** An application; made by `defineApp`. Its type describes its channels and methods to a typed client. */
export class App<C extends Channels = Channels, M extends Methods = Methods> {
  readonly options: AppOptions<C, M>;
  /** For the compiler only. */
  declare readonly "~types"?: { readonly channels: C; readonly methods: M };

  constructor(options: AppOptions<C, M>) {
    this.options = options;
  }
}

/** Stands for any application: a `HoldfastServer` of it takes servers of all applications. */
// biome-ignore lint/suspicious/noExplicitAny: `unknown` channels would not be assignable to known ones.
export type UntypedApp = App<any, any>;

/** Describes an application. Its options are checked when a server is made with it. */
export function defineApp<const C extends Channels, const M extends Methods = Record<never, never>>(
  options: AppOptions<C, M>,
): App<C, M> {
  return new App(options);
}

/** Describes a method. Its types come from its own options. */
export function rpc<Input = unknown, Data = Input, Result = unknown>(
  options: RpcOptions<Input, Data, Result>,
): RpcDefinition<NoInfer<Input>, NoInfer<Result>> {
  return Object.freeze({ options: Object.freeze(options) as unknown as RpcOptions });
}

/** JSON Web Tokens: clients send them with the connect command, and for channels that need one. */
export function jwt(options: Omit<TokenOptions, "now">): TokenAuthentication {
  return Object.freeze({ tokens: options });
}

const minRejectionCode = 400;
const maxRejectionCode = 1999;

/** Refuses what a client asked for; thrown by `reject`. */
export class Rejection extends Error {
  override readonly name = "Rejection";
  readonly code: number;

  /**
   * @param code 400–1999; lower codes belong to the protocol
   * @param message sent to the client
   * @throws HF_OPTION_INVALID for any other code
   */
  constructor(code: number, message: string) {
    super(message);
    if (!Number.isInteger(code) || code < minRejectionCode || code > maxRejectionCode)
      throw new HoldfastError(
        "HF_OPTION_INVALID",
        `the code of a rejection must be an integer from ${minRejectionCode} to ${maxRejectionCode}, but is ${String(code)}`,
      );
    this.code = code;
  }
}

/**
 * Refuses what a client asked for, from within a hook or a method. The client gets the code and the message.
 * @param code 400–1999
 * @throws always
 */
export function reject(code: number, message: string): never {
  throw new Rejection(code, message);
}
