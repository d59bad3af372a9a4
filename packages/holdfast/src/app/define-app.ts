/** An application as its authors write it down: who clients are, which channels there are, and which methods. */
import type { TokenOptions } from "../auth/jwt-options.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import type { ChannelDefinition } from "./channel.js";
import type { RpcDefinition } from "./rpc.js";
import type { User } from "./user.js";

/** The request that opened the connection, and what came with the connect command. */
export interface AuthenticateContext extends ConnectionRequest {
  readonly token: string | undefined;
  readonly data: unknown;
}

/** Who a client is found to be. */
export interface AuthenticatedUser {
  readonly id: string;
  /** Shown to others. */
  readonly info?: unknown;
  readonly roles?: readonly string[];
  /** For hooks; never shown to a client. */
  readonly meta?: unknown;
  /** Unix milliseconds; the connection ends then. */
  readonly expiresAt?: number;
  /** Channels that the client is subscribed to at once. */
  readonly channels?: readonly string[];
}

/** @returns nothing where it does not know */
export type AuthenticateFunction = (
  request: AuthenticateContext,
) => AuthenticatedUser | null | undefined | Promise<AuthenticatedUser | null | undefined>;

/** Tokens as a way to find out who a client is; made by `jwt`. */
export interface TokenAuthentication {
  readonly tokens: Omit<TokenOptions, "now">;
}

export type Authentication = TokenAuthentication | AuthenticateFunction;

export interface ConnectContext {
  readonly user: User;
  /** What the client sent with the command. */
  readonly data: unknown;
}

export interface ConnectAnswer {
  /** For the client. */
  readonly data?: unknown;
  /** Channels that the client is subscribed to at once. */
  readonly channels?: readonly string[];
}

export type Channels = Readonly<Record<string, ChannelDefinition>>;
export type Methods = Readonly<Record<string, RpcDefinition>>;

export interface AppOptions<C extends Channels, M extends Methods> {
  /** Asked in their order until one knows. @default clients are believed what they say of themselves */
  readonly authenticate?: Authentication | readonly Authentication[];
  /** Whether clients may connect that nobody knows. @default false where there is `authenticate`, else true */
  readonly anonymous?: boolean;
  /** By pattern: text with parameters, such as `chat:{room}`. The most specific counts. */
  readonly channels?: C;
  readonly rpc?: M;
  /** A channel of each user, to which it is subscribed at once: a pattern with the parameter `user`. @default none */
  readonly personalChannel?: string;
  /** May greet a client, subscribe it to channels, or refuse it with `reject`. */
  readonly onConnect?: (
    context: ConnectContext,
  ) => ConnectAnswer | undefined | Promise<ConnectAnswer | undefined>;
  readonly onDisconnect?: (context: { readonly user: User }) => unknown;
  /** Takes one-way messages of clients. @default they are refused */
  readonly onMessage?: (context: { readonly user: User; readonly data: unknown }) => unknown;
}

/** An application; made by `defineApp`. Its type is what a typed client goes by. */
export class App<C extends Channels = Channels, M extends Methods = Methods> {
  readonly options: AppOptions<C, M>;

  constructor(options: AppOptions<C, M>) {
    this.options = options;
  }
}

export function defineApp<const C extends Channels, const M extends Methods = Record<never, never>>(
  options: AppOptions<C, M>,
): App<C, M> {
  return new App(options);
}

/** JSON Web Tokens, checked by the server: in the connect command, and for single channels. */
export function jwt(options: Omit<TokenOptions, "now">): TokenAuthentication {
  return Object.freeze({ tokens: options });
}
