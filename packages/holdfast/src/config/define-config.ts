/** A configuration as its authors write it down, in TypeScript, JSON or YAML. */
import type { AccessWord } from "../app/access.js";
import type { AllowOptions, ChannelOptions, MapOptions } from "../app/channel.js";
import type { App } from "../app/define-app.js";
import type { TokenOptions } from "../auth/jwt-options.js";
import type { Durability } from "../channels/log.js";
import type { ServerOptions } from "../options/options.js";

/** Where a secret is: the name of an environment variable, or a file, which is trimmed. */
export type SecretReference = { readonly env: string } | { readonly file: string };
export type Secret = string | SecretReference;

/** Options of {@link jwt} except code; keys may be references. */
export type JwtConfig = Omit<TokenOptions, "now" | "fetch" | "onError" | "secret" | "publicKeys"> & {
  readonly secret?: Secret | readonly Secret[];
  readonly publicKeys?: readonly (NonNullable<TokenOptions["publicKeys"]>[number] | SecretReference)[];
};

export type AccessConfig = boolean | AccessWord | readonly AccessWord[];

/** Channel options that are code, which data files cannot contain. */
export type ChannelCode = "data" | "subscribe" | "publish" | "remove";

export type ChannelConfig = Omit<ChannelOptions, ChannelCode | "allow" | "map"> & {
  readonly allow?: { readonly [K in keyof AllowOptions]: AccessConfig };
  readonly map?: Omit<MapOptions, "score"> & { readonly score?: string };
};

type ApiKeyConfig =
  | Secret
  | { readonly key: Secret; readonly scope: "read" | "publish" | "admin"; readonly name?: string };

export interface ServerConfig extends Omit<ServerOptions, "authenticate" | "rulesFor" | "tls" | "apiKeys"> {
  /** PEM files, relative to the configuration file. @default null, no TLS */
  readonly tls?: { readonly cert: string; readonly key: string } | null;
  readonly apiKeys?: readonly ApiKeyConfig[];
  /** What publishes wait for in channels that set no durability. @default "process" */
  readonly durability?: Durability;
  /** Processes of `holdfast serve`; `auto` is one for each core. @default 1 */
  readonly workers?: number | "auto";
}

/** An application in code. */
export interface CodeConfig extends ServerConfig {
  readonly app: App;
  readonly authenticate?: never;
  readonly anonymous?: never;
  readonly personalChannel?: never;
  readonly channels?: never;
}

/** An application as data, without code. */
export interface DescribedConfig extends ServerConfig {
  readonly app?: never;
  /** @default "none": authentication is disabled */
  readonly authenticate?: "none" | { readonly jwt: JwtConfig };
  /** Whether clients without a token may connect. @default false where there is `authenticate`, else true */
  readonly anonymous?: boolean;
  /** A personal channel for each user, subscribed on connect: a pattern with the parameter `user`. @default none */
  readonly personalChannel?: string;
  /** By pattern, such as `chat:{room}`. @default every channel, for everybody; required with `authenticate` */
  readonly channels?: Readonly<Record<string, ChannelConfig>>;
}

export type HoldfastConfig = CodeConfig | DescribedConfig;

/** For a `holdfast.config.ts`: returns its argument, with its type checked. */
export function defineConfig(config: HoldfastConfig): HoldfastConfig {
  return config;
}
